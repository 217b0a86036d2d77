"""The sessions of one day, counted from raw rows, some thousand a turn; to be stored, or compared with what is."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection

from picoevent.fold.turns import Turn
from picoevent.ids import id_unix_ms
from picoevent.rollup.sessions import GAP_MS, InTime, Moment, OpenSession, SessionSums, SessionWalk, followed_until
from picoevent.rollup.tiers import Calendar, Tier
from picoevent.store.packed_rows import RowReader, Walk
from picoevent.store.session_days import ANY_SOURCE, version_of, write_day

ROWS_A_TURN = 10_000
"""A tenth of a second: an event is to be counted within a second, also while a day is closed."""
COLUMNS = ("event_id", "event_type_id", "source_id", "user_id")


@dataclass(slots=True)
class SessionDay:
    """A day that is being computed, at the version that the rollups had when that began."""

    bucket: int
    version: int
    calendar: Calendar
    sums: defaultdict[int, SessionSums] = field(default_factory=lambda: defaultdict(SessionSums))
    """By source; whole as soon as all is read."""
    _after: int = 0
    _is_read: bool = False
    _in_time: InTime = field(default_factory=InTime)
    _together: SessionWalk = field(init=False)
    _by_source: SessionWalk = field(init=False)

    def __post_init__(self) -> None:
        since_ms, until_ms = self.bucket * 1000, self.end * 1000
        self._together = SessionWalk(since_ms, until_ms, self.calendar, self._take_together)
        self._by_source = SessionWalk(since_ms, until_ms, self.calendar, self._take_by_source)

    @property
    def end(self) -> int:
        """The Unix second at which the next day begins."""
        return self.calendar.following(Tier.DAY, self.bucket)

    def read_some(self, connection: Connection) -> bool:
        """Read the next events; return whether all were read that the day's sessions can hold."""
        if self._is_read:
            return True
        until_ms = followed_until(self.calendar, self.bucket) * 1000
        walk = Walk(self.bucket * 1000 - GAP_MS, until_ms, users_only=True)
        rows = RowReader(connection, None).narrow_batch(walk, COLUMNS, self._after, ROWS_A_TURN)
        self._feed(self._in_time.push(map(_to_moment, rows)))
        if len(rows) < ROWS_A_TURN or self._has_settled():
            self._feed(self._in_time.rest())
            self._together.end()
            self._by_source.end()
            self._is_read = True
        else:
            self._after = rows[-1][0]
        return self._is_read

    def write(self, turn: Turn) -> None:
        """Store the sums, and move on to the next day."""
        write_day(turn.connection, self.bucket, self.sums, self.version)
        if self.end > turn.state.closed_session:
            turn.changes["closed_session"] = self.end
        turn.mark_changed()

    def is_written(self, turn: Turn) -> bool:
        """Say whether the sums are stored: the turn that did it may have been rolled back."""
        found = version_of(turn.connection, self.bucket) if self._is_read else None
        return found is not None and found >= self.version

    def _feed(self, moments: list[Moment]) -> None:
        self._by_source.feed(moments)
        self._together.feed([(ms, event_id, type_id, who[1]) for ms, event_id, type_id, who in moments])

    def _has_settled(self) -> bool:
        """Say whether no event that comes now can belong to a session of the day."""
        now_ms = self._together.now_ms
        is_over = now_ms >= self.end * 1000
        return is_over and not self._together.may_change(now_ms) and not self._by_source.may_change(now_ms)

    def _take_together(self, _who: int, session: OpenSession) -> None:
        self.sums[ANY_SOURCE].add(session)

    def _take_by_source(self, who: tuple[int, int], session: OpenSession) -> None:
        self.sums[who[0]].add(session)


def _to_moment(row: tuple[Any, ...]) -> Moment:
    event_id, type_id, source_id, user = row
    return id_unix_ms(event_id), event_id, type_id, (source_id, user)
