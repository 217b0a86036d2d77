"""Threads that ask the same at the same moment ask once: who came before the call began has its result, too."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

Result = TypeVar("Result")


@dataclass(slots=True)
class _Line(Generic[Result]):
    """Who asks for one key: one after the other, with the outcome of the last call."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    askers: int = 0
    began: float = -1.0
    result: list[Result] = field(default_factory=list)
    error: Exception | None = None


class Shared(Generic[Result]):
    """Share calls between threads. Nobody gets what was read before he asked, unlike from a cache."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._lines: dict[Hashable, _Line[Result]] = {}

    def ask(self, key: Hashable, call: Callable[[], Result]) -> Result:
        """Return the result of a call for this key that began after this one; raise what it raised."""
        came = self._clock()
        with self._lock:
            line = self._lines.setdefault(key, _Line())
            line.askers += 1
        try:
            with line.lock:
                if line.began <= came:
                    line.began = self._clock()
                    _call(line, call)
                if line.error is not None:
                    raise line.error
                return line.result[0]
        finally:
            with self._lock:
                line.askers -= 1
                if not line.askers:
                    del self._lines[key]


def _call(line: _Line[Result], call: Callable[[], Result]) -> None:
    line.error = None
    try:
        line.result = [call()]
    except Exception as error:  # noqa: BLE001  # whatever it is, all who wait for it get it
        line.error = error
