"""How many events of this process were stored, stored already, or refused, and why; exact, safe under threads."""

from __future__ import annotations

import threading
from collections import Counter

from picoevent.errors import RejectReason


class Counters:
    """Count what became of each event that was handed in: sent = stored + already stored + refused."""

    def __init__(self) -> None:
        # Reentrant: a signal handler may log within a call that holds it.
        self._lock = threading.RLock()
        self._stored = 0
        self._already = 0
        self._refused: Counter[RejectReason] = Counter()

    def count_stored(self, stored: int, already: int = 0) -> None:
        """Count events that are committed; `already` were so before."""
        with self._lock:
            self._stored += stored
            self._already += already

    def count_refused(self, reason: RejectReason) -> None:
        """Count one refused event."""
        with self._lock:
            self._refused[reason] += 1

    def to_dict(self) -> dict[str, int]:
        """Return all figures of one moment, refusals by reason as `refused.REASON`."""
        with self._lock:
            figures = {"stored": self._stored, "already_stored": self._already}
            return figures | {f"refused.{reason}": count for reason, count in sorted(self._refused.items())}
