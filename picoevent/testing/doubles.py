"""Test doubles for whoever tests code that uses PicoEvent; its own tests use them too."""

from __future__ import annotations


class FakeClock:
    """A clock that stands still until it is told; call it for the time, in the unit it was made with."""

    def __init__(self, now: float = 0) -> None:
        self.now = now

    def __call__(self) -> int:
        """Return the time as a whole number."""
        return int(self.now)

    def advance(self, by: float) -> None:
        """Let time pass."""
        self.now += by
