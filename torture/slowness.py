"""How much slower the machine is than it would be alone: how long a bit of work takes, against the CPU time it needs.

Where a scenario shares its machine with other work, its bounds of time have to leave room for that, and for no more.
"""

from __future__ import annotations

import threading
import time
from typing import Self

WORK_SECONDS = 0.008
"""Longer than a thread that has slept is let through at once."""
REST_SECONDS = 0.15


class Slowness:
    """Measures from `with` on, in a thread of its own that takes a twentieth of a core."""

    def __init__(self) -> None:
        self.factor = 1.0
        """The worst that was met: 3.0 where work took three times its CPU time."""
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._measure, name="slowness", daemon=True)

    def _measure(self) -> None:
        while not self._over.wait(REST_SECONDS):
            begin, until = time.perf_counter(), time.thread_time() + WORK_SECONDS
            while time.thread_time() < until:
                pass
            self.factor = max(self.factor, (time.perf_counter() - begin) / WORK_SECONDS)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
