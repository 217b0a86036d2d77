"""Versions of days: which days late events have touched, so that no answer kept before hides them."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, select

from picoevent.fold.turns import Turn
from picoevent.ids import EPOCH_UNIX, SECOND_SHIFT
from picoevent.rollup.tiers import DAY_SECONDS, QUARTER_SECONDS
from picoevent.store.rollup_tables import day_version

MIDNIGHT_SECONDS = 60
"""For so long before midnight the running day counts as over: a round ends behind it, and clocks differ."""
SETTLING_SECONDS = 60
"""For so long behind its end an event of a quarter of an hour is not late."""
_EPOCH_DAY = EPOCH_UNIX // DAY_SECONDS


def touch_late_days(turn: Turn, event_ids: Sequence[int]) -> None:
    """Note which days, UTC, got late events: answers about them that are kept somewhere are stale.

    Late is what belongs to a day before today, or to a quarter of an hour of today that is over.
    """
    seconds = {event_id >> SECOND_SHIFT for event_id in event_ids}
    soon = turn.now + MIDNIGHT_SECONDS
    before = max(soon - soon % DAY_SECONDS, settled_until(turn.now)) - EPOCH_UNIX
    late = sorted({(second // DAY_SECONDS + _EPOCH_DAY) * DAY_SECONDS for second in seconds if second < before})
    if late:
        touch_days(turn.connection, late, turn.part)


def settled_until(now: int) -> int:
    """Return the Unix second before which an event that comes now is late: the end of the last quarter that is over."""
    settled = now - SETTLING_SECONDS
    return settled - settled % QUARTER_SECONDS


def touch_days(connection: Connection, days: Sequence[int], version: int) -> None:
    """Give days (Unix seconds of their start, UTC) a version."""
    known = set(connection.execute(select(day_version.c.day).where(day_version.c.day.in_(days))).scalars())
    again = [day for day in days if day in known]
    if again:
        connection.execute(day_version.update().where(day_version.c.day.in_(again)).values(version=version))
    new = [{"day": day, "version": version} for day in days if day not in known]
    if new:
        connection.execute(day_version.insert(), new)


def touch_span(turn: Turn, span: tuple[int, int]) -> None:
    """Give the days of a span (Unix seconds), UTC, a version, and the rollups one.

    Not those before raw rows: what else was counted from these can't be counted again.
    """
    since = max(span[0] // DAY_SECONDS, -(-turn.state.raw_from // DAY_SECONDS)) * DAY_SECONDS
    turn.mark_changed()
    touch_days(turn.connection, range(since, span[1], DAY_SECONDS), int(turn.changes["version"]))
