"""The figures that can stand in a series, each by interval, and by event type where types are told apart."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from functools import partial

from picoevent.errors import InvalidQuery
from picoevent.report.asking import Asked, Intervals
from picoevent.report.counted import count_filtered, members_of
from picoevent.report.counting import ANY, Count, count_by_bucket
from picoevent.report.dimensions import apply_filters
from picoevent.report.measures import ESTIMATED, TAKEN, read_measure
from picoevent.report.planner import Source
from picoevent.report.sets import unite
from picoevent.rollup.samples import AnySet, union_of
from picoevent.rollup.sketch import MeasureCell

Value = int | float | Decimal | None
Place = tuple[int, int]
"""An event type (`ANY` where types are put together) and the number of an interval."""


@dataclass(slots=True)
class Measured:
    """Figures by place, and those of the whole range: in total, and by type where types are told apart.

    `empty` is the figure of an interval in which nothing was counted.
    """

    source: Source
    values: Mapping[Place, Value]
    total: Value
    by_type: Mapping[int, Value] = field(default_factory=dict)
    empty: Value = 0
    exact: bool = True

    def totals(self, type_names: Mapping[int, str]) -> dict[str, object]:
        """Return the figures of the whole range."""
        if not type_names:
            return {"total": self.total}
        types = {name: self.by_type.get(number, self.empty) for number, name in type_names.items()}
        return {"total": self.total, "types": types}


def measure_events(asked: Asked, interval: str, *, split: bool) -> Measured:
    """Count events."""
    source, counts, exact = _counts(asked, interval)
    intervals = Intervals(source)
    values: defaultdict[Place, int] = defaultdict(int)
    by_type: defaultdict[int, int] = defaultdict(int)
    for type_id, second, events in counts:
        row = type_id if split else ANY
        values[row, intervals.place_of(second)] += events
        by_type[row] += events
    return Measured(source, values, sum(by_type.values()), by_type, exact=exact)


def _counts(asked: Asked, interval: str) -> tuple[Source, Iterable[Count], bool]:
    filtered = apply_filters(asked)
    if filtered is not None:
        source, counts, exact = count_filtered(asked, filtered, interval)
        return source, [Count(*place, events) for place, events in counts.items()], exact
    source = asked.plan_counts(interval=interval)
    return source, count_by_bucket(asked.desk.connection, source, asked.selection), True


def measure_users(asked: Asked, interval: str, *, split: bool) -> Measured:
    """Count users, each once in an interval, and once in the whole range."""
    counted = members_of(asked, "users", interval)
    intervals = Intervals(counted.source)
    sets = unite(
        counted.members,
        lambda members: (members.type_id if split else ANY, intervals.place_of(members.second)),
    )
    by_type = _united_by_type(sets)
    values = {place: asked.how_many(members) for place, members in sets.items()}
    users = {number: asked.how_many(members) for number, members in by_type.items()}
    total = asked.how_many(union_of(by_type.values()))
    return Measured(counted.source, values, total, users, exact=counted.exact)


def _united_by_type(sets: Mapping[Place, AnySet]) -> dict[int, AnySet]:
    by_type: defaultdict[int, list[AnySet]] = defaultdict(list)
    for (type_id, _), members in sets.items():
        by_type[type_id].append(members)
    return {type_id: union_of(members) for type_id, members in by_type.items()}


def measure_per_user(asked: Asked, interval: str, *, split: bool) -> Measured:
    """Divide events by users; events without a user count too. There is no figure where nobody was."""
    events = measure_events(asked, interval, split=split)
    users = measure_users(asked.moved(events.source.since_ms, events.source.until_ms), interval, split=split)
    values = {place: _divided(events.values.get(place), users.values.get(place)) for place in events.values}
    by_type = {number: _divided(events.by_type[number], users.by_type.get(number)) for number in events.by_type}
    total, exact = _divided(events.total, users.total), events.exact and users.exact
    return Measured(users.source, values, total, by_type, empty=None, exact=exact)


def _divided(events: Value, users: Value) -> float | None:
    return round(float(events) / float(users), 3) if events and users else None


def measure_values(asked: Asked, interval: str, *, split: bool, figure: str) -> Measured:
    """Sum, average, find the ends or a quantile of a declared measure."""
    path = asked.arguments.options.get("of")
    if not isinstance(path, str) or not path:
        hint = f"For example: measure='{figure}', of='amount' (--measure {figure} --of amount)."
        raise InvalidQuery(f"What {figure} is of is missing.", hint=hint)
    if asked.arguments.filters:
        raise InvalidQuery(f"The {figure} of a measure can't be filtered.", hint="Filter events or users.")
    found = read_measure(asked, path, interval, split=split)
    take = TAKEN[figure]
    values = {place: take(cell) for place, cell in found.cells.items()}
    by_type = {number: take(cell) for number, cell in found.by_type().items()}
    total, empty = take(found.in_all()), take(MeasureCell())
    if figure in ESTIMATED:
        asked.note("Quantiles are estimates, off by 1 % at most.")
    exact = found.whole and figure not in ESTIMATED
    return Measured(found.source, values, total, by_type, empty=empty, exact=exact)


FIGURES: dict[str, Callable[..., Measured]] = {
    "events": measure_events,
    "users": measure_users,
    "per_user": measure_per_user,
    **{figure: partial(measure_values, figure=figure) for figure in TAKEN},
}
