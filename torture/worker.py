"""A worker: logs what its task says, writes down what was acknowledged, and reports what it cost.

It runs in a process of its own, which scenarios kill, freeze and cut off; `torture.nursery` starts it.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import threading
import time
from array import array
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zlib import crc32

from picoevent import EventLog, NewEvent
from torture.task import Task

EXITED_BY_ITSELF = 7
STATES = ("stored", "refused", "spooled", "set_aside", "lost", "in_flight")
LOOK_SECONDS = 0.05
MANY = 3


def is_balanced(counters: Mapping[str, int]) -> bool:
    """Tell whether each event that came in is in exactly one state."""
    return counters["sent"] + counters["adopted"] == sum(counters[state] for state in STATES)


class Trace:
    """The oracle: an append-only file with a line for each event that was sent, acknowledged or refused.

    A line is in the kernel's hands before the worker goes on, so it survives whatever kills the worker.
    """

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_CREAT | os.O_APPEND | os.O_WRONLY, 0o600)

    def sent(self, names: Sequence[str]) -> None:
        """Write down that these payloads are about to be logged."""
        os.write(self._file, "".join(f"> {name}\n" for name in names).encode())

    def answered(self, names: Sequence[str], event_ids: Sequence[int | None]) -> None:
        """Write down what `log()` answered: an id is an acknowledgement, None a refusal."""
        pairs = zip(names, event_ids, strict=True)
        lines = (f"- {name}\n" if event_id is None else f"+ {name} {event_id}\n" for name, event_id in pairs)
        os.write(self._file, "".join(lines).encode())


@dataclass(slots=True)
class Calls:
    """When calls began and how long they took, in seconds; `array` keeps a million of them small."""

    began: array[float] = field(default_factory=lambda: array("d"))
    took: array[float] = field(default_factory=lambda: array("d"))


class Worker:
    """One task in one process."""

    def __init__(self, task: Task) -> None:
        self._task = task
        self._trace = Trace(task.path("trace"))
        self._stop = threading.Event()
        self._log = EventLog(task.url, **task.settings)
        self._calls = [Calls() for _ in range(task.threads)]
        self._raised: list[str] = []
        self._unbalanced: list[dict[str, int]] = []
        self._began_kb = _peak_kb()

    def work(self) -> None:
        """Do the task to its end, close the event log, and write the report."""
        signal.signal(signal.SIGUSR1, lambda *_: self._stop.set())
        if self._task.exit_after:
            timer = threading.Timer(self._task.exit_after, os._exit, (EXITED_BY_ITSELF,))
            timer.daemon = True
            timer.start()
        threads = [threading.Thread(target=self._go_on, args=(number,)) for number in range(self._task.threads)]
        for thread in threads:
            thread.start()
        for thread in threads:
            while thread.is_alive():
                thread.join(LOOK_SECONDS)
                self._look_at_counters()
        self._report()

    def _look_at_counters(self) -> None:
        """Note where an event is in no state, or in two, at any moment."""
        counters = self._log.counters()
        if not is_balanced(counters) and len(self._unbalanced) < MANY:
            self._unbalanced.append(counters)

    def _go_on(self, number: int) -> None:
        task = self._task
        began = time.monotonic()
        for turn, first in enumerate(range(0, task.events or 1 << 40, task.batch)):
            pause = began + turn / task.per_second - time.monotonic() if task.per_second else 0
            if self._stop.wait(pause) if pause > 0 else self._stop.is_set():
                return
            if task.seconds and time.monotonic() - began > task.seconds:
                return
            names = [f"{task.name}-{number}-{first + place}" for place in range(task.batch)]
            self._trace.sent(names)
            self._trace.answered(names, self._timed_call(number, list(self._events(names, first))))

    def _events(self, names: Sequence[str], first: int) -> Iterator[NewEvent]:
        task = self._task
        for place, name in enumerate(names, first):
            # By chance, but the same each time: two workers meet the same users in different orders.
            user = f"user-{crc32(name.encode()) % task.text_users}" if task.text_users else place
            event_type = f"type-{(task.first_type + place) % task.event_types}"
            data = {"uid": name, "name": event_type, "pad": "x" * task.payload_bytes}
            yield NewEvent(event_type, data, user, at=self._moment(name) if task.hours_back else None)

    def _moment(self, name: str) -> datetime:
        # Half of them near now, the others anywhere.
        seconds = crc32(name[::-1].encode()) % (self._task.hours_back * 3600)
        return datetime.now(UTC) - timedelta(seconds=seconds // (1 + seconds % 2 * 1000))

    def _timed_call(self, number: int, events: list[NewEvent]) -> Sequence[int | None]:
        calls = self._calls[number]
        calls.began.append(time.time())
        begin = time.perf_counter()
        try:
            if len(events) > 1:
                return self._log.log_many(events, durability=self._task.durability)
            event = events[0]
            return [
                self._log.log(event.event_type, event.data, user_id=event.user_id, durability=self._task.durability)
            ]
        except Exception as error:  # noqa: BLE001  # that log() never raises is what is tried here
            self._raised.append(repr(error))
            return [None] * len(events)
        finally:
            calls.took.append(time.perf_counter() - begin)

    def _report(self) -> None:
        left = self._log.close(self._task.close_seconds)
        with self._task.path("calls").open("wb") as file:
            for column in ("began", "took"):
                for calls in self._calls:
                    getattr(calls, column).tofile(file)
        report = {
            "counters": self._log.counters(),
            "left": left,
            "raised": self._raised,
            "unbalanced": self._unbalanced,
            "began_kb": self._began_kb,
            "peak_kb": _peak_kb(),
        }
        unfinished = self._task.path("unfinished")
        unfinished.write_text(json.dumps(report), "utf-8")
        unfinished.rename(self._task.path("report"))


def _peak_kb() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
