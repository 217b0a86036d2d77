"""`ReplicaWatch`: how old the data of the replica is, and whether it should be read at all."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from picoevent.errors import PicoEventError
from picoevent.store.base import ReadingStore
from picoevent.store.replication import Standing, reaches, standing_of

MEASURED_SECONDS = 1.0
"""How long a measurement is taken for the truth."""
BEATING_MS = 3000
"""A heartbeat that is older was missed by the replica, or nobody folds: then the primary is asked."""
CLOCK_SECONDS = 60.0
"""How often the primary is asked for its clock, which heartbeats are of."""
GLANCE_SECONDS = 0.2
MOST_SECONDS = 1.5
"""How long a replica is waited for at most: below the time that its answers have."""


@dataclass(frozen=True, slots=True)
class DataAge:
    """How old the data of pages is.

    `as_of` is a moment of the primary's clock: what was committed before it can be seen; None where nobody can tell.
    `place` is where pages are read now, "primary" or "replica"; `replica_answers` is None where there is no replica.
    `behind_seconds` is how far the replica is behind the primary.
    """

    as_of: datetime | None
    behind_seconds: float | None
    place: str = "primary"
    replica_answers: bool | None = None

    @property
    def behind(self) -> str:
        """How far the replica is behind, as people say it; empty where it is not, by a second or so."""
        if self.behind_seconds is None or round(self.behind_seconds) <= 1:
            return ""
        return f"behind {round(self.behind_seconds):,} s"


class ReplicaWatch:
    """Measure how far a replica is behind; safe under threads, not across a fork. No call raises.

    The leader of the fold writes the primary's clock into `fold_state` about once a second: where that row is recent
    on the replica, it says all. Where it is not, the primary says how far it is itself.
    """

    def __init__(
        self,
        replica: ReadingStore,
        primary: ReadingStore,
        *,
        max_behind_seconds: float,
        falls_back: bool,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._replica = replica
        self._primary = primary
        self._max_behind = max_behind_seconds
        self._falls_back = falls_back
        self._clock = clock
        self._lock = threading.Lock()
        self._measured: DataAge | None = None
        self._measured_at = float("-inf")
        self._ahead_ms = 0.0
        """How far the primary's clock is ahead of this machine's."""
        self._clock_asked_at = float("-inf")
        self._seen_ms = 0

    def age(self) -> DataAge:
        """Return how old the replica's data is now, measured within the last second."""
        known = self._measured
        if known is not None and 0 <= self._clock() - self._measured_at < MEASURED_SECONDS:
            return known
        # While one measures a server that hangs, the others go on with what was measured before.
        if not self._lock.acquire(blocking=known is None):
            return known or self.age()
        try:
            measured = self._measured = self._measure()
            self._measured_at = self._clock()
            return measured
        finally:
            self._lock.release()

    def is_unfit(self) -> bool:
        """Return whether the primary is to be read instead."""
        return self._falls_back and self.age().place == "primary"

    def catch_up(self, seconds: float = 1.0) -> DataAge:
        """Wait until the replica has what is committed now, so many seconds at most; return how old its data is then.

        `behind` says in words what is missing, and is empty where it has caught up. Where the primary does not
        answer, nothing is waited for.
        """
        primary = self._standing(self._primary)
        if primary is not None and primary.position is not None:
            self._note_clock(primary)
            if self._has(primary.position, min(seconds, MOST_SECONDS)):
                return self._aged(primary.clock_ms, primary.clock_ms)
        self._measured = None
        return self.age()

    def close(self) -> None:
        """Close every connection; idempotent."""
        self._replica.close()
        self._primary.close()

    def _measure(self) -> DataAge:
        replica = self._standing(self._replica)
        if replica is None:
            return self._away()
        if self._clock() - self._clock_asked_at >= CLOCK_SECONDS:
            # Both where it answers and where it does not: it is not asked for every page.
            self._clock_asked_at = self._clock()
            self._note_clock(self._standing(self._primary))
        self._seen_ms = max(self._seen_ms, replica.heartbeat_ms)
        now_ms = self._primary_clock_ms()
        if now_ms - self._seen_ms <= BEATING_MS:
            return self._aged(self._seen_ms, now_ms)
        return self._compared()

    def _compared(self) -> DataAge:
        """Ask the primary: it may be that nobody folds, and that the replica has everything all the same."""
        primary = self._standing(self._primary)
        if primary is not None:
            self._note_clock(primary)
            if primary.position is not None and self._has(primary.position, GLANCE_SECONDS):
                self._seen_ms = max(self._seen_ms, primary.clock_ms)
                return self._aged(primary.clock_ms, primary.clock_ms)
        return self._aged(self._seen_ms, self._primary_clock_ms())

    def _aged(self, as_of_ms: int, now_ms: int) -> DataAge:
        if not as_of_ms:
            return DataAge(None, None, "replica", replica_answers=True)
        behind = max(0, now_ms - as_of_ms) / 1000
        age = DataAge(_moment(as_of_ms), behind, "replica", replica_answers=True)
        return self._fallen_back(age) if behind > self._max_behind else age

    def _away(self) -> DataAge:
        as_of_ms, now_ms = self._seen_ms, self._primary_clock_ms()
        behind = (now_ms - as_of_ms) / 1000 if as_of_ms else None
        seen = _moment(as_of_ms) if as_of_ms else None
        return self._fallen_back(DataAge(seen, behind, "replica", replica_answers=False))

    def _fallen_back(self, age: DataAge) -> DataAge:
        if not self._falls_back:
            return age
        return replace(age, place="primary", as_of=_moment(self._primary_clock_ms()))

    def _has(self, position: str, seconds: float) -> bool:
        with suppress(PicoEventError), self._replica.reading() as connection:
            return reaches(connection, position, seconds)
        return False

    @staticmethod
    def _standing(store: ReadingStore) -> Standing | None:
        with suppress(PicoEventError), store.reading() as connection:
            return standing_of(connection)
        return None

    def _note_clock(self, primary: Standing | None) -> None:
        if primary is not None:
            self._ahead_ms = primary.clock_ms - self._clock() * 1000

    def _primary_clock_ms(self) -> int:
        return int(self._clock() * 1000 + self._ahead_ms)


def _moment(unix_ms: int) -> datetime:
    return datetime.fromtimestamp(unix_ms / 1000, UTC)
