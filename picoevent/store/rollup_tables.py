"""The tables that the fold fills, as SQLAlchemy Core sees them; `sql/*/0003_rollups.sql` says what each is for."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Integer, LargeBinary, SmallInteger, Table, Text

from picoevent.store.tables import metadata

STATE_COLUMNS = (
    "version", "heartbeat_ms", "floor_seq", "declarations", "next_user_number", "closed_quarter", "closed_day",
    "closed_month", "closed_session", "kept_minute", "kept_quarter", "kept_day", "raw_from",
)  # fmt: skip

fold_state = Table(
    "fold_state",
    metadata,
    Column("fold_id", SmallInteger, primary_key=True),
    Column("leader", Text, nullable=False),
    *[Column(name, BigInteger, nullable=False) for name in STATE_COLUMNS],
)


def _key(name: str) -> Column[int]:
    return Column(name, BigInteger, primary_key=True)


rollup = Table(
    "rollup",
    metadata,
    *[_key(name) for name in ("tier", "event_type_id", "source_id", "bucket")],
    Column("events", BigInteger, nullable=False),
)


def _pile(name: str, *numbers: str) -> Table:
    """Return a table of parts: several rows, packed, that make up one bucket of a tier."""
    keys = ("tier", "event_type_id", "source_id", numbers[0], "bucket", *numbers[1:], "part")
    return Table(name, metadata, *[_key(key) for key in keys], Column("packed", LargeBinary, nullable=False))


rollup_users = _pile("rollup_users", "dimension_id")
rollup_dimension = _pile("rollup_dimension", "dimension_id")
rollup_value_users = _pile("rollup_value_users", "dimension_id", "value_id", "counted_id")
rollup_measure = _pile("rollup_measure", "measure_id")

rollup_session = Table(
    "rollup_session",
    metadata,
    *[_key(name) for name in ("tier", "source_id", "bucket")],
    *[Column(name, BigInteger, nullable=False) for name in ("sessions", "bounced", "events", "milliseconds")],
    Column("packed", LargeBinary, nullable=False),
)

day_version = Table("day_version", metadata, _key("day"), Column("version", BigInteger, nullable=False))

user_number = Table("user_number", metadata, _key("user_id"), Column("number", BigInteger, nullable=False))

dimension = Table(
    "dimension",
    metadata,
    _key("dimension_id"),
    Column("path", Text, nullable=False),
    Column("second_path", Text, nullable=False),
    Column("next_value_id", BigInteger, nullable=False),
)

measure = Table("measure", metadata, _key("measure_id"), Column("path", Text, nullable=False))

declared_dimension = Table(
    "declared_dimension",
    metadata,
    _key("event_type_id"),
    _key("dimension_id"),
    Column("searchable", SmallInteger, nullable=False),
    Column("counted_distinct", SmallInteger, nullable=False),
    *[Column(name, BigInteger, nullable=False) for name in ("filled_from", "searchable_from", "distinct_from")],
)

declared_measure = Table(
    "declared_measure",
    metadata,
    _key("event_type_id"),
    _key("measure_id"),
    Column("filled_from", BigInteger, nullable=False),
)

withdrawn = Table(
    "withdrawn",
    metadata,
    *[_key(name) for name in ("event_type_id", "kind", "number")],
    *[Column(name, BigInteger, nullable=False) for name in ("value_id", "event_id")],
)

PILED_TABLES = (rollup_users, rollup_dimension, rollup_value_users, rollup_measure)
"""Tables whose buckets lie in parts, each with its tier and bucket."""

dimension_value = Table(
    "dimension_value", metadata, _key("dimension_id"), _key("value_id"), Column("value", Text, nullable=False)
)

event_dimension = Table("event_dimension", metadata, _key("dimension_id"), _key("value_id"), _key("event_id"))

goal = Table(
    "goal",
    metadata,
    Column("goal_id", Integer, primary_key=True),
    Column("name", Text, nullable=False),
    Column("event_type", Text, nullable=False),
    Column("filters", Text, nullable=False),
    Column("measure", Text, nullable=False),
)
