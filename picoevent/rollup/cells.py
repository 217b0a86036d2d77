"""What a bucket holds of a dimension: of each value its events, first and last moment, and sets; packed by column.

Layout, little-endian: format (1 byte), number of values n (4), kinds of sets (1), base moment (8); then columns of n:
value ids (each less the one before), events, first moments less the base, last moments less the first ones. Then of
each kind of set its counted id (2), and the sets as `set_columns` packs them.
"""

from __future__ import annotations

import struct
from array import array
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from operator import add

from pyroaring import BitMap

from picoevent.errors import StoreCorrupt
from picoevent.rollup.columns import ColumnReader, pack_column
from picoevent.rollup.members import NO_LIMIT
from picoevent.rollup.samples import AnySet, take_in
from picoevent.rollup.set_columns import SetColumns, SetUnions, pack_set_columns, pack_sets, read_sets

FORMAT = 1
OTHER = (1 << 32) - 1
"""The value id of "(other)" in packed cells: the values beyond the cap, together."""
NONE = 0
"""The value id of "(none)": the key is missing, or null."""
USERS = 0
"""The counted id of the sets of users."""
_HEAD = struct.Struct("<BIBQ")
_COUNTED = struct.Struct("<H")


@dataclass(slots=True)
class Cell:
    """What is counted of one value: moments in Unix milliseconds, `sets` by counted id (0: users)."""

    events: int
    first_ms: int
    last_ms: int
    sets: dict[int, AnySet] = field(default_factory=dict)

    def merge(self, other: Cell) -> None:
        """Take in what another bucket, or part of one, holds of the same value."""
        self.events += other.events
        self.first_ms = min(self.first_ms, other.first_ms)
        self.last_ms = max(self.last_ms, other.last_ms)
        for counted_id, members in other.sets.items():
            mine = self.sets.get(counted_id)
            self.sets[counted_id] = members.copy() if mine is None else take_in(mine, members)

    def copy(self) -> Cell:
        """Return a cell that shares nothing with this one."""
        return Cell(self.events, self.first_ms, self.last_ms, {key: part.copy() for key, part in self.sets.items()})


@dataclass(slots=True)
class Cells:
    """The values of a dimension in a bucket, by value id; `other` is what values beyond the cap have together."""

    values: dict[int, Cell] = field(default_factory=dict)
    other: Cell | None = None

    def add(self, value_id: int, cell: Cell) -> None:
        """Take in a cell of one value, or of `OTHER`."""
        found = self.other if value_id == OTHER else self.values.get(value_id)
        if found is not None:
            found.merge(cell)
        elif value_id == OTHER:
            self.other = cell.copy()
        else:
            self.values[value_id] = cell.copy()

    def merge(self, cells: Cells) -> None:
        """Take in all cells of another bucket, or part of one."""
        for value_id, cell in cells.items():
            self.add(value_id, cell)

    def take_away(self, cells: Cells) -> None:
        """Take out events that were added once; what a value does not have any more, `other` has."""
        for value_id, cell in cells.items():
            found = self.values.get(value_id)
            shown = min(cell.events, found.events) if found is not None else 0
            if found is not None:
                found.events -= shown
                if not found.events:
                    del self.values[value_id]
            if self.other is not None:
                self.other.events -= min(cell.events - shown, self.other.events)
        if self.other is not None and not self.other.events:
            self.other = None

    def items(self) -> Iterator[tuple[int, Cell]]:
        """Yield value ids and their cells, by value id; `OTHER` comes last."""
        yield from sorted(self.values.items())
        if self.other is not None:
            yield OTHER, self.other

    def capped(self, most: int) -> Cells:
        """Return the values with most events, at most so many, and the others summed into `other`.

        "(none)" is always kept and does not count. Among equals the smaller value id stays. Sums of events are exact.
        The result shares the cells that it keeps.
        """
        values = (item for item in self.values.items() if item[0] != NONE)
        ranked = sorted(values, key=lambda item: (-item[1].events, item[0]))
        kept = Cells(dict(ranked[:most]), None if self.other is None else self.other.copy())
        if NONE in self.values:
            kept.values[NONE] = self.values[NONE]
        for _, cell in ranked[most:]:
            kept.add(OTHER, cell)
        return kept


@dataclass(frozen=True, slots=True)
class CellColumns:
    """Cells side by side, by rising value id: how the fold makes them, without an object for each."""

    value_ids: Sequence[int]
    events: Sequence[int]
    first_ms: Sequence[int]
    last_ms: Sequence[int]
    sets: Mapping[int, SetColumns]


