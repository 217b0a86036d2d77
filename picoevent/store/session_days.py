"""Rows of `rollup_session`: the sums of closed days, the version they were computed at, and whether they are stale."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from sqlalchemy import Connection, delete, insert, select

from picoevent.rollup.sessions import SessionSums, pack_sums, unpack_sums, utc_days_of
from picoevent.rollup.tiers import DAY_SECONDS, Calendar, Tier
from picoevent.store.rollup_tables import day_version, rollup_session

ANY_SOURCE = 0
"""The sessions of all sources together, in which a user's events of several sources are one."""
_DAY = rollup_session.c.tier == int(Tier.DAY)


def write_day(connection: Connection, bucket: int, sums: Mapping[int, SessionSums], version: int) -> None:
    """Replace the sessions of a day, by source; the row of any source is there even where there are none."""
    connection.execute(delete(rollup_session).where(_DAY, rollup_session.c.bucket == bucket))
    rows = [
        {
            "tier": int(Tier.DAY),
            "source_id": source_id,
            "bucket": bucket,
            "sessions": found.sessions,
            "bounced": found.bounced,
            "events": found.events,
            "milliseconds": found.milliseconds,
            "packed": pack_sums(found, version),
        }
        for source_id, found in {ANY_SOURCE: SessionSums(), **sums}.items()
    ]
    connection.execute(insert(rollup_session), rows)


def read_day(connection: Connection, bucket: int) -> dict[int, tuple[SessionSums, int]]:
    """Return the sums of a day by source, and the version at which they were computed; nothing where it was not."""
    rows = select(rollup_session).where(_DAY, rollup_session.c.bucket == bucket)
    return {row.source_id: unpack_sums(row) for row in connection.execute(rows)}


def version_of(connection: Connection, bucket: int) -> int | None:
    """Return the version at which a day was computed; None where it was not."""
    mine = (_DAY, rollup_session.c.bucket == bucket, rollup_session.c.source_id == ANY_SOURCE)
    row = connection.execute(select(rollup_session).where(*mine)).first()
    return None if row is None else unpack_sums(row)[1]


def fresh_days(
    connection: Connection, calendar: Calendar, since: int, until: int, source_ids: Iterable[int]
) -> dict[int, SessionSums]:
    """Return the sums of those days that begin in a span of Unix seconds, and that no late event has touched since.

    Those of several sources are added up.
    """
    wanted = {ANY_SOURCE, *source_ids}
    rows = select(rollup_session).where(
        _DAY,
        rollup_session.c.bucket >= since,
        rollup_session.c.bucket < until,
        rollup_session.c.source_id.in_(wanted),
    )
    touched = versions_between(connection, since - 2 * DAY_SECONDS, until + 4 * DAY_SECONDS)
    sums: dict[int, SessionSums] = {}
    for row in connection.execute(rows.order_by(rollup_session.c.bucket, rollup_session.c.source_id)):
        found, version = unpack_sums(row)
        if row.source_id == ANY_SOURCE and is_fresh(version, calendar, row.bucket, touched):
            sums[row.bucket] = SessionSums()
        if row.bucket in sums and row.source_id in source_ids:
            sums[row.bucket].merge(found)
    return sums


def is_fresh(version: int, calendar: Calendar, bucket: int, touched: Mapping[int, int]) -> bool:
    """Say whether no UTC day of those that `touched` names has changed a day since this version."""
    return all(touched.get(day, 0) <= version for day in utc_days_of(calendar, bucket))


def versions_between(connection: Connection, since: int, until: int) -> dict[int, int]:
    """Return the versions of UTC days that late events have touched, by the Unix second of their start."""
    rows = select(day_version).where(day_version.c.day >= since, day_version.c.day < until)
    return {row.day: row.version for row in connection.execute(rows)}


def versions_above(connection: Connection, version: int) -> dict[int, int]:
    """Return the days that late events have touched behind a version."""
    rows = select(day_version).where(day_version.c.version > version)
    return {row.day: row.version for row in connection.execute(rows)}
