"""What is to be counted of which events: an event type's declarations hold only from some moment of each on."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass, field

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
    """The plans of one event type, each from a moment on; before the first one there is nothing to be counted."""

    def __init__(self, declaration: Declaration) -> None:
        self.moments = sorted(set(_moments(declaration)))
        self._plans = [_plan_at(declaration, moment) for moment in self.moments]
        self.latest = self.moments[-1]

    @property
    def last(self) -> Plan:
        """The plan of all events from `latest` on."""
        return self._plans[-1]

    def plan_of(self, second: int) -> Plan | None:
        """Return the plan of an event of this Unix second."""
        place = bisect_right(self.moments, second)
        return self._plans[place - 1] if place else None


def fill_plan(declaration: Declaration, until: int) -> tuple[Plan, int]:
    """Return what is missing of events before a moment, which is one of the declaration's own; and from when on.

    Further back, another plan holds.
    """
    since = max((moment for moment in _moments(declaration) if moment < until), default=0)
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


def _moments(declaration: Declaration) -> Iterable[int]:
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
