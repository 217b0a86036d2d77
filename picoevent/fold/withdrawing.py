"""Withdrawing what an event type declares: it counts no more from the next round on; its rows leave by and by."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import Connection, delete, insert, select, update

from picoevent.errors import InvalidQuery
from picoevent.fold.clearing import Kind, Withdrawn
from picoevent.fold.rebuild import Patience
from picoevent.fold.turns import Turn, Turns, new_name
from picoevent.fold.wishes import Counted, Paths, Wanted, check_withdrawal
from picoevent.store.declarations import Declaration, Dimension, read_declarations
from picoevent.store.rollup_tables import declared_dimension, declared_measure, withdrawn
from picoevent.store.sql import SqlStore
from picoevent.store.tables import event_type


def withdraw(store: SqlStore, event_type_name: str, counted: Counted) -> Declaration:
    """Take back some of what an event type declares, and return what is left.

    A path among `dimensions` goes with all that it is; `searchable` and `distinct` take back these marks alone. Raises
    `InvalidQuery` where it does not declare one of them, and then changes nothing; else as the store does.
    """
    wanted = check_withdrawal(event_type_name, counted)
    return Patience(Turns(store, new_name())).take(lambda turn: _write(turn, wanted))


def _write(turn: Turn, wanted: Wanted) -> Declaration:
    connection = turn.connection
    before = _declaration(connection, wanted)
    leaving = [*_take_back_dimensions(connection, before, wanted), *_take_back_measures(connection, before, wanted)]
    rows = [dict(zip(("event_type_id", "kind", "number"), map(int, one), strict=True)) for one in leaving]
    connection.execute(insert(withdrawn), [row | {"value_id": 0, "event_id": 0} for row in rows])
    turn.changes["declarations"] = turn.state.declarations + 1
    number = before.event_type_id
    return read_declarations(connection, number).get(number, Declaration(number, wanted.event_type))


def _declaration(connection: Connection, wanted: Wanted) -> Declaration:
    named = select(event_type.c.event_type_id).where(event_type.c.name == wanted.event_type)
    number = connection.execute(named).scalar()
    found = None if number is None else read_declarations(connection, number).get(number)
    if found is None:
        raise InvalidQuery(f"The event type {wanted.event_type!r} declares nothing.", hint="See: picoevent types")
    return found


def _take_back_dimensions(connection: Connection, before: Declaration, wanted: Wanted) -> Iterator[Withdrawn]:
    """Delete or change what is declared; yield what has to leave by it."""
    for paths in wanted.all_dimensions():
        found = before.dimension(",".join(filter(None, paths)))
        whole = paths in wanted.dimensions
        if found is None:
            raise _not_declared(
                wanted, f"the dimension {paths[0]!r}" if not paths[1] else f"the pair {','.join(paths)!r}"
            )
        for kind in _kinds_of(found, paths, wanted, whole=whole):
            yield Withdrawn(before.event_type_id, kind, found.dimension_id)
        c = declared_dimension.c
        mine = (c.event_type_id == before.event_type_id, c.dimension_id == found.dimension_id)
        if whole:
            connection.execute(delete(declared_dimension).where(*mine))
            continue
        marks = {"searchable": wanted.searchable, "counted_distinct": wanted.distinct}
        values = {name: 0 for name, marked in marks.items() if paths in marked}
        connection.execute(update(declared_dimension).where(*mine).values(values))


def _kinds_of(found: Dimension, paths: Paths, wanted: Wanted, *, whole: bool) -> Iterator[Kind]:
    if whole:
        yield Kind.DIMENSION
    for kind, marked, is_marked, words in (
        (Kind.INDEX, wanted.searchable, found.searchable, "searchable"),
        (Kind.SETS, wanted.distinct, found.counted_distinct, "counted distinct"),
    ):
        if paths in marked and not is_marked:
            raise _not_declared(wanted, f"{found.name!r} as {words}")
        if is_marked and (whole or paths in marked):
            yield kind


def _take_back_measures(connection: Connection, before: Declaration, wanted: Wanted) -> Iterator[Withdrawn]:
    for path in wanted.measures:
        found = before.measure(path)
        if found is None:
            raise _not_declared(wanted, f"the measure {path!r}")
        c = declared_measure.c
        mine = (c.event_type_id == before.event_type_id, c.measure_id == found.measure_id)
        connection.execute(delete(declared_measure).where(*mine))
        yield Withdrawn(before.event_type_id, Kind.MEASURE, found.measure_id)


def _not_declared(wanted: Wanted, what: str) -> InvalidQuery:
    hint = "Nothing was changed. See what it declares: picoevent types"
    return InvalidQuery(f"The event type {wanted.event_type!r} does not declare {what}.", hint=hint)
