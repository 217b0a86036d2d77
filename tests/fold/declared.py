"""What dimensions and measures hold, read from their tables in a few lines, and the same counted from events."""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal

from pyroaring import BitMap
from sqlalchemy import text

from picoevent.fold.counts import ANY
from picoevent.rollup.cells import Cells, unpack_cells
from picoevent.rollup.members import unpack_members
from picoevent.rollup.sketch import MeasureCell, unpack_measure
from picoevent.rollup.tiers import Tier, cover
from picoevent.store.declarations import read_declarations
from picoevent.store.fold_state import read_state

SPAN = "tier = :tier AND bucket >= :since AND bucket < :until AND event_type_id = :type_id"
BY_SOURCE, BY_ANY = "source_id > 0", "(source_id = 0 OR tier = 1)"
"""Each source for itself, or the rows for any source, which minutes do not have."""


def read_cells(store, calendar, since, until, event_type, name):
    """Return {value: (events, first_ms, last_ms, users, {name of a distinct dimension: its values})} of a range.

    What sources say, put together, and what the rows for any source say, must be the same.
    """
    by_source, by_any = (
        _read_cells(store, calendar, (since, until), event_type, name, one) for one in (BY_SOURCE, BY_ANY)
    )
    assert by_source == by_any
    return by_any


def _read_cells(store, calendar, span, event_type, name, sources):
    with store.transaction() as connection:
        found, declaration = Cells(), declared(connection, event_type)
        number = declaration.dimension(name).dimension_id
        for piece in cover(*span, read_state(connection).pile_windows(), calendar):
            found.merge(_cells(connection, piece, declaration.event_type_id, number, sources))
        names = {one.dimension_id: one.name for one in declaration.dimensions}
        return {
            value_text(connection, number, value): (
                cell.events,
                cell.first_ms,
                cell.last_ms,
                set(cell.sets.get(0, ())),
                {names[key]: values_of(connection, key, part) for key, part in cell.sets.items() if key},
            )
            for value, cell in found.items()
        }


def _cells(connection, piece, type_id, number, sources):
    if piece.tier is None:
        return Cells()
    named = {"tier": int(piece.tier), "since": piece.since, "until": piece.until, "type_id": type_id, "n": number}
    cells = Cells()
    mine = f"{SPAN} AND dimension_id = :n AND {sources}"
    for row in connection.execute(text(f"SELECT * FROM rollup_dimension WHERE {mine}"), named):
        cells.merge(unpack_cells(row.packed))
    if piece.tier >= Tier.DAY:
        for row in connection.execute(text(f"SELECT * FROM rollup_value_users WHERE {mine}"), named):
            sets = cells.values[row.value_id].sets
            sets[row.counted_id] = sets.get(row.counted_id, BitMap()) | unpack_members(row.packed)
    return cells


def read_measure(store, calendar, since, until, event_type, path):
    """Return the cell of a measure in a range; as with `read_cells`, read both ways."""
    by_source, by_any = (
        _read_measure(store, calendar, (since, until), event_type, path, one) for one in (BY_SOURCE, BY_ANY)
    )
    assert by_source == by_any
    return by_any


def _read_measure(store, calendar, span, event_type, path, sources):
    total = MeasureCell()
    with store.transaction() as connection:
        declaration = declared(connection, event_type)
        number = declaration.measure(path).measure_id
        for piece in cover(*span, read_state(connection).pile_windows(), calendar):
            if piece.tier is None:
                continue
            named = {"tier": int(piece.tier), "since": piece.since, "until": piece.until, "n": number}
            named["type_id"] = declaration.event_type_id
            mine = f"{SPAN} AND measure_id = :n AND {sources}"
            for row in connection.execute(text(f"SELECT * FROM rollup_measure WHERE {mine}"), named):
                total.merge(unpack_measure(row.packed))
    return total


def read_distinct(store, calendar, since, until, name, event_type=None):
    """Return the values of a dimension that is counted distinct, of all sources."""
    members = BitMap()
    with store.transaction() as connection:
        number = connection.execute(text("SELECT dimension_id FROM dimension WHERE path = :p"), {"p": name}).scalar()
        type_id = ANY if event_type is None else declared(connection, event_type).event_type_id
        for piece in cover(since, until, read_state(connection).pile_windows(), calendar):
            if piece.tier is None:
                continue
            named = {"tier": int(piece.tier), "since": piece.since, "until": piece.until, "n": number}
            statement = f"SELECT packed FROM rollup_users WHERE {SPAN} AND source_id = 0 AND dimension_id = :n"
            for packed in connection.execute(text(statement), {**named, "type_id": type_id}).scalars():
                members |= unpack_members(packed)
        return values_of(connection, number, members)


def read_index(store, name):
    """Return {value: ids of events} of a searchable dimension."""
    found = defaultdict(set)
    with store.transaction() as connection:
        number = connection.execute(text("SELECT dimension_id FROM dimension WHERE path = :p"), {"p": name}).scalar()
        rows = connection.execute(text("SELECT * FROM event_dimension WHERE dimension_id = :n"), {"n": number}).all()
        for row in rows:
            found[value_text(connection, number, row.value_id)].add(row.event_id)
    return dict(found)


def declared(connection, event_type):
    """Return what an event type declares."""
    return next(one for one in read_declarations(connection).values() if one.event_type == event_type)


def value_text(connection, number, value_id):
    """Return the text of a value; None for "no value"."""
    statement = text("SELECT value FROM dimension_value WHERE dimension_id = :n AND value_id = :v")
    return connection.execute(statement, {"n": number, "v": value_id}).scalar()


def values_of(connection, number, members):
    """Return the texts of a set of values."""
    return {value_text(connection, number, member) for member in members}


def count_cells(known, value_of, distinct=()):
    """Return what `read_cells` should, from (unix ms, user, data) and functions from data to texts."""
    cells = {}
    for at_ms, user, data in known:
        value = value_of(data)
        events, first, last, users, sets = cells.get(value, (0, at_ms, at_ms, set(), {}))
        users = users | ({user} if user is not None else set())
        for name, text_of in distinct:
            if text_of(data) is not None:
                sets = {**sets, name: sets.get(name, set()) | {text_of(data)}}
        cells[value] = events + 1, min(first, at_ms), max(last, at_ms), users, sets
    return cells


def count_measure(known, path):
    """Return count, sum, least and greatest of a measure whose values are all numbers, from the same."""
    numbers = [Decimal(str(data[path])) for _, _, data in known if path in data]
    return len(numbers), sum(numbers, Decimal(0)), min(numbers, default=None), max(numbers, default=None)
