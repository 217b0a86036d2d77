"""How slow the machine is by itself: its processors, shared with whatever else runs, and its disk.

Where a scenario shares its machine with other work, its bounds of time have to leave room for that, and for no more.
"""

from __future__ import annotations

import os
import threading
import time
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Self

WORK_SECONDS = 0.008
"""Longer than a thread that has slept is let through at once."""
REST_SECONDS = 0.15
WRITE_EVERY_SECONDS, SMALL_WRITE_BYTES = 0.005, 300


class Measuring(ABC):
    """Measures in a `with`, in a thread of its own."""

    def __init__(self, name: str) -> None:
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._measure, name=name, daemon=True)

    @abstractmethod
    def _measure(self) -> None:
        """Measure again and again until it is over."""

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()


class Slowness(Measuring):
    """How many times longer than its CPU time a bit of work takes."""

    def __init__(self) -> None:
        super().__init__("slowness")
        self.factor = 1.0
        """The worst that was met: 3.0 where work took three times its CPU time."""

    def _measure(self) -> None:
        while not self._over.wait(REST_SECONDS):
            begin, until = time.perf_counter(), time.thread_time() + WORK_SECONDS
            while time.thread_time() < until:
                pass
            self.factor = max(self.factor, (time.perf_counter() - begin) / WORK_SECONDS)


class DiskPace(Measuring):
    """How long a small write takes until it is on the disk."""

    def __init__(self, folder: Path) -> None:
        super().__init__("disk-pace")
        self._path = folder / "pace"
        self._took: list[float] = []

    @property
    def p99_ms(self) -> float:
        """The time, in milliseconds, that 99 of 100 writes did not exceed."""
        took = sorted(self._took)
        return took[int(len(took) * 0.99)] * 1000 if took else 0.0

    def _measure(self) -> None:
        file = os.open(self._path, os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600)
        while not self._over.wait(WRITE_EVERY_SECONDS):
            begin = time.perf_counter()
            os.write(file, bytes(SMALL_WRITE_BYTES))
            os.fdatasync(file)
            self._took.append(time.perf_counter() - begin)
        os.close(file)
