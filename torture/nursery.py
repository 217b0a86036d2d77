"""A process that has imported PicoEvent and forks workers: one is there in milliseconds instead of half a second.

It has no event log of its own. Workers die with it, and it dies with whoever started it.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import select
import signal
import subprocess
import sys
import threading
import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from torture.folding import fold
from torture.puppet import Puppet
from torture.task import Task
from torture.worker import Worker

ROOT = Path(__file__).parents[1]
PR_SET_PDEATHSIG = 1


class HungWorker(AssertionError):
    """A worker did not come to an end within the time that its scenario allows."""


@dataclass(frozen=True, slots=True)
class Running:
    """A worker that was started; its process id stays its own until it was waited for."""

    task: Task
    pid: int
    nursery: Nursery

    def send(self, signal_number: int) -> None:
        """Send a signal; a worker that has ended does not mind."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal_number)

    def finish(self) -> None:
        """Ask the worker to come to its end: close its event log, and report."""
        self.send(signal.SIGUSR1)

    def wait(self, seconds: float = 60) -> int:
        """Return the exit code, negative for a signal; kill a worker that takes longer, and raise `HungWorker`."""
        descriptor = os.pidfd_open(self.pid)
        try:
            ended = bool(select.select([descriptor], [], [], seconds)[0])
        finally:
            os.close(descriptor)
        if not ended:
            self.send(signal.SIGKILL)
        code = self.nursery.reap(self.pid)
        if not ended:
            raise HungWorker(f"{self.task.name} did not end within {seconds:g} s")
        return code


class Nursery:
    """The other end of that process; safe under threads. `with` starts and ends it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()

    def start(self, task: Task) -> Running:
        """Have a worker forked that does this task."""
        return Running(task, self._ask(task.to_line()), self)

    def reap(self, pid: int) -> int:
        """Return the exit code of a worker that has ended."""
        return self._ask(str(pid))

    def _ask(self, line: str) -> int:
        pipes = self._process.stdin, self._process.stdout
        with self._lock:
            if pipes[0] is None or pipes[1] is None:
                raise ValueError("the nursery has no pipes")
            pipes[0].write(line + "\n")
            pipes[0].flush()
            return int(pipes[1].readline())

    def __enter__(self) -> Self:
        command = [sys.executable, "-m", "torture.nursery"]
        self._process = subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
        )
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate()


def serve() -> None:
    """Fork a worker for each task on standard input, and wait for one where a line is its process id."""
    # What `EventLog` imports when it is made; here once, for all of them.
    import picoevent.parts
    import picoevent.store.mysql  # noqa: F401

    _die_with_parent()
    for line in iter(sys.stdin.readline, ""):
        if line.strip().isdigit():
            _, status = os.waitpid(int(line), 0)
            answer = os.waitstatus_to_exitcode(status)
        else:
            answer = os.fork()
            if answer == 0:
                _be_worker(Task.from_line(line))
        sys.stdout.write(f"{answer}\n")
        sys.stdout.flush()


def _be_worker(task: Task) -> None:
    """Work, and end without what the interpreter does at its end: the nursery's own state is not the worker's."""
    _die_with_parent()
    code = 1
    try:
        devnull = os.open(os.devnull, os.O_RDWR)
        for stream in (0, 1):
            os.dup2(devnull, stream)
        os.dup2(os.open(task.path("errors"), os.O_CREAT | os.O_APPEND | os.O_WRONLY, 0o600), 2)
        if task.fold_speed:
            fold(task)
        elif task.control:
            Puppet(task).obey(task.control)
        else:
            Worker(task).work()
        code = 0
    except BaseException:  # noqa: BLE001  # a child of fork must not return into its parent's code
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


if __name__ == "__main__":
    serve()
