"""Rollups as reports read them, in a few lines: every piece of a range from the tier that `cover` names."""

from __future__ import annotations

from pyroaring import BitMap
from sqlalchemy import text

from picoevent.rollup.members import unpack_members
from picoevent.rollup.tiers import cover
from picoevent.store.fold_state import read_state


def read_events(store, calendar, since, until, event_type_id=0, source_id=0):
    """Return how many events the rollups count in a range of Unix seconds; nothing for raw pieces."""
    with store.transaction() as connection:
        windows = read_state(connection).count_windows()
        return sum(
            row.events
            for piece in cover(since, until, windows, calendar)
            for row in _rows(connection, "rollup", piece, event_type_id, source_id)
        )


def read_users(store, calendar, since, until, event_type_id=0, source_id=0):
    """Return the set of users in a range of Unix seconds."""
    users = BitMap()
    with store.transaction() as connection:
        windows = read_state(connection).pile_windows()
        for piece in cover(since, until, windows, calendar):
            for row in _rows(connection, "rollup_users", piece, event_type_id, source_id):
                users |= unpack_members(row.packed)
    return set(users)


def _rows(connection, table, piece, event_type_id, source_id):
    if piece.tier is None:
        return []
    statement = text(
        f"SELECT * FROM {table} WHERE tier = :tier AND event_type_id = :type_id AND source_id = :source_id "
        "AND bucket >= :since AND bucket < :until"
    )
    named = {"tier": int(piece.tier), "type_id": event_type_id, "source_id": source_id}
    return connection.execute(statement, {**named, "since": piece.since, "until": piece.until}).all()
