"""Cells of dimensions in their tables: fine tiers hold sets within the cells, days and months one set a row."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from operator import itemgetter
from typing import Any

from pyroaring import BitMap
from sqlalchemy import Connection, Table, delete, select

from picoevent.fold.bundles import Key, of_key
from picoevent.fold.turns import Turn
from picoevent.rollup.cells import OTHER, Cell, Cells, count_values, merge_cells, pack_cells
from picoevent.rollup.members import pack_members, unpack_members
from picoevent.rollup.samples import AnySet, take_in
from picoevent.rollup.tiers import Tier
from picoevent.store.rollup_tables import rollup_dimension, rollup_value_users
from picoevent.store.rows import insert_rows

LARGEST_ROW = 4 << 20
"""More bytes than these go into several rows."""

Row = dict[str, Any]


class CellForm:
    """Implements `picoevent.fold.bundles.Form` for cells; all but minutes keep the `kept` values with most events."""

    table = rollup_dimension
    number = rollup_dimension.c.dimension_id

    def __init__(self, kept: int) -> None:
        self._kept = kept

    def gather(self, connection: Connection, key: Key, until: int) -> Cells:
        """See `Form.gather`."""
        parts = select(self.table.c.packed).where(of_key(self.table, self.number, key, until))
        cells = merge_cells(connection.execute(parts).scalars())
        if key.tier < Tier.DAY:
            return cells
        for value_id, counted_id, members in _read_sets(connection, key, until):
            cell = cells.other if value_id == OTHER else cells.values.get(value_id)
            if cell is not None:
                cell.sets[counted_id] = take_in(cell.sets.get(counted_id, BitMap()), members)
        return cells

    def write(self, turn: Turn, contents: Mapping[Key, Cells]) -> None:
        """See `Form.write`."""
        rows: list[Row] = []
        sets: list[Row] = []
        for key, content in sorted(contents.items(), key=itemgetter(0)):
            kept = content if key.tier is Tier.MINUTE else content.capped(self._kept)
            with_sets = key.tier < Tier.DAY
            for number, packed in enumerate(_cut(kept, turn.members_kept, with_sets=with_sets)):
                rows.append(_row(turn, key, packed=packed) | {"part": turn.part + number})
                turn.mark_changed(turn.part + number)
            if not with_sets:
                sets += _set_rows(turn, key, kept)
        _insert(turn.connection, self.table, rows)
        _insert(turn.connection, rollup_value_users, sets)

    def write_packed(self, turn: Turn, parts: Mapping[Key, Sequence[bytes]]) -> None:
        """Write packed cells as parts of buckets; where nothing is to be changed about them, as they are."""
        ready = {key: packed[0] for key, packed in parts.items() if len(packed) == 1 and self._fits(key, packed[0])}
        rows = [_row(turn, key, packed=packed) for key, packed in sorted(ready.items(), key=itemgetter(0))]
        _insert(turn.connection, self.table, rows)
        self.write(turn, {key: merge_cells(packed) for key, packed in parts.items() if key not in ready})

    def _fits(self, key: Key, packed: bytes) -> bool:
        return key.tier is Tier.MINUTE or (key.tier is Tier.QUARTER and count_values(packed) <= self._kept)

    def delete(self, connection: Connection, key: Key) -> None:
        """See `Form.delete`."""
        connection.execute(delete(self.table).where(of_key(self.table, self.number, key)))
        if key.tier >= Tier.DAY:
            sets = rollup_value_users
            connection.execute(delete(sets).where(of_key(sets, sets.c.dimension_id, key)))

    def clear(self, connection: Connection, tier: Tier, bucket: int) -> None:
        """See `Form.clear`."""
        for table in (self.table, rollup_value_users):
            mine = (table.c.tier == int(tier)) & (table.c.bucket == bucket)
            connection.execute(delete(table).where(mine))


def _row(turn: Turn, key: Key, **rest: object) -> Row:
    return {
        "tier": int(key.tier),
        "event_type_id": key.event_type_id,
        "source_id": key.source_id,
        "dimension_id": key.number,
        "bucket": key.bucket,
        "part": turn.part,
        **rest,
    }


def _cut(cells: Cells, limit: int, *, with_sets: bool) -> Iterator[bytes]:
    """Yield cells packed, in as many rows as it takes; a row has one set, at least."""
    packed = pack_cells(cells, with_sets=with_sets, limit=limit)
    halves = _halves(list(cells.items())) if len(packed) > LARGEST_ROW else ()
    for half in halves:
        yield from _cut(half, limit, with_sets=with_sets)
    if not halves:
        yield packed


def _halves(items: Sequence[tuple[int, Cell]]) -> Sequence[Cells]:
    """Return cells as two lots; the sets of one alone, whose events the first lot has; nothing where it is one set."""
    middle = len(items) // 2
    if middle:
        return _cells(items[:middle]), _cells(items[middle:])
    ((value_id, cell),) = items
    sets = sorted(cell.sets.items())
    middle = len(sets) // 2
    first, rest = replace(cell, sets=dict(sets[:middle])), replace(cell, events=0, sets=dict(sets[middle:]))
    return (_cells([(value_id, first)]), _cells([(value_id, rest)])) if middle else ()


def _cells(items: Iterable[tuple[int, Cell]]) -> Cells:
    values = dict(items)
    other = values.pop(OTHER, None)
    return Cells(values, other)


def _set_rows(turn: Turn, key: Key, cells: Cells) -> Iterator[Row]:
    for value_id, cell in cells.items():
        for counted_id, members in sorted(cell.sets.items()):
            packed = pack_members(members, turn.members_kept)
            yield _row(turn, key, value_id=value_id, counted_id=counted_id, packed=packed)


def _insert(connection: Connection, table: Table, rows: Sequence[Row]) -> None:
    names = [column.name for column in table.columns]
    insert_rows(connection, table, [tuple(row[name] for name in names) for row in rows])


def _read_sets(connection: Connection, key: Key, until: int) -> Iterator[tuple[int, int, AnySet]]:
    c = rollup_value_users.c
    rows = select(c.value_id, c.counted_id, c.packed).where(of_key(rollup_value_users, c.dimension_id, key, until))
    for value_id, counted_id, packed in connection.execute(rows):
        yield value_id, counted_id, unpack_members(packed)
