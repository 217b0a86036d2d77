"""What rollups must hold of declared dimensions and measures, counted anew from payloads, and what they do hold."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from pyroaring import BitMap
from sqlalchemy import Connection

from picoevent.fold.columns import Columns
from picoevent.fold.counts import combinations
from picoevent.fold.groups import moments_of
from picoevent.fold.harvest import sources_counted
from picoevent.fold.payloads import PayloadReader
from picoevent.fold.piles import USERS, read_span
from picoevent.fold.values import find_values
from picoevent.rollup.cells import Cell, Cells, unpack_cells
from picoevent.rollup.members import unpack_members
from picoevent.rollup.samples import AnySet, take_in
from picoevent.rollup.sketch import MeasureCell, unpack_measure
from picoevent.rollup.tiers import Calendar, Tier, Window
from picoevent.rollup.values import join_pair, number_of, pair_value_text, value_text
from picoevent.store.declarations import Declaration, Dimension
from picoevent.store.rollup_tables import rollup_dimension, rollup_measure, rollup_users, rollup_value_users

UNKNOWN = (1 << 32) - 2
"""Stands for values that have no number."""

Windows = Mapping[Tier, Window]
Places = tuple[tuple[Tier, int], ...]
Seen = tuple[int, int, int | None, int]
"""When it happened (Unix milliseconds), source, user, value."""
DeclaredKey = tuple[Tier, int, int, int, int]
"""Tier, bucket, event type, source, dimension or measure."""


@dataclass(slots=True)
class DeclaredEvidence:
    """Cells, sets of values that are counted distinct, and sums, by bucket."""

    cells: defaultdict[DeclaredKey, Cells] = field(default_factory=lambda: defaultdict(Cells))
    distinct: defaultdict[DeclaredKey, AnySet] = field(default_factory=lambda: defaultdict(BitMap))
    measures: defaultdict[DeclaredKey, MeasureCell] = field(default_factory=lambda: defaultdict(MeasureCell))


class DeclaredTally:
    """Adds up what events of types that declare something hold, for all buckets that tiers can answer for."""

    def __init__(self, declarations: Mapping[int, Declaration], calendar: Calendar, windows: Windows) -> None:
        self._declarations = declarations
        self._calendar = calendar
        self._windows = windows
        self._places = lru_cache(maxsize=100_000)(self._find_places)
        self._values: defaultdict[int, dict[str, int]] = defaultdict(dict)
        self.evidence = DeclaredEvidence()

    def add(self, connection: Connection, columns: Columns) -> None:
        """Add events, whose users are dense numbers."""
        for type_id, declaration in self._declarations.items():
            mine = [place for place, other in enumerate(columns.event_type_ids) if other == type_id]
            if mine:
                self._add(connection, declaration, _picked(columns, mine))

    def _add(self, connection: Connection, declaration: Declaration, columns: Columns) -> None:
        paths = {path for one in declaration.dimensions for path in one.paths}
        reader = PayloadReader(paths | {one.path for one in declaration.measures})
        payloads = reader.read(connection, columns.event_ids)
        jsons = {path: reader.column(path, payloads) for path in reader.paths}
        moments = moments_of(columns.event_ids)
        for one in declaration.dimensions:
            values = self._numbers(connection, one, jsons)
            seen = zip(moments, columns.source_ids, columns.users, values, strict=True)
            self._add_values(declaration.event_type_id, one, seen)
        for measure in declaration.measures:
            for moment, source, json in zip(moments, columns.source_ids, jsons[measure.path], strict=True):
                number = number_of(json) if moment >= measure.filled_from * 1000 else None
                if number is None:
                    continue
                for tier, bucket in self._places(moment // 1000):
                    for either in sources_counted(tier, source):
                        key = tier, bucket, declaration.event_type_id, either, measure.measure_id
                        self.evidence.measures[key].add(number)

    def _add_values(self, type_id: int, one: Dimension, seen: Iterable[Seen]) -> None:
        groups: defaultdict[tuple[Places, int, int], list[Seen]] = defaultdict(list)
        for event in seen:
            groups[self._places(event[0] // 1000), event[1], event[3]].append(event)
        for (places, source, value), events in groups.items():
            counted = [event for event in events if event[0] >= one.filled_from * 1000]
            distinct = one.counted_distinct and any(event[0] >= one.distinct_from * 1000 for event in events)
            for tier, bucket in places:
                for either in sources_counted(tier, source) if counted else ():
                    self.evidence.cells[tier, bucket, type_id, either, one.dimension_id].add(value, _cell_of(counted))
                for pair in combinations(type_id, source) if distinct and value else ():
                    key = tier, bucket, *pair, one.dimension_id
                    self.evidence.distinct[key] = take_in(self.evidence.distinct[key], BitMap([value]))

    def _find_places(self, second: int) -> Places:
        buckets = [(tier, self._calendar.bucket(tier, second), window) for tier, window in self._windows.items()]
        return tuple((tier, bucket) for tier, bucket, window in buckets if window.since <= bucket < window.until)

    def _numbers(self, connection: Connection, one: Dimension, jsons: Mapping[str, Sequence[bytes]]) -> list[int]:
        """Return the number of each value; 0 for none."""
        if one.second_path:
            texts = [pair_value_text(join_pair(*both)) for both in zip(*map(jsons.__getitem__, one.paths), strict=True)]
        else:
            texts = list(map(value_text, jsons[one.path]))
        known = self._values[one.dimension_id]
        known |= find_values(connection, one.dimension_id, {text for text in texts if text is not None} - known.keys())
        return [0 if text is None else known.get(text, UNKNOWN) for text in texts]


def _cell_of(events: Sequence[Seen]) -> Cell:
    users = BitMap([user for _, _, user, _ in events if user is not None])
    moments = [event[0] for event in events]
    return Cell(len(events), min(moments), max(moments), {USERS: users} if users else {})


def _picked(columns: Columns, places: Sequence[int]) -> Columns:
    return Columns(
        [columns.event_ids[place] for place in places],
        [columns.event_type_ids[place] for place in places],
        [columns.source_ids[place] for place in places],
        [columns.users[place] for place in places],
    )


def read_declared(connection: Connection, span: tuple[int, int], windows: Windows) -> DeclaredEvidence:
    """Return what tiers hold of the buckets that begin in a span and that they can answer for."""
    evidence = DeclaredEvidence()
    for tier, window in windows.items():
        _read_tier(connection, evidence, tier, (max(span[0], window.since), min(span[1], window.until)))
    return evidence


def read_declared_days(connection: Connection, month: int, end: int) -> DeclaredEvidence:
    """Return what the days of a month hold, put together as that month."""
    days = DeclaredEvidence()
    _read_tier(connection, days, Tier.DAY, (month, end))
    whole = DeclaredEvidence()
    for key, cells in days.cells.items():
        whole.cells[(Tier.MONTH, month, *key[2:])].merge(cells)
    for key, members in days.distinct.items():
        mine = Tier.MONTH, month, *key[2:]
        whole.distinct[mine] = take_in(whole.distinct[mine], members)
    for key, cell in days.measures.items():
        whole.measures[(Tier.MONTH, month, *key[2:])].merge(cell)
    return whole


def _read_tier(connection: Connection, evidence: DeclaredEvidence, tier: Tier, span: tuple[int, int]) -> None:
    for row in read_span(connection, rollup_dimension, tier, *span):
        key = tier, row.bucket, row.event_type_id, row.source_id, row.dimension_id
        evidence.cells[key].merge(unpack_cells(row.packed))
    for row in read_span(connection, rollup_value_users, tier, *span):
        cells = evidence.cells[tier, row.bucket, row.event_type_id, row.source_id, row.dimension_id]
        cell = cells.values.get(row.value_id)
        if cell is not None:
            cell.sets[row.counted_id] = take_in(cell.sets.get(row.counted_id, BitMap()), unpack_members(row.packed))
    for row in read_span(connection, rollup_users, tier, *span):
        if row.dimension_id != USERS:
            key = tier, row.bucket, row.event_type_id, row.source_id, row.dimension_id
            evidence.distinct[key] = take_in(evidence.distinct[key], unpack_members(row.packed))
    for row in read_span(connection, rollup_measure, tier, *span):
        key = tier, row.bucket, row.event_type_id, row.source_id, row.measure_id
        evidence.measures[key].merge(unpack_measure(row.packed))
