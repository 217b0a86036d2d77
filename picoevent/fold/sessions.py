"""Sessions of days that are over, into `rollup_session`: a day at a time, some thousand events a turn.

A day is closed as soon as every UTC day that its sessions can reach into is over by an hour. From then on only a late
event can change them, and the fold gives the UTC day of each of those a version (`day_version`). A day that was
computed at an older version than that is stale: reports count it from raw rows, and it is computed again here, as long
as it has raw rows.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import func, select

from picoevent.fold.turns import Turn
from picoevent.ids import EPOCH_UNIX, SECOND_SHIFT, first_id_of_second, id_unix_ms
from picoevent.rollup.sessions import (
    GAP_MS,
    InTime,
    Moment,
    OpenSession,
    SessionSums,
    SessionWalk,
    days_touched_by,
    followed_until,
    utc_days_of,
)
from picoevent.rollup.tiers import DAY_SECONDS, Calendar, Tier
from picoevent.store.packed_rows import RowReader, Walk
from picoevent.store.session_days import ANY_SOURCE, version_of, versions_above, write_day
from picoevent.store.tables import event_log

MARGIN_SECONDS = 3600
ROWS_A_TURN = 10_000
"""A tenth of a second: an event is to be counted within a second, also while a day is closed."""
LOOKED_AT_A_TURN = 20
"""How many days with late events are looked at in one turn."""
AGAIN_SECONDS = 60
"""How often, at most, late events are looked for."""
COLUMNS = ("event_id", "event_type_id", "source_id", "user_id")


class SessionFold:
    """Close days and mend them, step by step; for one thread. What it has in memory it can do without."""

    def __init__(self, calendar: Calendar) -> None:
        self._calendar = calendar
        self._day: _Day | None = None
        self._stale: dict[int, int] = {}
        self._checked = 0
        self._look_at = 0

    def step(self, turn: Turn) -> bool:
        """Do a bounded piece of what is to do; return whether there is more."""
        if self._day is not None and self._day.is_written(turn):
            self._day = None
        if self._day is None:
            bucket = self._next_day(turn)
            if bucket is None:
                return bool(self._stale)
            self._day = _Day(bucket, turn.state.version, self._calendar)
        if self._day.read_some(turn):
            self._day.write(turn)
        return True

    def _next_day(self, turn: Turn) -> int | None:
        """Return the next day to compute: one to be closed, or else one that late events have touched."""
        begin = self._begin(turn)
        if begin is None:
            return None
        if not self._is_closable(begin, turn.now):
            return self._next_stale(turn)
        first = _first_event(turn, begin)
        day = None if first is None else self._calendar.bucket(Tier.DAY, first)
        if day is not None and self._is_closable(day, turn.now):
            return day
        turn.changes["closed_session"] = self._first_open(turn.now)
        return None

    def _begin(self, turn: Turn) -> int | None:
        """Return the first day that was not closed yet and may have all its raw rows; None where nothing is stored."""
        state = turn.state
        second = state.closed_session or _first_event(turn, EPOCH_UNIX)
        if second is None:
            return None
        day = self._calendar.bucket(Tier.DAY, second)
        return max(day, self._calendar.first_at_or_after(Tier.DAY, state.raw_from + GAP_MS // 1000))

    def _is_closable(self, bucket: int, now: int) -> bool:
        return now >= utc_days_of(self._calendar, bucket)[-1] + DAY_SECONDS + MARGIN_SECONDS

    def _first_open(self, now: int) -> int:
        """Return the first day that can't be closed yet."""
        day = self._calendar.bucket(Tier.DAY, now - 5 * DAY_SECONDS)
        while self._is_closable(day, now):
            day = self._calendar.following(Tier.DAY, day)
        return day

    def _next_stale(self, turn: Turn) -> int | None:
        if not self._stale and turn.now >= self._look_at:
            self._look_at = turn.now + AGAIN_SECONDS
            self._find_stale(turn)
        for _ in range(min(LOOKED_AT_A_TURN, len(self._stale))):
            bucket, needed = self._stale.popitem()
            computed = version_of(turn.connection, bucket)
            if computed is None or computed < needed:
                return bucket
        return None

    def _find_stale(self, turn: Turn) -> None:
        """Note which closed days, of those that have raw rows, were touched since this was last looked for."""
        touched = versions_above(turn.connection, self._checked)
        self._checked = max(touched.values(), default=self._checked)
        raw_from = turn.state.raw_from + GAP_MS // 1000
        for utc_day, version in touched.items():
            for bucket in days_touched_by(self._calendar, utc_day):
                if raw_from <= bucket < turn.state.closed_session:
                    self._stale[bucket] = max(version, self._stale.get(bucket, 0))


def _first_event(turn: Turn, second: int) -> int | None:
    """Return the Unix second of the first event from a second on."""
    first = select(func.min(event_log.c.event_id)).where(event_log.c.event_id >= first_id_of_second(second))
    event_id = turn.connection.execute(first).scalar()
    return None if event_id is None else (event_id >> SECOND_SHIFT) + EPOCH_UNIX


@dataclass(slots=True)
class _Day:
    """A day that is being computed, at the version that the rollups had when that began."""

    bucket: int
    version: int
    calendar: Calendar
    _after: int = 0
    _is_read: bool = False
    _in_time: InTime = field(default_factory=InTime)
    _sums: defaultdict[int, SessionSums] = field(default_factory=lambda: defaultdict(SessionSums))
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

    def read_some(self, turn: Turn) -> bool:
        """Read the next events; return whether all were read that the day's sessions can hold."""
        if self._is_read:
            return True
        until_ms = followed_until(self.calendar, self.bucket) * 1000
        walk = Walk(self.bucket * 1000 - GAP_MS, until_ms, users_only=True)
        rows = RowReader(turn.connection, None).narrow_batch(walk, COLUMNS, self._after, ROWS_A_TURN)
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
        write_day(turn.connection, self.bucket, self._sums, self.version)
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
        self._sums[ANY_SOURCE].add(session)

    def _take_by_source(self, who: tuple[int, int], session: OpenSession) -> None:
        self._sums[who[0]].add(session)


def _to_moment(row: tuple[Any, ...]) -> Moment:
    event_id, type_id, source_id, user = row
    return id_unix_ms(event_id), event_id, type_id, (source_id, user)
