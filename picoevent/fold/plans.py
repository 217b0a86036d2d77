"""What is to be counted of which events: an event type's declarations hold only from some moment of each on."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from picoevent.fold.columns import Columns
from picoevent.ids import EPOCH_UNIX, SECOND_SHIFT, first_id_of_second
from picoevent.store.declarations import Declaration, Dimension, Measure


@dataclass(frozen=True, slots=True)
class Plan:
    """What is counted of events of one type that lie in one span of time.

    `counted` dimensions get events, users, and the sets of `distinct` ones; `searched` ones get rows in their index.
    What follows is for filling in alone: `distinct_before` were counted distinct before, so that only new dimensions
    lack their sets; `widened` were counted before, and lack the sets of `distinct` ones.
    """

    event_type_id: int
    counted: tuple[Dimension, ...] = ()
    distinct: tuple[Dimension, ...] = ()
    searched: tuple[Dimension, ...] = ()
    measures: tuple[Measure, ...] = ()
    distinct_before: tuple[Dimension, ...] = ()
    widened: tuple[Dimension, ...] = ()

    def dimensions(self) -> list[Dimension]:
        """Return each dimension whose values are needed, once."""
        needed = (*self.counted, *self.distinct, *self.searched, *self.distinct_before, *self.widened)
        return list({one.dimension_id: one for one in needed}.values())

    def paths(self) -> set[str]:
        """Return the paths that payloads are to be read at."""
        return {path for one in self.dimensions() for path in one.paths} | {one.path for one in self.measures}


@dataclass(slots=True)
class Batch:
    """Events of one plan, side by side: ids, sources, and dense numbers of users."""

    plan: Plan
    event_ids: list[int] = field(default_factory=list)
    source_ids: list[int] = field(default_factory=list)
    users: list[int | None] = field(default_factory=list)


class Schedule:
    """The plans of one event type, each from a moment on, in the order of time."""

    def __init__(self, declaration: Declaration) -> None:
        self._moments = sorted(set(moments_of_declaration(declaration)))
        self.plans = [_plan_at(declaration, moment) for moment in self._moments]
        self.latest = self._moments[-1]
        """From this Unix second on the last plan holds."""

    @property
    def last(self) -> Plan:
        """The plan that holds from `latest` on."""
        return self.plans[-1]

    def place_of(self, second: int) -> int:
        """Return the place of the plan of a Unix second among `plans`; -1 before all of them: nothing is counted."""
        return bisect_right(self._moments, second) - 1


def fill_plan(declaration: Declaration, until: int) -> tuple[Plan, int]:
    """Return what is missing of events before a moment, which is one of the declaration's own; and from when on.

    Further back, another plan holds.
    """
    since = max((moment for moment in moments_of_declaration(declaration) if moment < until), default=0)
    dimensions = declaration.dimensions
    counted = tuple(one for one in dimensions if one.filled_from == until)
    distinct = tuple(one for one in dimensions if one.counted_distinct and one.distinct_from == until)
    plan = Plan(
        event_type_id=declaration.event_type_id,
        counted=counted,
        distinct=distinct,
        searched=tuple(one for one in dimensions if one.searchable and one.searchable_from == until),
        measures=tuple(one for one in declaration.measures if one.filled_from == until),
        distinct_before=tuple(one for one in dimensions if one.counted_distinct and one.distinct_from < until),
        widened=tuple(one for one in dimensions if one.filled_from < until) if distinct else (),
    )
    return plan, since


def moments_of_declaration(declaration: Declaration) -> Iterable[int]:
    """Yield the Unix seconds from which on parts of a declaration hold."""
    for one in declaration.dimensions:
        yield one.filled_from
        if one.searchable:
            yield one.searchable_from
        if one.counted_distinct:
            yield one.distinct_from
    for measure in declaration.measures:
        yield measure.filled_from


def _plan_at(declaration: Declaration, second: int) -> Plan:
    dimensions = declaration.dimensions
    return Plan(
        event_type_id=declaration.event_type_id,
        counted=tuple(one for one in dimensions if one.filled_from <= second),
        distinct=tuple(one for one in dimensions if one.counted_distinct and one.distinct_from <= second),
        searched=tuple(one for one in dimensions if one.searchable and one.searchable_from <= second),
        measures=tuple(one for one in declaration.measures if one.filled_from <= second),
    )


def cut_by_plan(columns: Columns, schedules: Mapping[int, Schedule]) -> list[Batch]:
    """Return the events of a round whose types declare something, by what is to be counted of them."""
    positions: dict[int, list[int]] = {type_id: [] for type_id in schedules}
    for position, type_id in enumerate(columns.event_type_ids):
        if type_id in positions:
            positions[type_id].append(position)
    batches: list[Batch] = []
    for type_id, found in positions.items():
        if found:
            batches += _cut_one(columns, found, schedules[type_id])
    return batches


def _cut_one(columns: Columns, positions: Sequence[int], schedule: Schedule) -> list[Batch]:
    """Return the events of one type; nearly always all of them lie behind the last moment."""
    first_id = first_id_of_second(schedule.latest)
    if all(columns.event_ids[position] >= first_id for position in positions):
        return [_batch(schedule.last, columns, positions)]
    by_plan: dict[int, list[int]] = {}
    for position in positions:
        place = schedule.place_of((columns.event_ids[position] >> SECOND_SHIFT) + EPOCH_UNIX)
        by_plan.setdefault(place, []).append(position)
    return [_batch(schedule.plans[place], columns, found) for place, found in by_plan.items() if place >= 0]


def _batch(plan: Plan, columns: Columns, positions: Sequence[int]) -> Batch:
    return Batch(
        plan,
        [columns.event_ids[position] for position in positions],
        [columns.source_ids[position] for position in positions],
        [columns.users[position] for position in positions],
    )
