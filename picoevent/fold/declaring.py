"""Declaring what of an event type's payload is counted: numbers for new paths, and from when on each of them holds."""

from __future__ import annotations

from sqlalchemy import Connection, func, insert, select, update

from picoevent.errors import InvalidQuery
from picoevent.fold.clearing import Kind, Withdrawn, clear_some, read_withdrawn
from picoevent.fold.piles import Sets
from picoevent.fold.rebuild import Patience
from picoevent.fold.turns import Turn, Turns, new_name
from picoevent.fold.wishes import Paths, Wanted, Wishes, check_wishes
from picoevent.ids import EPOCH_UNIX, SECOND_SHIFT
from picoevent.store.declarations import Declaration, Dimension, read_declarations
from picoevent.store.names import EVENT_TYPES, MAX_NAMES, create_name
from picoevent.store.rollup_tables import declared_dimension, declared_measure, dimension, measure
from picoevent.store.sql import SqlStore
from picoevent.store.tables import event_log, event_type, id_counter

MOST_DIMENSIONS, MOST_PAIRS, MOST_MEASURES = 8, 8, 4
"""How many an event type may declare."""


def declare(store: SqlStore, event_type_name: str, wishes: Wishes) -> Declaration:
    """Add to what an event type declares, and return all that it does; nothing is ever taken back by this.

    Makes the event type where there is none. The rollups hold what comes from now on; what was logged before comes in
    by `picoevent.fold.filling`. What was withdrawn before leaves first, to its last row: that takes its time. Raises
    `InvalidQuery`, and as the store does.
    """
    wanted = check_wishes(event_type_name, wishes)
    patience, declaration = Patience(Turns(store, new_name())), None
    while declaration is None:
        declaration = patience.take(lambda turn: _try(turn, wanted))
    return declaration


def _try(turn: Turn, wanted: Wanted) -> Declaration | None:
    """Declare it, unless rows of it are left that were withdrawn; then delete some of them, and return None."""
    leaving = _leaving(turn.connection, wanted)
    if leaving and clear_some(turn, Sets(), leaving):
        return None
    return _write(turn, wanted)


def _leaving(connection: Connection, wanted: Wanted) -> set[Withdrawn]:
    """Return what was withdrawn, is declared anew, and has not left yet."""
    left = read_withdrawn(connection)
    if not left:
        return set()
    mine = select(event_type.c.event_type_id).where(event_type.c.name == wanted.event_type)
    type_id = connection.execute(mine).scalar()
    dimensions = select(dimension.c.dimension_id, dimension.c.path, dimension.c.second_path)
    numbers = {number for number, *paths in connection.execute(dimensions) if tuple(paths) in wanted.all_dimensions()}
    summed = select(measure.c.measure_id).where(measure.c.path.in_(wanted.measures))
    measures = set(connection.execute(summed).scalars())
    return {
        one
        for one in left
        if one.event_type_id == type_id and one.number in (measures if one.kind is Kind.MEASURE else numbers)
    }


def _write(turn: Turn, wanted: Wanted) -> Declaration:
    connection = turn.connection
    number = _event_type_number(connection, wanted)
    before = read_declarations(connection, number).get(number, Declaration(number, wanted.event_type))
    _check_numbers(before, wanted)
    whole_from = whole_from_now(connection, number)
    for paths in wanted.all_dimensions():
        _write_dimension(connection, before, wanted, paths, whole_from)
    for path in wanted.measures:
        if before.measure(path) is None:
            row = {"event_type_id": number, "measure_id": _measure_number(connection, path), "filled_from": whole_from}
            connection.execute(insert(declared_measure).values(row))
    turn.changes["declarations"] = turn.state.declarations + 1
    return read_declarations(connection, number).get(number, before)


def whole_from_now(connection: Connection, event_type_id: int) -> int:
    """Return the Unix second from which on the fold will see every event of a type; 0 where there is none yet.

    Whoever holds the lock of `fold_state` knows by it: what is not stored yet has not been folded either.
    """
    last = connection.execute(
        select(func.max(event_log.c.event_id)).where(event_log.c.event_type_id == event_type_id)
    ).scalar()
    return 0 if last is None else (last >> SECOND_SHIFT) + EPOCH_UNIX + 1


