"""Versions of days: which days before today late events have touched, so that no answer kept before hides them."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, select

from picoevent.fold.turns import Turn
from picoevent.ids import EPOCH_UNIX, SECOND_SHIFT
from picoevent.rollup.tiers import DAY_SECONDS
from picoevent.store.rollup_tables import day_version

_EPOCH_DAY = EPOCH_UNIX // DAY_SECONDS


def touch_late_days(turn: Turn, event_ids: Sequence[int]) -> None:
    """Note which days before today, UTC, got late events: answers about them that are kept somewhere are stale."""
    days = {((event_id >> SECOND_SHIFT) // DAY_SECONDS + _EPOCH_DAY) * DAY_SECONDS for event_id in event_ids}
    late = sorted(day for day in days if day < turn.now - turn.now % DAY_SECONDS)
    if late:
        touch_days(turn.connection, late, turn.part)


def touch_days(connection: Connection, days: Sequence[int], version: int) -> None:
    """Give days (Unix seconds of their start, UTC) a version."""
    known = set(connection.execute(select(day_version.c.day).where(day_version.c.day.in_(days))).scalars())
    again = [day for day in days if day in known]
    if again:
        connection.execute(day_version.update().where(day_version.c.day.in_(again)).values(version=version))
    new = [{"day": day, "version": version} for day in days if day not in known]
    if new:
        connection.execute(day_version.insert(), new)