def pack_cells(cells: Cells, *, with_sets: bool, limit: int = NO_LIMIT) -> bytes:
    """Return the bytes of cells; without their sets where those are kept elsewhere.

    Of sets with more members than `limit` there is a sample.
    """
    items = list(cells.items())
    counted = sorted({counted_id for _, cell in items for counted_id in cell.sets}) if with_sets else []
    nothing = BitMap()
    numbers = _pack_numbers(
        [value_id for value_id, _ in items],
        [cell.events for _, cell in items],
        [cell.first_ms for _, cell in items],
        [cell.last_ms for _, cell in items],
        len(counted),
    )
    sets = [
        _COUNTED.pack(number) + pack_sets([cell.sets.get(number, nothing) for _, cell in items], limit)
        for number in counted
    ]
    return b"".join((numbers, *sets))


def pack_columns(columns: CellColumns) -> bytes:
    """Return the bytes of cells that lie side by side already; `unpack_cells` reads them as any others."""
    numbers = _pack_numbers(columns.value_ids, columns.events, columns.first_ms, columns.last_ms, len(columns.sets))
    sets = [_COUNTED.pack(number) + pack_set_columns(sets) for number, sets in sorted(columns.sets.items())]
    return b"".join((numbers, *sets))


def unpack_cells(packed: bytes) -> Cells:
    """Return the cells that `pack_cells` or `pack_columns` made bytes of; raise `StoreCorrupt` for anything else."""
    reader = ColumnReader(packed)
    count, kinds, *numbers = _read_numbers(reader)
    cells = {value_id: Cell(events, first, last) for value_id, events, first, last in zip(*numbers, strict=True)}
    for _ in range(kinds):
        (counted_id,) = reader.take_struct(_COUNTED)
        for cell, members in zip(cells.values(), read_sets(reader, count), strict=True):
            if members:
                cell.sets[counted_id] = members
    other = cells.pop(OTHER, None)
    return Cells(cells, other)


def merge_cells(parts: Iterable[bytes]) -> Cells:
    """Return the sum of packed cells; quicker than to unpack each."""
    numbers: dict[int, list[int]] = {}
    unions: defaultdict[int, SetUnions] = defaultdict(SetUnions)
    for packed in parts:
        reader = ColumnReader(packed)
        _, kinds, *columns = _read_numbers(reader)
        value_ids = _merge_numbers(numbers, columns)
        for _ in range(kinds):
            (counted_id,) = reader.take_struct(_COUNTED)
            unions[counted_id].add(reader, value_ids)
    cells = {value_id: Cell(events, first, last) for value_id, (events, first, last) in numbers.items()}
    for counted_id, sets in unions.items():
        for value_id, members in sets.items():
            cells[value_id].sets[counted_id] = members
    other = cells.pop(OTHER, None)
    return Cells(cells, other)


def _merge_numbers(numbers: dict[int, list[int]], columns: Sequence[Iterable[int]]) -> list[int]:
    """Add columns of numbers to those by value; return the value ids."""
    value_ids = []
    for value_id, events, first, last in zip(*columns, strict=True):
        value_ids.append(value_id)
        found = numbers.get(value_id)
        if found is None:
            numbers[value_id] = [events, first, last]
            continue
        found[0] += events
        # min() and max() would take twice as long.
        if first < found[1]:  # noqa: PLR1730
            found[1] = first
        if last > found[2]:  # noqa: PLR1730
            found[2] = last
    return value_ids


def count_values(packed: bytes) -> int:
    """Return how many values packed cells have, "(none)" and "(other)" among them."""
    return int(ColumnReader(packed).take_struct(_HEAD)[1])


def iter_counts(packed: bytes) -> Iterator[tuple[int, int, int, int]]:
    """Yield (value id, events, first_ms, last_ms) by rising value id, `OTHER` last; sets are not looked at."""
    _, _, *numbers = _read_numbers(ColumnReader(packed))
    return zip(*numbers, strict=True)


def _pack_numbers(
    value_ids: Sequence[int], events: Sequence[int], first_ms: Sequence[int], last_ms: Sequence[int], kinds: int
) -> bytes:
    base = min(first_ms, default=0)
    steps = [after - before for before, after in zip([0, *value_ids], value_ids, strict=False)]
    return b"".join(
        (
            _HEAD.pack(FORMAT, len(value_ids), kinds, base),
            pack_column(steps),
            pack_column(events),
            pack_column([first - base for first in first_ms]),
            pack_column([last - first for first, last in zip(first_ms, last_ms, strict=True)]),
        )
    )


def _read_numbers(reader: ColumnReader) -> tuple[int, int, Iterator[int], array[int], list[int], Iterator[int]]:
    version, count, kinds, base = reader.take_struct(_HEAD)
    if version != FORMAT:
        raise StoreCorrupt(f"Cells in the rollups have format {version}.", hint="A newer PicoEvent wrote it: upgrade.")
    value_ids = accumulate(reader.take(count))
    events = reader.take(count)
    first_ms = list(map(base.__add__, reader.take(count)))
    return count, kinds, value_ids, events, first_ms, map(add, first_ms, reader.take(count))
