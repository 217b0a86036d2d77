"""Partitions of the event tables: which ones should exist, and the statement that makes them ahead.

A partition is named after its first day (`p20261101`); `past` holds what is older than the first of them, and
`future` stays empty, so that making one ahead moves no rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

from picoevent.ids import first_id_of_second, id_time

TABLES = ("event_log", "event_data", "event_dimension")
AHEAD = 3
"""How many partitions behind the current one are made ahead."""


def missing_partitions(last_bound: int | None, today: date, width: str) -> list[tuple[str, int]]:
    """Return (name, first id behind it) of each partition to make, in order, before `future`.

    The current span and `AHEAD` more are wanted. `last_bound` is the first id behind the last partition before
    `future`, whatever width that has; None makes `past` first.
    """
    start = _span_start(today, width) if last_bound is None else id_time(last_bound).date()
    wanted = [("past", first_id(start))] if last_bound is None else []
    horizon = _span_start(today, width)
    for _ in range(AHEAD):
        horizon = _next_start(horizon, width)
    while start <= horizon:
        following = _next_start(start, width)
        wanted.append((f"p{start:%Y%m%d}", first_id(following)))
        start = following
    return wanted


def reorganize(table: str, wanted: Sequence[tuple[str, int]]) -> str:
    """Return the statement that puts these partitions before `future`."""
    made = [f"PARTITION {name} VALUES LESS THAN ({bound})" for name, bound in wanted]
    parts = ", ".join([*made, "PARTITION future VALUES LESS THAN MAXVALUE"])
    return f"ALTER TABLE {table} REORGANIZE PARTITION future INTO ({parts})"


def first_id(day: date) -> int:
    """Return the smallest event id of a day, UTC."""
    return first_id_of_second(int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()))


def _span_start(day: date, width: str) -> date:
    if width == "month":
        return day.replace(day=1)
    return day - timedelta(days=day.weekday()) if width == "week" else day


def _next_start(start: date, width: str) -> date:
    if width == "month":
        return (start.replace(day=1) + timedelta(days=32)).replace(day=1)
    return _span_start(start + timedelta(days=7), width) if width == "week" else start + timedelta(days=1)
