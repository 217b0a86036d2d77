"""Events as rows: the columns that `events`, `get` and `tail` share."""

from __future__ import annotations

from picoevent.cli.rows import Column


def show_time(value: object) -> str:
    """Return an ISO 8601 time in UTC without its T and Z, which the title of the column says."""
    return str(value).replace("T", " ").removesuffix("Z")


COLUMNS = (
    Column("time", "TIME (UTC)", show=show_time, width=23),
    Column("type", "TYPE", width=16),
    Column("user_id", "USER", width=6),
    Column("source", "SOURCE", width=8),
    Column("id", "ID", optional=True, width=19),
    Column("data", "DATA", shrinks=True),
)
