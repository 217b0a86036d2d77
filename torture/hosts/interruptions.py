"""A program that logs from a signal handler and from finalizers, which come in the middle of its other calls."""

from __future__ import annotations

import gc
import signal
import sys
import threading
import time
from itertools import count
from typing import ClassVar

from picoevent import EventLog
from torture.task import Task
from torture.worker import Trace

SIGNAL_AFTER_SECONDS = 0.002
DEEPEST = 3
"""How many handlers may interrupt each other; without an end they would use up the stack of any program."""
THREADS = 3
COLLECT_SECONDS, REST_SECONDS = 10.0, 0.01


class Interrupted:
    """One event log that is called from everywhere."""

    def __init__(self, task: Task) -> None:
        self._task = task
        self._log = EventLog(task.url, **task.settings)
        self._trace = Trace(task.path("trace"))
        self._numbers = count()
        self._depth = 0
        self._over = False

    def record(self, who: str) -> None:
        """Log one event in the name of whoever calls."""
        name = f"{self._task.name}-{who}-{next(self._numbers)}"
        self._trace.sent([name])
        self._trace.answered([name], [self._log.log("interrupted", {"uid": name}, durability=self._task.durability)])

    def go_on(self, who: str) -> None:
        """Log, and leave a ring behind that only the garbage collector finds, until the time is over."""
        until = time.monotonic() + self._task.seconds
        while time.monotonic() < until:
            Ring(self)
            self.record(who)

    def run(self) -> None:
        """Be interrupted in the main thread, while others log; then close."""
        gc.set_threshold(50)
        signal.signal(signal.SIGALRM, self._on_signal)
        threads = [threading.Thread(target=self.go_on, args=(f"thread{number}",)) for number in range(THREADS)]
        for thread in threads:
            thread.start()
        self._arm()
        self.go_on("main")
        self._over = True
        signal.setitimer(signal.ITIMER_REAL, 0)
        for thread in threads:
            thread.join()
        # While one thread collects, it does nothing in another: a finalizer that logs takes its time, and must not
        # wait at each write for the interpreter's lock that a loop without a rest holds.
        give_up = time.monotonic() + COLLECT_SECONDS
        while Ring.alive and time.monotonic() < give_up:
            gc.collect()
            time.sleep(REST_SECONDS)
        self._log.close()

    def _on_signal(self, *_: object) -> None:
        if not self._over:
            self._depth += 1
            self._arm()
            self.record("signal")
            self._depth -= 1
            self._arm()

    def _arm(self) -> None:
        if self._depth < DEEPEST and not self._over:
            signal.setitimer(signal.ITIMER_REAL, SIGNAL_AFTER_SECONDS)


class Ring:
    """Refers to itself, and logs when it is collected: in any thread, at any moment."""

    alive: ClassVar[set[int]] = set()

    def __init__(self, host: Interrupted) -> None:
        self._host = host
        self._ring = self
        self.alive.add(id(self))

    def __del__(self) -> None:
        self._host.record("finalizer")
        self.alive.discard(id(self))


if __name__ == "__main__":
    Interrupted(Task.from_line(sys.argv[1])).run()
