"""How much one turn does: as much as is over in time, learned from how long the turns before it took."""

from __future__ import annotations


class Pace:
    """How many events a turn takes: so many that it is over in time, however far apart their buckets lie.

    A turn that works for long keeps others waiting, and the server ends a session that is silent for seconds.
    """

    def __init__(self, first: int, *, least: int, most: int, seconds: float) -> None:
        """Begin with so many events, take `least` to `most`; a turn that takes longer than `seconds` is too long."""
        self.events = first
        self._least, self._most = least, most
        self._seconds = seconds

    def took(self, seconds: float) -> None:
        """Take note how long a turn was."""
        if seconds > self._seconds:
            self.slower()
        elif seconds < self._seconds / 3:
            self.events = min(self._most, self.events * 2)

    def slower(self) -> None:
        """Take fewer: a turn was long, or failed."""
        self.events = max(self._least, self.events // 2)
