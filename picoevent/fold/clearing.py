"""Rows of what was withdrawn leave their tables: some each turn, for a moment, and whoever leads next goes on.

Until the last of them has left, a row of `withdrawn` tells everybody that they do not count.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Sequence
from enum import IntEnum
from itertools import groupby
from operator import itemgetter
from typing import NamedTuple

from sqlalchemy import Column, ColumnElement, Connection, Table, and_, delete, or_, select, update

from picoevent.fold.bundles import Key, of_key
from picoevent.fold.counts import ANY
from picoevent.fold.piles import Sets
from picoevent.fold.turns import Turn
from picoevent.rollup.members import union_members
from picoevent.rollup.tiers import Tier
from picoevent.store.rollup_tables import (
    declared_dimension,
    event_dimension,
    rollup_dimension,
    rollup_measure,
    rollup_users,
    rollup_value_users,
    withdrawn,
)
from picoevent.store.tables import event_log, source

CLEARING_SECONDS = 0.1
"""About how long one turn deletes rows."""
ROWS_AT_ONCE = 500
SOURCES_PER_QUERY = 1000

Place = tuple[int, int]
"""A value of a dimension, and an event: a row of the index of values."""


class Kind(IntEnum):
    """What of an event type was withdrawn."""

    DIMENSION = 1
    MEASURE = 2
    INDEX = 3
    SETS = 4


class Withdrawn(NamedTuple):
    """Something that was withdrawn, of which rows may be left; `number` is that of a dimension, or of a measure."""

    event_type_id: int
    kind: Kind
    number: int


class _Stretch(NamedTuple):
    """The next rows of a table: those of a key, from its bucket up to `until`."""

    key: Key
    until: int


TABLES: dict[Kind, Sequence[tuple[Table, Column[int]]]] = {
    Kind.DIMENSION: (
        (rollup_dimension, rollup_dimension.c.dimension_id),
        (rollup_value_users, rollup_value_users.c.dimension_id),
    ),
    Kind.MEASURE: ((rollup_measure, rollup_measure.c.measure_id),),
    Kind.SETS: ((rollup_users, rollup_users.c.dimension_id),),
}
"""Where the rows of each kind lie, but for the index."""


def read_withdrawn(connection: Connection) -> list[Withdrawn]:
    """Return all of which rows may be left."""
    c = withdrawn.c
    rows = connection.execute(select(c.event_type_id, c.kind, c.number).order_by(c.event_type_id, c.kind, c.number))
    return [Withdrawn(type_id, Kind(kind), number) for type_id, kind, number in rows]


def clear_some(turn: Turn, sets: Sets, among: Collection[Withdrawn] | None = None) -> bool:
    """Delete rows for a moment, of all that was withdrawn or of some of it; return whether there may be more."""
    give_up = time.monotonic() + CLEARING_SECONDS
    for one in read_withdrawn(turn.connection):
        if among is not None and one not in among:
            continue
        while _clear(turn, sets, one):
            turn.mark_changed()
            if time.monotonic() >= give_up:
                return True
        turn.connection.execute(delete(withdrawn).where(_is(one)))
    return False


def _is(one: Withdrawn) -> ColumnElement[bool]:
    return and_(*[withdrawn.c[name] == int(value) for name, value in one._asdict().items()])


def _clear(turn: Turn, sets: Sets, one: Withdrawn) -> bool:
    """Delete the next rows; return whether there were any."""
    if one.kind is Kind.INDEX:
        return _clear_index(turn.connection, one)
    for table, number in TABLES[one.kind]:
        stretch = _next_stretch(turn.connection, table, number, one)
        if stretch is not None:
            turn.connection.execute(delete(table).where(of_key(table, number, stretch.key, stretch.until)))
            if one.kind is Kind.SETS:
                _renew_any(turn, sets, stretch)
            return True
    return False


def _next_stretch(connection: Connection, table: Table, number: Column[int], one: Withdrawn) -> _Stretch | None:
    c = table.c
    sources = [ANY, *connection.execute(select(source.c.source_id)).scalars()]
    for first in range(0, len(sources), SOURCES_PER_QUERY):
        # With all sources by name, these are ranges of the primary key, however much other types have.
        some = c.source_id.in_(sources[first : first + SOURCES_PER_QUERY])
        for tier in Tier:
            mine = (c.tier == int(tier), c.event_type_id == one.event_type_id, some, number == one.number)
            keys = select(c.source_id, c.bucket).where(*mine).order_by(c.source_id, number, c.bucket)
            found = connection.execute(keys.limit(ROWS_AT_ONCE)).all()
            if found:
                source_id, bucket = found[0]
                last = max(other for of_source, other in found if of_source == source_id)
                return _Stretch(Key(tier, one.event_type_id, source_id, one.number, bucket), last + 1)
    return None


def _renew_any(turn: Turn, sets: Sets, stretch: _Stretch) -> None:
    """Put together anew what all types have together, now without the one that was withdrawn."""
    key, c = stretch.key, rollup_users.c
    counting = select(declared_dimension.c.event_type_id).where(
        declared_dimension.c.dimension_id == key.number, declared_dimension.c.counted_distinct == 1
    )
    others = list(turn.connection.execute(counting).scalars())
    parts = select(c.bucket, c.packed).where(
        c.tier == int(key.tier),
        c.event_type_id.in_(others),
        c.source_id == key.source_id,
        c.dimension_id == key.number,
        c.bucket >= key.bucket,
        c.bucket < stretch.until,
    )
    found: dict[int, list[bytes]] = {}
    for bucket, packed in turn.connection.execute(parts):
        found.setdefault(bucket, []).append(packed)
    of_any = key._replace(event_type_id=ANY)
    turn.connection.execute(delete(rollup_users).where(of_key(rollup_users, c.dimension_id, of_any, stretch.until)))
    unions = {(int(key.tier), ANY, key.source_id, bucket): union_members(some) for bucket, some in found.items()}
    sets.add(turn, key.number, unions)


def _clear_index(connection: Connection, one: Withdrawn) -> bool:
    c = event_dimension.c
    value_id, event_id = connection.execute(select(withdrawn.c.value_id, withdrawn.c.event_id).where(_is(one))).one()
    behind = or_(c.value_id > value_id, and_(c.value_id == value_id, c.event_id > event_id))
    walk = select(c.value_id, c.event_id).where(c.dimension_id == one.number, behind)
    rows = connection.execute(walk.order_by(c.value_id, c.event_id).limit(ROWS_AT_ONCE)).all()
    if not rows:
        return False
    value_id, event_id = rows[-1]
    if _is_shared(connection, one):
        _delete_places(connection, one, [(value, event) for value, event in rows])
    else:
        upto = or_(c.value_id < value_id, and_(c.value_id == value_id, c.event_id <= event_id))
        connection.execute(delete(event_dimension).where(c.dimension_id == one.number, upto))
    connection.execute(update(withdrawn).where(_is(one)).values(value_id=value_id, event_id=event_id))
    return True


def _is_shared(connection: Connection, one: Withdrawn) -> bool:
    """Whether events of other types are found by the values of this dimension, too."""
    c = declared_dimension.c
    found = select(c.event_type_id).where(c.dimension_id == one.number, c.searchable == 1).limit(1)
    return connection.execute(found).first() is not None


def _delete_places(connection: Connection, one: Withdrawn, places: Sequence[Place]) -> None:
    """Delete those places of the index whose events are of the type."""
    ids = [event_id for _, event_id in places]
    typed = select(event_log.c.event_id).where(
        event_log.c.event_id.in_(ids), event_log.c.event_type_id == one.event_type_id
    )
    mine = set(connection.execute(typed).scalars())
    c = event_dimension.c
    for value_id, found in groupby(places, key=itemgetter(0)):
        leaving = [event_id for _, event_id in found if event_id in mine]
        if leaving:
            of_value = (c.dimension_id == one.number, c.value_id == value_id, c.event_id.in_(leaving))
            connection.execute(delete(event_dimension).where(*of_value))
