"""The tables as SQLAlchemy Core sees them, to read from; `sql/` holds the DDL of record, and a test compares both."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Integer, LargeBinary, MetaData, SmallInteger, Table, Text

metadata = MetaData()

installation = Table(
    "installation", metadata, Column("name", Text, primary_key=True), Column("value", Text, nullable=False)
)

id_counter = Table(
    "id_counter",
    metadata,
    Column("name", Text, primary_key=True),
    Column("next_id", Integer, nullable=False),
    Column("undeclared", Integer, nullable=False),
)


def _dictionary(name: str) -> Table:
    return Table(
        name,
        metadata,
        Column(f"{name}_id", SmallInteger, primary_key=True),
        Column("name", Text, nullable=False),
        Column("description", Text, nullable=False),
        Column("owner", Text, nullable=False),
        Column("status", Text, nullable=False),
        Column("declared", SmallInteger, nullable=False),
    )


event_type = _dictionary("event_type")
source = _dictionary("source")

user_key = Table(
    "user_key",
    metadata,
    Column("user_id", BigInteger, primary_key=True),
    Column("user_key", Text, nullable=False),
)

event_log = Table(
    "event_log",
    metadata,
    Column("event_id", BigInteger, primary_key=True),
    Column("event_type_id", SmallInteger, nullable=False),
    Column("source_id", SmallInteger, nullable=False),
    Column("user_id", BigInteger, nullable=True),
)

event_data = Table(
    "event_data",
    metadata,
    Column("event_id", BigInteger, primary_key=True),
    Column("event_data", Text, nullable=False),
)

pending = Table(
    "pending",
    metadata,
    Column("seq", BigInteger, primary_key=True),
    Column("events", Integer, nullable=False),
    Column("packed", LargeBinary, nullable=False),
)

rejected_event = Table(
    "rejected_event",
    metadata,
    Column("rejected_id", BigInteger, primary_key=True),
    Column("rejected_ms", BigInteger, nullable=False),
    Column("source", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("detail", Text, nullable=False),
    Column("raw", LargeBinary, nullable=False),
)

analyst = Table(
    "analyst",
    metadata,
    Column("analyst_id", Integer, primary_key=True),
    Column("name", Text, nullable=False),
    Column("password_hash", Text, nullable=False),
    Column("session_salt", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
)

sign_in_link = Table(
    "sign_in_link",
    metadata,
    Column("token_sha256", LargeBinary, primary_key=True),
    Column("analyst_id", Integer, nullable=False),
    Column("expires_ms", BigInteger, nullable=False),
)
