"""Sessions of days that are over, into `rollup_session`: a day at a time, some thousand events a turn.

A day is closed as soon as every UTC day that its sessions can reach into is over by an hour. From then on only a late
event can change them, and the fold gives the UTC day of each of those a version (`day_version`). A day that was
computed at an older version than that is stale: reports count it from raw rows, and it is computed again here, as long
as it has raw rows.
"""

from __future__ import annotations

from sqlalchemy import func, select

from picoevent.fold.session_day import SessionDay
from picoevent.fold.turns import Turn
from picoevent.ids import EPOCH_UNIX, SECOND_SHIFT, first_id_of_second
from picoevent.rollup.sessions import GAP_MS, days_touched_by, utc_days_of
from picoevent.rollup.tiers import DAY_SECONDS, Calendar, Tier
from picoevent.store.session_days import version_of, versions_above
from picoevent.store.tables import event_log

MARGIN_SECONDS = 3600
LOOKED_AT_A_TURN = 20
"""How many days with late events are looked at in one turn."""
AGAIN_SECONDS = 60
"""How often, at most, late events are looked for."""


class SessionFold:
    """Close days and mend them, step by step; for one thread. What it has in memory it can do without."""

    def __init__(self, calendar: Calendar) -> None:
        self._calendar = calendar
        self._day: SessionDay | None = None
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
            self._day = SessionDay(bucket, turn.state.version, self._calendar)
        if self._day.read_some(turn.connection):
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
