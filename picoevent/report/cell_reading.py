"""Values of dimensions from the rollups: their counts, and the sets behind those that are asked for."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Hashable, Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple, TypeVar

from pyroaring import BitMap
from sqlalchemy import Connection

from picoevent.report.asking import Asked
from picoevent.report.counting import Selection, in_tiers
from picoevent.report.dimensions import USERS, Chosen, ValueKey
from picoevent.report.planner import Source
from picoevent.report.raw_values import number_values, read_raw
from picoevent.rollup.cells import NONE, OTHER, Cell, Cells, iter_counts, merge_cells
from picoevent.rollup.members import union_members
from picoevent.rollup.samples import AnySet, union_of
from picoevent.rollup.tiers import Tier
from picoevent.store.packed_parts import fetch_parts
from picoevent.store.rollup_tables import rollup_dimension, rollup_value_users

Key = TypeVar("Key", bound=Hashable)


class Place(NamedTuple):
    """The event type of a part, and the Unix second at which its bucket begins."""

    type_id: int
    second: int


@dataclass(frozen=True, slots=True)
class CellReader:
    """Reads one dimension for one question, and the sets of users, and of one more dimension, behind its values."""

    asked: Asked
    chosen: Chosen
    source: Source
    counted: Chosen | None = None

    @property
    def counted_ids(self) -> tuple[int, ...]:
        """The numbers of the sets that are asked for."""
        return (USERS,) if self.counted is None else (USERS, self.counted.dimension.dimension_id)

    def read(self, key_of: Callable[[Place], Key]) -> dict[Key, Cells]:
        """Return the cells of all parts that have the same key, added up; days and months come without their sets."""
        table = rollup_dimension
        mine = table.c.dimension_id == self.chosen.dimension.dimension_id
        parts: defaultdict[Key, list[bytes]] = defaultdict(list)
        if self.source.tiers:
            conditions = [in_tiers(table, self.source.tiers, self.chosen.selection), mine]
            connection = self.asked.desk.connection
            for type_id, bucket, packed in fetch_parts(connection, table, ("event_type_id", "bucket"), conditions):
                parts[key_of(Place(type_id, bucket))].append(packed)
        merged = {key: merge_cells(packed) for key, packed in parts.items()}
        for place, value_id, cell in self._read_raw():
            merged.setdefault(key_of(place), Cells()).add(value_id, cell)
        return merged

    def _read_raw(self) -> Iterator[tuple[Place, int, Cell]]:
        """Yield the cell of each raw row."""
        others = () if self.counted is None else self.counted.dimension.paths
        paths = (*self.chosen.dimension.paths, *others)
        connection = self.asked.desk.connection
        events = list(read_raw(self.asked.desk, self.source, self.chosen.selection, paths))
        values = number_values(connection, self.chosen, events)
        counted = values if self.counted is None else number_values(connection, self.counted, events)
        for event, value_id, other in zip(events, values, counted, strict=True):
            sets: dict[int, AnySet] = {} if event.user is None else {USERS: BitMap([event.user])}
            if self.counted is not None and other != NONE:
                sets[self.counted.dimension.dimension_id] = BitMap([other])
            yield Place(event.type_id, event.second), value_id, Cell(1, event.unix_ms, event.unix_ms, sets)

    def add_sets(self, found: dict[Key, Cells], key_of: Callable[[Place], Key], value_ids: Collection[int]) -> None:
        """Add, to some values, the sets that days and months hold apart."""
        packed: defaultdict[tuple[Key, int, int], list[bytes]] = defaultdict(list)
        for place, value_id, counted_id, members in self._read_sets(value_ids):
            packed[key_of(place), value_id, counted_id].append(members)
        for (key, value_id, counted_id), parts in packed.items():
            cell = cell_of(found[key], value_id) if key in found else None
            if cell is not None:
                cell.sets[counted_id] = union_of((cell.sets.get(counted_id, BitMap()), union_members(parts)))

    def _read_sets(self, value_ids: Collection[int]) -> Iterator[tuple[Place, int, int, bytes]]:
        """Yield sets, each found by its whole key: a range over the buckets would read those of all values."""
        table = rollup_value_users
        c = table.c
        numbers = ("event_type_id", "bucket", "value_id", "counted_id")
        for tier, windows in self.source.tiers.items():
            if tier < Tier.DAY or not value_ids:
                continue
            calendar = self.asked.desk.calendar
            buckets = [one for span in windows for one in calendar.buckets(tier, span.since, span.until)]
            conditions = [
                c.tier == int(tier),
                *self.chosen.selection.conditions(table),
                c.dimension_id == self.chosen.dimension.dimension_id,
                c.bucket.in_(buckets),
                c.value_id.in_(sorted(value_ids)),
                c.counted_id.in_(self.counted_ids),
            ]
            found = fetch_parts(self.asked.desk.connection, table, numbers, conditions)
            for type_id, bucket, value_id, counted_id, packed in found:
                yield Place(type_id, bucket), value_id, counted_id, packed


def count_many(
    connection: Connection, source: Source, selection: Selection, dimension_ids: Collection[int]
) -> Iterator[tuple[ValueKey, int, int]]:
    """Yield values of several dimensions at once, each with a bucket that it was in, and its events; from rollups."""
    table = rollup_dimension
    mine = table.c.dimension_id.in_(sorted(dimension_ids))
    if source.tiers:
        conditions = [in_tiers(table, source.tiers, selection), mine]
        for dimension_id, bucket, packed in fetch_parts(connection, table, ("dimension_id", "bucket"), conditions):
            for value_id, events, _, _ in iter_counts(packed):
                if value_id not in (NONE, OTHER):
                    yield (dimension_id, value_id), bucket, events


def cell_of(cells: Cells, value_id: int) -> Cell | None:
    """Return the cell of a value, or of `OTHER`."""
    return cells.other if value_id == OTHER else cells.values.get(value_id)


def hides_values(cells: Iterable[Cells]) -> bool:
    """Say whether values may have been summed into "(other)", so that the others' figures are at least what is said."""
    return any(one.other is not None and one.other.events for one in cells)


def total_events(cells: Cells) -> int:
    """Return the number of all events that were counted."""
    return sum(cell.events for _, cell in cells.items())


def is_exact(value_id: int, *, hidden: bool) -> bool:
    """Say whether what was counted of a value is all there is; "(none)" is never summed into "(other)"."""
    return value_id == NONE or not hidden
