"""What rollups must hold of declared dimensions and measures, counted anew from payloads, and what they do hold."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from pyroaring import BitMap
from sqlalchemy import Connection

from picoevent.fold.columns import Columns
from picoevent.fold.counts import combinations
from picoevent.fold.declared_values import ValueReader, Values
from picoevent.fold.groups import moments_of
from picoevent.fold.harvest import sources_counted
from picoevent.fold.index_evidence import IndexTally, index_rows
from picoevent.fold.piles import USERS, read_span
from picoevent.rollup.cells import OTHER, Cell, Cells, unpack_cells
from picoevent.rollup.members import unpack_members
from picoevent.rollup.samples import AnySet, take_in
from picoevent.rollup.sketch import MeasureCell, unpack_measure
from picoevent.rollup.tiers import MINUTE_SECONDS, Calendar, Tier, Window
from picoevent.rollup.values import number_of
from picoevent.store.declarations import Declaration, Dimension
from picoevent.store.rollup_tables import (
    rollup_dimension,
    rollup_measure,
    rollup_users,
    rollup_value_users,
)

MINUTE_MS = MINUTE_SECONDS * 1000

Windows = Mapping[Tier, Window]
Places = tuple[tuple[Tier, int], ...]
Members = Mapping[int, Sequence[int | None]]
"""What each event adds to the sets of a value, by counted id; 0 are users."""
DeclaredKey = tuple[Tier, int, int, int, int]
"""Tier, bucket, event type, source, dimension or measure."""


@dataclass(slots=True)
class DeclaredEvidence:
    """Cells, sets of values that are counted distinct, and sums, by bucket."""

    cells: defaultdict[DeclaredKey, Cells] = field(default_factory=lambda: defaultdict(Cells))
    distinct: defaultdict[DeclaredKey, AnySet] = field(default_factory=lambda: defaultdict(BitMap))
    measures: defaultdict[DeclaredKey, MeasureCell] = field(default_factory=lambda: defaultdict(MeasureCell))


@dataclass(frozen=True, slots=True)
class Seen:
    """Events of one type, side by side: Unix milliseconds, sources, values by dimension, and members of sets."""

    moments: Sequence[int]
    sources: Sequence[int]
    values: Values
    members: Members

    def cell(self, events: Sequence[int], number: int) -> Cell:
        """Return what some events are together, as a value of a dimension: it is no member of its own set."""
        moments = [self.moments[event] for event in events]
        sets = {
            counted_id: BitMap([member for event in events if (member := column[event]) is not None])
            for counted_id, column in self.members.items()
            if counted_id != number
        }
        filled: dict[int, AnySet] = {counted_id: members for counted_id, members in sets.items() if members}
        return Cell(len(events), min(moments, default=0), max(moments, default=0), filled)


class DeclaredTally:
    """Adds up what events of types that declare something hold, for all buckets that tiers can answer for."""

    def __init__(
        self,
        declarations: Mapping[int, Declaration],
        calendar: Calendar,
        windows: Windows,
        index: IndexTally | None = None,
    ) -> None:
        """Where there is an `index`, it is told what it must hold, too."""
        self._declarations = declarations
        self._calendar = calendar
        self._windows = windows
        self._places = lru_cache(maxsize=100_000)(self._find_places)
        self._reader = ValueReader()
        self.index = index
        self.evidence = DeclaredEvidence()

    def add(self, connection: Connection, columns: Columns) -> None:
        """Add events, whose users are dense numbers."""
        for type_id, declaration in self._declarations.items():
            mine = [place for place, other in enumerate(columns.event_type_ids) if other == type_id]
            if mine:
                self._add(connection, declaration, _picked(columns, mine))

    def _add(self, connection: Connection, declaration: Declaration, columns: Columns) -> None:
        jsons, values = self._reader.read(connection, declaration, columns.event_ids)
        if self.index is not None:
            self.index.add(connection, index_rows(declaration, columns.event_ids, values))
        moments = moments_of(columns.event_ids)
        members: Members = {USERS: columns.users} | {
            one.dimension_id: _members(moments, values[one.dimension_id], one.distinct_from * 1000)
            for one in declaration.dimensions
            if one.counted_distinct
        }
        for one in declaration.dimensions:
            self._add_values(declaration.event_type_id, one, Seen(moments, columns.source_ids, values, members))
        for measure in declaration.measures:
            for moment, source, json in zip(moments, columns.source_ids, jsons[measure.path], strict=True):
                number = number_of(json) if moment >= measure.filled_from * 1000 else None
                if number is None:
                    continue
                for tier, bucket in self._places(moment // MINUTE_MS * MINUTE_SECONDS):
                    for either in sources_counted(tier, source):
                        key = tier, bucket, declaration.event_type_id, either, measure.measure_id
                        self.evidence.measures[key].add(number)

    def _add_values(self, type_id: int, one: Dimension, seen: Seen) -> None:
        number, filled_ms = one.dimension_id, one.filled_from * 1000
        groups: defaultdict[tuple[Places, int, int], list[int]] = defaultdict(list)
        for event, (moment, source, value) in enumerate(
            zip(seen.moments, seen.sources, seen.values[number], strict=True)
        ):
            groups[self._places(moment // MINUTE_MS * MINUTE_SECONDS), source, value].append(event)
        for (places, source, value), events in groups.items():
            cell = seen.cell([event for event in events if seen.moments[event] >= filled_ms], number)
            distinct = number in seen.members and any(seen.members[number][event] for event in events)
            for tier, bucket in places:
                for either in sources_counted(tier, source) if cell.events else ():
                    self.evidence.cells[tier, bucket, type_id, either, number].add(value, cell)
                for pair in combinations(type_id, source) if distinct else ():
                    key = tier, bucket, *pair, number
                    self.evidence.distinct[key] = take_in(self.evidence.distinct[key], BitMap([value]))

    def _find_places(self, second: int) -> Places:
        buckets = [(tier, self._calendar.bucket(tier, second), window) for tier, window in self._windows.items()]
        return tuple((tier, bucket) for tier, bucket, window in buckets if window.since <= bucket < window.until)


def _members(moments: Sequence[int], values: Sequence[int], since_ms: int) -> list[int | None]:
    """Return values as members of sets that hold from a moment on: "no value" is none."""
    return [value if value and moment >= since_ms else None for moment, value in zip(moments, values, strict=True)]


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
        cell = cells.other if row.value_id == OTHER else cells.values.get(row.value_id)
        if cell is None:
            # A set of a value that has no events.
            cells.add(row.value_id, Cell(0, 0, 0, {row.counted_id: unpack_members(row.packed)}))
        else:
            cell.sets[row.counted_id] = take_in(cell.sets.get(row.counted_id, BitMap()), unpack_members(row.packed))
    for row in read_span(connection, rollup_users, tier, *span):
        if row.dimension_id != USERS:
            key = tier, row.bucket, row.event_type_id, row.source_id, row.dimension_id
            evidence.distinct[key] = take_in(evidence.distinct[key], unpack_members(row.packed))
    for row in read_span(connection, rollup_measure, tier, *span):
        key = tier, row.bucket, row.event_type_id, row.source_id, row.measure_id
        evidence.measures[key].merge(unpack_measure(row.packed))
