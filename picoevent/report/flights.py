"""`Flights`: who computes which key in this process, and who waits for it."""

from __future__ import annotations

import threading
from typing import Generic, TypeVar

Result = TypeVar("Result")


class Flight(Generic[Result]):
    """One computation that is under way: one thread leads, others wait for what it brings."""

    def __init__(self) -> None:
        self._landed = threading.Event()
        self._result: Result | None = None
        self._error: Exception | None = None

    def land(self, result: Result | None, error: Exception | None = None) -> None:
        """Hand out the result, or why there is none; neither: whoever waits has to do it alone."""
        self._result, self._error = result, error
        self._landed.set()

    def wait(self, seconds: float) -> Result | None:
        """Return the result, or None where there is none within so many seconds; raise what the leader met."""
        self._landed.wait(max(0.0, seconds))
        if self._error is not None:
            raise self._error
        return self._result


class Flights(Generic[Result]):
    """All that is under way in this process; safe under threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._under_way: dict[str, Flight[Result]] = {}

    def board(self, key: str) -> tuple[Flight[Result], bool]:
        """Return the flight of a key, and whether this caller leads it: then it must `leave`."""
        with self._lock:
            flight = self._under_way.get(key)
            if flight is not None:
                return flight, False
            flight = self._under_way[key] = Flight()
            return flight, True

    def leave(self, key: str) -> None:
        """End the flight of a key."""
        with self._lock:
            del self._under_way[key]
