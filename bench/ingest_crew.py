"""Processes that work at the same moment: started and made ready before the clock, measured each by itself.

They share nothing with each other and end with the benchmark, also when it is interrupted.
"""

from __future__ import annotations

import gc
import multiprocessing
import signal
import time
from collections.abc import Sequence
from contextlib import suppress
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any, NamedTuple, Protocol, Self

from picoevent.errors import PicoEventError

END_SECONDS = 15.0


class WorkerFailed(PicoEventError):
    """A process of a benchmark ended, or could not do its work: what it was to measure has no figure."""


class Worker(Protocol):
    """What one process does. It is sent there as a value: `open` runs in the process itself."""

    def open(self) -> None:
        """Connect, and prepare all that does not belong to the measure."""

    def run(self, *arguments: Any) -> Any:  # noqa: ANN401  # each worker has its own
        """Do what is measured, once; called again for each round."""

    def close(self) -> None:
        """Let go of everything."""


class Lap(NamedTuple):
    """One `run` of one process: from when to when, on a clock that all processes share; CPU seconds; its result."""

    started: float
    ended: float
    cpu_seconds: float
    result: Any


class Crew:
    """Some processes; `with` starts them, and returns when each one is ready."""

    def __init__(self, *workers: Worker) -> None:
        self._workers = workers
        self._members: list[tuple[BaseProcess, Connection]] = []

    def run(self, *arguments: object) -> list[Lap]:
        """Have all of them run at the same moment, and return when the last one has ended."""
        self.begin(*arguments)
        return self.end()

    def begin(self, *arguments: object) -> None:
        """Have all of them begin to run."""
        for _, pipe in self._members:
            with suppress(OSError):  # whoever is gone is found in `end`
                pipe.send(arguments)

    def end(self) -> list[Lap]:
        """Wait for what has begun."""
        return [_receive(pipe) for _, pipe in self._members]

    def __enter__(self) -> Self:
        # Not forked: each begins as a program of its own does, with nothing of this one.
        context = multiprocessing.get_context("spawn")
        try:
            for worker in self._workers:
                ours, theirs = context.Pipe()
                process = context.Process(target=_serve, args=(worker, theirs), daemon=True)
                process.start()
                theirs.close()
                self._members.append((process, ours))
            self.end()
        except BaseException:
            self._kill()
            raise
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        codes = [_end(process, pipe) for process, pipe in self._members] if kind is None else []
        self._kill()
        if codes and set(codes) != {0}:
            message = f"Processes of the benchmark ended with the exit codes {codes}."
            raise WorkerFailed(message, hint="Below 0 it is a signal; None: it did not end.")

    def _kill(self) -> None:
        for process, pipe in self._members:
            pipe.close()
            process.kill()
            process.join()
        self._members.clear()


def events_a_second(laps: Sequence[Lap], events: int) -> float:
    """Return how many of so many events all of them have stored in a second."""
    return events / (max(lap.ended for lap in laps) - min(lap.started for lap in laps))


def _end(process: BaseProcess, pipe: Connection) -> int | None:
    """Have a process close what it has open, and end; return its exit code."""
    pipe.close()
    process.join(END_SECONDS)
    return process.exitcode


def _receive(pipe: Connection) -> Lap:
    try:
        found = pipe.recv()
    except EOFError:
        raise WorkerFailed("A process of the benchmark has died.", hint="Look above for what it said.") from None
    if isinstance(found, Exception):
        raise WorkerFailed(f"A process of the benchmark failed: {type(found).__name__}: {found}") from found
    return found


def _serve(worker: Worker, pipe: Connection) -> None:
    """Run a worker, in its process, until the other end of the pipe is closed."""
    # Ctrl-C reaches every process of the terminal: the benchmark alone decides what it ends.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with suppress(EOFError, OSError):
        try:
            worker.open()
            # What is prepared is not looked through again by the collector: a caller's events come one by one.
            gc.collect()
            gc.freeze()
            pipe.send(Lap(0, 0, 0, None))
            while True:
                pipe.send(_lap(worker, pipe.recv()))
        except (EOFError, OSError):
            raise
        except Exception as error:  # noqa: BLE001  # told to the benchmark, which says it
            pipe.send(WorkerFailed(f"{type(error).__name__}: {error}"))
    worker.close()


def _lap(worker: Worker, arguments: tuple[Any, ...]) -> Lap:
    started, cpu = time.perf_counter(), time.process_time()
    result = worker.run(*arguments)
    return Lap(started, time.perf_counter(), time.process_time() - cpu, result)
