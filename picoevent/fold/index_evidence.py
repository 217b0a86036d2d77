"""What the index of values must hold of events, counted anew from payloads, and what it does hold."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, func, select

from picoevent.fold.declared_values import ValueReader, Values
from picoevent.fold.groups import moments_of
from picoevent.ids import first_id_of_second
from picoevent.store.declarations import Declaration
from picoevent.store.rollup_tables import event_dimension
from picoevent.store.tables import event_log

VALUES_PER_QUERY = 1000
ROWS_AT_ONCE = 5000

IndexRow = tuple[int, int, int]
"""Dimension, value, event."""
_C = event_dimension.c


def index_rows(declaration: Declaration, event_ids: Sequence[int], values: Values) -> list[IndexRow]:
    """Return what the index must hold of events of one type."""
    moments = moments_of(event_ids)
    return [
        (one.dimension_id, value, event_id)
        for one in declaration.dimensions
        if one.searchable
        for moment, value, event_id in zip(moments, values[one.dimension_id], event_ids, strict=True)
        if value and moment >= one.searchable_from * 1000
    ]


def find_rows(connection: Connection, rows: Iterable[IndexRow]) -> set[IndexRow]:
    """Return those of these rows that are in the index."""
    wanted = set(rows)
    values: defaultdict[int, set[int]] = defaultdict(set)
    for dimension_id, value, _ in wanted:
        values[dimension_id].add(value)
    event_ids = [event_id for _, _, event_id in wanted] or [0]
    span = _C.event_id.between(min(event_ids), max(event_ids))
    found: set[IndexRow] = set()
    for dimension_id, of_one in values.items():
        ordered = sorted(of_one)
        for first in range(0, len(ordered), VALUES_PER_QUERY):
            mine = (_C.dimension_id == dimension_id) & _C.value_id.in_(ordered[first : first + VALUES_PER_QUERY])
            found.update(_rows(connection, select(event_dimension).where(mine, span)))
    return wanted & found


class IndexTally:
    """Counts what the index must hold, and what of that it lacks, by dimension."""

    def __init__(self) -> None:
        self.rows: Counter[int] = Counter()
        self._missing: Counter[int] = Counter()

    def add(self, connection: Connection, rows: Sequence[IndexRow]) -> None:
        """Add rows that must be there, and look for them."""
        wanted = Counter(dimension_id for dimension_id, _, _ in rows)
        self.rows += wanted
        self._missing += wanted - Counter(dimension_id for dimension_id, _, _ in find_rows(connection, rows))

    def found(self, connection: Connection, dimension_id: int, since: int, until: int) -> tuple[int, int, int]:
        """Return how many rows there are of a span, Unix seconds, all of whose events came; missing; and too many."""
        rows = count_rows(connection, dimension_id, since, until)
        missing = self._missing[dimension_id]
        return rows, missing, rows - (self.rows[dimension_id] - missing)


def searchable(declarations: Mapping[int, Declaration]) -> dict[int, str]:
    """Return the dimensions that have an index of values, with their names."""
    return {one.dimension_id: one.name for of in declarations.values() for one in of.dimensions if one.searchable}


def count_rows(connection: Connection, dimension_id: int, since: int, until: int) -> int:
    """Return how many rows the index of a dimension has of a span, Unix seconds; it reads whole partitions."""
    counted = select(func.count()).select_from(event_dimension)
    return connection.execute(counted.where(_C.dimension_id == dimension_id, *_span(since, until))).scalar_one()


def next_rows(connection: Connection, since: int, until: int, after: IndexRow | None) -> list[IndexRow]:
    """Return the first rows of a span, in the order of the index, or the first ones behind another."""
    rows = select(event_dimension).where(*_span(since, until)).order_by(*_C).limit(ROWS_AT_ONCE)
    if after is not None:
        dimension_id, value, event_id = after
        mine = _C.dimension_id == dimension_id
        behind = mine & (_C.value_id == value) & (_C.event_id > event_id)
        rows = rows.where(behind | (mine & (_C.value_id > value)) | (_C.dimension_id > dimension_id))
    return _rows(connection, rows)


def reasoned_rows(
    connection: Connection, declarations: Mapping[int, Declaration], rows: Sequence[IndexRow]
) -> set[IndexRow]:
    """Return all rows that the events of these rows are a reason for."""
    reader = ValueReader()
    reasoned: set[IndexRow] = set()
    for declaration, event_ids in _by_type(connection, declarations, rows):
        reasoned.update(index_rows(declaration, event_ids, reader.read(connection, declaration, event_ids)[1]))
    return reasoned


def _by_type(
    connection: Connection, declarations: Mapping[int, Declaration], rows: Sequence[IndexRow]
) -> Iterator[tuple[Declaration, list[int]]]:
    """Yield the events of rows, by what their types declare."""
    wanted = {event_id for _, _, event_id in rows}
    types: defaultdict[int, list[int]] = defaultdict(list)
    known = select(event_log.c.event_id, event_log.c.event_type_id).where(event_log.c.event_id.in_(wanted))
    for event_id, type_id in connection.execute(known):
        types[type_id].append(event_id)
    for type_id, event_ids in types.items():
        if type_id in declarations:
            yield declarations[type_id], event_ids


def _rows(connection: Connection, chosen: Select[Any]) -> list[IndexRow]:
    return [(number, value, event_id) for number, value, event_id in connection.execute(chosen)]


def _span(since: int, until: int) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return _C.event_id >= first_id_of_second(since), _C.event_id < first_id_of_second(until)
