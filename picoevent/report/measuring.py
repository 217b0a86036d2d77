"""The figures that can stand in a series, each by interval, and by event type where types are told apart."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from pyroaring import BitMap

from picoevent.report.asking import Asked, Intervals
from picoevent.report.counting import ANY, count_by_bucket
from picoevent.report.planner import Source
from picoevent.report.sets import read_users, unite, unite_all

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
    source = asked.plan_counts(interval=interval)
    intervals = Intervals(source)
    values: defaultdict[Place, int] = defaultdict(int)
    by_type: defaultdict[int, int] = defaultdict(int)
    for type_id, second, events in count_by_bucket(asked.desk.connection, source, asked.selection):
        row = type_id if split else ANY
        values[row, intervals.place_of(second)] += events
        by_type[row] += events
    return Measured(source, dict(values), sum(by_type.values()), dict(by_type))


def measure_users(asked: Asked, interval: str, *, split: bool) -> Measured:
    """Count users, each once in an interval, and once in the whole range."""
    source = asked.plan_sets(interval=interval)
    sets = _sets(asked, source, split=split)
    by_type = _united_by_type(sets)
    lengths = {place: len(members) for place, members in sets.items()}
    total = len(unite_all(by_type))
    return Measured(source, dict(lengths), total, {number: len(members) for number, members in by_type.items()})


def _sets(asked: Asked, source: Source, *, split: bool) -> dict[Place, BitMap]:
    intervals = Intervals(source)
    found = read_users(asked.desk.connection, source, asked.selection)
    return unite(found, lambda members: (members.type_id if split else ANY, intervals.place_of(members.second)))


def _united_by_type(sets: Mapping[Place, BitMap]) -> dict[int, BitMap]:
    by_type: defaultdict[int, dict[int, BitMap]] = defaultdict(dict)
    for (type_id, place), members in sets.items():
        by_type[type_id][place] = members
    return {type_id: unite_all(members) for type_id, members in by_type.items()}


def measure_per_user(asked: Asked, interval: str, *, split: bool) -> Measured:
    """Divide events by users; events without a user count too. There is no figure where nobody was."""
    events = measure_events(asked, interval, split=split)
    users = measure_users(asked, interval, split=split)
    values = {place: _divided(events.values.get(place), users.values.get(place)) for place in events.values}
    by_type = {number: _divided(events.by_type[number], users.by_type.get(number)) for number in events.by_type}
    return Measured(users.source, values, _divided(events.total, users.total), by_type, empty=None)


def _divided(events: Value, users: Value) -> float | None:
    return round(float(events) / float(users), 3) if events and users else None


FIGURES: dict[str, Callable[..., Measured]] = {
    "events": measure_events,
    "users": measure_users,
    "per_user": measure_per_user,
}
