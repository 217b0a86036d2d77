"""What groups of events add to the tables of dimensions and measures, gathered before it is written all at once."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import product

from pyroaring import BitMap

from picoevent.fold.bundles import Key
from picoevent.fold.cell_columns import cell_columns
from picoevent.fold.counts import ANY, combinations
from picoevent.fold.piles import SetKey
from picoevent.fold.placing import Place
from picoevent.fold.plans import Plan
from picoevent.rollup.cells import USERS, pack_columns
from picoevent.rollup.sketch import MeasureCell
from picoevent.rollup.tiers import Tier
from picoevent.rollup.values import number_of

_number_of = lru_cache(maxsize=100_000)(number_of)


@dataclass(frozen=True, slots=True)
class Group:
    """Events of one type, source and finest bucket, side by side in the order of time."""

    plan: Plan
    source_id: int
    places: Sequence[Place]
    """All buckets that get them."""
    moments: Sequence[int]
    """Unix milliseconds."""
    users: Sequence[int | None]
    values: Mapping[int, Sequence[int]]
    """The numbers of values, by dimension."""
    jsons: Mapping[str, Sequence[bytes]]
    """What payloads hold, by the path of a measure."""

    def keys(self, number: int) -> Iterator[Key]:
        """Yield the buckets of a dimension, or measure: those of the source, and but for minutes those of any."""
        type_id = self.plan.event_type_id
        for tier, bucket in self.places:
            for source_id in sources_counted(tier, self.source_id):
                yield Key(tier, type_id, source_id, number, bucket)


def sources_counted(tier: Tier, source_id: int) -> tuple[int, ...]:
    """Return the sources that an event's values count for in a tier: minutes are written each second, and lean."""
    return (source_id,) if tier is Tier.MINUTE else (source_id, ANY)


class Harvest:
    """Parts by the bucket that they belong to."""

    def __init__(self) -> None:
        self.cells: defaultdict[Key, list[bytes]] = defaultdict(list)
        self.measures: defaultdict[Key, MeasureCell] = defaultdict(MeasureCell)
        self.indexed: list[tuple[int, int, int]] = []
        """Dimension, value, event."""
        self._sets: defaultdict[int, defaultdict[SetKey, list[BitMap]]] = defaultdict(lambda: defaultdict(list))

    def add(self, group: Group) -> None:
        """Take in a group."""
        self._add_cells(group)
        for dimension in group.plan.distinct:
            self._add_set(group, dimension.dimension_id)
        for measure in group.plan.measures:
            cell = measure_cell(group.jsons[measure.path])
            if cell.count:
                for key in group.keys(measure.measure_id):
                    self.measures[key].merge(cell)

    def sets(self) -> Iterator[tuple[int, dict[SetKey, BitMap]]]:
        """Yield each dimension that is counted distinct, and what to add to its sets."""
        for dimension_id, found in self._sets.items():
            yield dimension_id, {key: BitMap.union(*sets) for key, sets in found.items()}

    def _add_cells(self, group: Group) -> None:
        plan = group.plan
        new = {one.dimension_id: _members(group.values[one.dimension_id]) for one in plan.distinct}
        before = {one.dimension_id: _members(group.values[one.dimension_id]) for one in plan.distinct_before}
        for dimension in plan.counted:
            number = dimension.dimension_id
            members = _others({USERS: group.users, **before, **new}, number)
            self._add(group, number, pack_columns(cell_columns(group.values[number], group.moments, members)))
        for dimension in plan.widened:
            number = dimension.dimension_id
            if members := _others(new, number):
                columns = cell_columns(group.values[number], group.moments, members, with_events=False)
                self._add(group, number, pack_columns(columns))

    def _add(self, group: Group, number: int, packed: bytes) -> None:
        for key in group.keys(number):
            self.cells[key].append(packed)

    def _add_set(self, group: Group, dimension_id: int) -> None:
        members = BitMap([value for value in group.values[dimension_id] if value])
        if not members:
            return
        combined = combinations(group.plan.event_type_id, group.source_id)
        for (tier, bucket), (type_id, source_id) in product(group.places, combined):
            self._sets[dimension_id][int(tier), type_id, source_id, bucket].append(members)


def measure_cell(jsons: Sequence[bytes]) -> MeasureCell:
    """Return the numbers among pieces of JSON; what is none does not count."""
    cell = MeasureCell()
    for json, times in Counter(jsons).items():
        number = _number_of(json)
        if number is not None:
            cell.add(number, times)
    return cell


def _members(values: Sequence[int]) -> Sequence[int | None]:
    """Return values as members of sets: "no value" is none."""
    return [value or None for value in values]


def _others(members: Mapping[int, Sequence[int | None]], number: int) -> dict[int, Sequence[int | None]]:
    """Return the members but for those of a dimension itself, whose set in each of its values would be that value."""
    return {counted_id: of_events for counted_id, of_events in members.items() if counted_id != number}
