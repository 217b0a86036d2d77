"""The two dictionaries, event types and sources: a two-byte number for each name, given once and never burnt."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, Row, Table, insert, select, update

from picoevent.errors import Rejected, RejectReason, StoreNotReady
from picoevent.store import tables
from picoevent.store.record import EventType, Name, Source

MAX_NAMES = 65_535
BLOCKED = "blocked"


@dataclass(frozen=True)
class NameKind:
    """One of the dictionaries, and the reasons with which it refuses."""

    word: str
    table: Table
    blocked: RejectReason
    too_many: RejectReason
    exhausted: RejectReason


EVENT_TYPES = NameKind(
    "event type",
    tables.event_type,
    RejectReason.EVENT_TYPE_BLOCKED,
    RejectReason.TOO_MANY_EVENT_TYPES,
    RejectReason.EVENT_TYPES_EXHAUSTED,
)
SOURCES = NameKind(
    "source",
    tables.source,
    RejectReason.SOURCE_BLOCKED,
    RejectReason.TOO_MANY_SOURCES,
    RejectReason.SOURCES_EXHAUSTED,
)


def find_name(connection: Connection, kind: NameKind, name: str) -> Name | None:
    """Return the number of a name, or None."""
    number = kind.table.primary_key.columns.values()[0]
    row = connection.execute(select(number, kind.table.c.status).where(kind.table.c.name == name)).first()
    return None if row is None else Name(row[0], row[1] == BLOCKED)


def find_names(connection: Connection, kind: NameKind) -> dict[str, Name]:
    """Return the number of every name."""
    number = kind.table.primary_key.columns.values()[0]
    rows = connection.execute(select(kind.table.c.name, number, kind.table.c.status))
    return {row[0]: Name(row[1], row[2] == BLOCKED) for row in rows}


def create_name(connection: Connection, kind: NameKind, name: str, limit: int) -> Name:
    """Return the number of a name, made where it has none; at most `limit` names come into being undeclared.

    The counter's row is locked first: whoever waited for it finds the name that the other one made.
    """
    counter = tables.id_counter
    mine = counter.c.name == kind.table.name
    count = connection.execute(select(counter).where(mine).with_for_update()).first()
    if count is None:
        raise StoreNotReady("The database was not set up to its end.", hint="Run: picoevent init")
    found = find_name(connection, kind, name)
    if found is not None:
        return found
    _check_room(kind, count, limit)
    number = kind.table.primary_key.columns.values()[0].name
    values = {
        number: count.next_id,
        "name": name,
        "description": "",
        "owner": "",
        "status": "active",
        "declared": 0,
    }
    connection.execute(insert(kind.table).values(values))
    following = {"next_id": counter.c.next_id + 1, "undeclared": counter.c.undeclared + 1}
    connection.execute(update(counter).where(mine).values(following))
    return Name(count.next_id, blocked=False)


def _check_room(kind: NameKind, count: Row[tuple[str, int, int]], limit: int) -> None:
    if count.next_id > MAX_NAMES:
        raise Rejected(kind.exhausted, f"all {MAX_NAMES:,} {kind.word} ids are in use")
    if count.undeclared >= limit:
        detail = f"{limit:,} {kind.word}s were created by being logged; a name should not hold what belongs in the data"
        raise Rejected(kind.too_many, detail)


def list_event_types(connection: Connection) -> list[EventType]:
    """Return every event type, by name."""
    rows = connection.execute(select(tables.event_type).order_by(tables.event_type.c.name))
    return [EventType(*row) for row in rows]


def list_sources(connection: Connection) -> list[Source]:
    """Return every source, by name."""
    rows = connection.execute(select(tables.source).order_by(tables.source.c.name))
    return [Source(*row) for row in rows]
