"""Whether the sessions of a closed day are what its raw rows say: counted anew, source by source."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import Connection

from picoevent.fold.differences import Difference
from picoevent.fold.raw import read_waiting
from picoevent.fold.session_day import SessionDay
from picoevent.rollup.sessions import GAP_MS, SessionSums, followed_until
from picoevent.rollup.tiers import DAY_SECONDS, Calendar, Tier
from picoevent.store.fold_state import FoldState
from picoevent.store.session_days import ANY_SOURCE, is_fresh, read_day, versions_between

FIGURES = {
    "sessions": "sessions",
    "bounced": "sessions of one event",
    "events": "events in sessions",
    "milliseconds": "milliseconds in sessions",
}
SPREADS = {"entries": "first types of sessions", "exits": "last types of sessions", "lengths": "lengths of sessions"}


class SessionCheck:
    """Compares days; those that whoever folds has yet to count again are in `stale`: reports take raw rows there."""

    def __init__(self, calendar: Calendar) -> None:
        self._calendar = calendar
        self.stale: list[int] = []

    def compare(self, connection: Connection, state: FoldState, day: int) -> Iterator[Difference]:
        """Yield what is stored otherwise than it should be."""
        begin, end = day - GAP_MS // 1000, followed_until(self._calendar, day)
        stored = read_day(connection, day)
        if begin < state.raw_from or not (stored or day < state.closed_session):
            return
        waiting = read_waiting(connection, begin, end)
        touched = versions_between(connection, begin - DAY_SECONDS, end)
        version = max((version for _, version in stored.values()), default=0)
        if waiting.event_ids or not is_fresh(version, self._calendar, day, touched):
            self.stale.append(day)
            return
        counted = SessionDay(day, 0, self._calendar)
        while not counted.read_some(connection):
            pass
        for source_id in sorted({ANY_SOURCE} | stored.keys() | counted.sums.keys()):
            found = stored[source_id][0] if source_id in stored else SessionSums()
            for what, rolled, raw in _compare(found, counted.sums.get(source_id, SessionSums())):
                yield Difference(Tier.DAY, day, 0, source_id, what, rolled, raw)


def _compare(found: SessionSums, expected: SessionSums) -> Iterator[tuple[str, int, int]]:
    for name, what in FIGURES.items():
        if getattr(found, name) != getattr(expected, name):
            yield what, getattr(found, name), getattr(expected, name)
    for name, what in SPREADS.items():
        rolled, raw = getattr(found, name), getattr(expected, name)
        if rolled != raw:
            yield f"{what} ({(rolled - raw).total():,} are otherwise)", rolled.total(), raw.total()