def _event_type_number(connection: Connection, wanted: Wanted) -> int:
    number = create_name(connection, EVENT_TYPES, wanted.event_type, MAX_NAMES + 1).number
    mine = event_type.c.event_type_id == number
    undeclared = connection.execute(select(event_type.c.declared).where(mine)).scalar() == 0
    connection.execute(update(event_type).where(mine).values(declared=1, **wanted.words))
    if undeclared:
        counter = id_counter.c.name == EVENT_TYPES.table.name
        one_less = id_counter.c.undeclared - 1
        connection.execute(update(id_counter).where(counter, id_counter.c.undeclared > 0).values(undeclared=one_less))
    return number


def _check_numbers(before: Declaration, wanted: Wanted) -> None:
    declared = {(found.path, found.second_path) for found in before.dimensions} | set(wanted.all_dimensions())
    measures = {found.path for found in before.measures} | set(wanted.measures)
    counted = (
        ("dimensions", sum(1 for _, second in declared if not second), MOST_DIMENSIONS),
        ("pairs", sum(1 for _, second in declared if second), MOST_PAIRS),
        ("measures", len(measures), MOST_MEASURES),
    )
    for what, number, most in counted:
        if number > most:
            message = f"The event type {wanted.event_type!r} would have {number} {what}; {most} are possible."
            raise InvalidQuery(
                message, hint="See what it declares: picoevent types. Take something back: picoevent withdraw"
            )


def _write_dimension(
    connection: Connection, before: Declaration, wanted: Wanted, paths: Paths, whole_from: int
) -> None:
    found = next((one for one in before.dimensions if (one.path, one.second_path) == paths), None)
    searchable, distinct = paths in wanted.searchable, paths in wanted.distinct
    c = declared_dimension.c
    if found is None:
        row = {
            "event_type_id": before.event_type_id,
            "dimension_id": _dimension_number(connection, paths),
            "searchable": int(searchable),
            "counted_distinct": int(distinct),
            **dict.fromkeys(("filled_from", "searchable_from", "distinct_from"), whole_from),
        }
        connection.execute(insert(declared_dimension).values(row))
    elif changed := _changes(found, whole_from, searchable=searchable, distinct=distinct):
        mine = (c.event_type_id == before.event_type_id) & (c.dimension_id == found.dimension_id)
        connection.execute(update(declared_dimension).where(mine).values(changed))


def _changes(found: Dimension, whole_from: int, *, searchable: bool, distinct: bool) -> dict[str, int]:
    changed: dict[str, int] = {}
    if searchable and not found.searchable:
        changed |= {"searchable": 1, "searchable_from": whole_from}
    if distinct and not found.counted_distinct:
        changed |= {"counted_distinct": 1, "distinct_from": whole_from}
    return changed


def _dimension_number(connection: Connection, paths: Paths) -> int:
    mine = (dimension.c.path == paths[0]) & (dimension.c.second_path == paths[1])
    found = connection.execute(select(dimension.c.dimension_id).where(mine)).scalar()
    if found is not None:
        return int(found)
    number = _next_number(connection, "dimension")
    row = {"dimension_id": number, "path": paths[0], "second_path": paths[1], "next_value_id": 1}
    connection.execute(insert(dimension).values(row))
    return number


def _measure_number(connection: Connection, path: str) -> int:
    found = connection.execute(select(measure.c.measure_id).where(measure.c.path == path)).scalar()
    if found is not None:
        return int(found)
    number = _next_number(connection, "measure")
    connection.execute(insert(measure).values(measure_id=number, path=path))
    return number


def _next_number(connection: Connection, what: str) -> int:
    mine = id_counter.c.name == what
    number = int(connection.execute(select(id_counter.c.next_id).where(mine).with_for_update()).scalar_one())
    if number > MAX_NAMES:
        raise InvalidQuery(f"All {MAX_NAMES:,} numbers of a {what} are in use.", hint="Declare one that is there.")
    connection.execute(update(id_counter).where(mine).values(next_id=number + 1))
    return number
