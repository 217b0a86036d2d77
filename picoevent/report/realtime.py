"""The report `realtime`: the last 5 and 30 minutes; events, active users, the busiest types and values."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace

from picoevent.report.asking import Asked, ask
from picoevent.report.cell_reading import read_many
from picoevent.report.counting import Selection, count_by_bucket
from picoevent.report.dimensions import USERS, declarations_of, each_source, value_names
from picoevent.report.frame import Answer, Arguments, Desk, Report
from picoevent.report.planner import Source
from picoevent.report.sets import read_users, unite
from picoevent.rollup.cells import NONE, Cell, Cells
from picoevent.rollup.tiers import MINUTE_SECONDS

SHORT_MINUTES, LONG_MINUTES = 5, 30


@dataclass(frozen=True, slots=True)
class RealtimeRow:
    """One event type, or one value of a dimension; the first row is everything together.

    `kind` is all, type or value; `name` the event type or the value, `dimension` the path of a value. `events_5` and
    `users_5` are those of the last 5 minutes, the one that is not over included, and `..._30` those of 30.
    """

    kind: str
    name: str
    dimension: str | None
    events_5: int
    users_5: int | None
    events_30: int
    users_30: int | None


def answer(desk: Desk, arguments: Arguments) -> Answer[RealtimeRow]:
    """Return what is going on; the range is always the last 30 minutes."""
    minute = desk.now_ms // 1000 // MINUTE_SECONDS * MINUTE_SECONDS + MINUTE_SECONDS
    since, until = minute - LONG_MINUTES * MINUTE_SECONDS, minute
    short_since = minute - SHORT_MINUTES * MINUTE_SECONDS
    asked = ask(desk, replace(arguments, since_ms=since * 1000, until_ms=until * 1000), by_type=True)
    source = asked.plan_counts(interval="minute")
    minutes, short, long = _events(asked, source, since, short_since)
    users = _Users(asked, short_since)
    top = sorted((number for number in long if long[number]), key=lambda key: (-short[key], -long[key], key))
    rows = [RealtimeRow("all", "", None, sum(short.values()), users.short(None), sum(long.values()), users.long(None))]
    rows += [
        RealtimeRow("type", asked.type_names[key], None, short[key], users.short(key), long[key], users.long(key))
        for key in top[: arguments.limit]
    ]
    rows += busiest_values(asked, short_since, arguments.limit)
    return asked.answer("realtime", rows, source, totals={"events_by_minute": minutes})


def busiest_values(asked: Asked, short_since: int, limit: int) -> list[RealtimeRow]:
    """Return the values of all declared dimensions with most events in the last 5 minutes, then in 30."""
    dimensions, selection = _dimensions(asked)
    if not dimensions:
        return []
    source = asked.plan_values(selection, interval="minute")
    found = read_many(asked.desk.connection, source, selection, dimensions, lambda second: second >= short_since)
    rows = []
    for number, path in dimensions.items():
        short = found.get((number, True), Cells())
        long = _merged(found.get((number, False)), short)
        top = sorted(long, key=lambda value: (-_cell(short.values, value).events, -long[value].events, value))[:limit]
        names = value_names(asked.desk.connection, number, top)
        rows += [_value_row(names[value], path, _cell(short.values, value), long[value]) for value in top]
    return sorted(rows, key=lambda row: (-row.events_5, -row.events_30))[:limit]


def _merged(older: Cells | None, short: Cells) -> dict[int, Cell]:
    """Return the cells of values, without those that stand for none or for others."""
    merged = Cells()
    merged.merge(short)
    if older is not None:
        merged.merge(older)
    return {value: cell for value, cell in merged.values.items() if value != NONE}


def _cell(cells: Mapping[int, Cell], value_id: int) -> Cell:
    return cells.get(value_id) or Cell(0, 0, 0)


def _value_row(name: str, path: str, short: Cell, long: Cell) -> RealtimeRow:
    users_5, users_30 = (len(cell.sets.get(USERS, ())) for cell in (short, long))
    return RealtimeRow("value", name, path, short.events, users_5, long.events, users_30)


def _dimensions(asked: Asked) -> tuple[dict[int, str], Selection]:
    """Return the paths of all dimensions that are no pairs, and the rows that hold them."""
    chosen = [
        declaration
        for number, declaration in declarations_of(asked).items()
        if asked.selection.every_type or number in asked.selection.type_ids
    ]
    paths = {one.dimension_id: one.path for found in chosen for one in found.dimensions if not one.second_path}
    return paths, each_source(asked, tuple(found.event_type_id for found in chosen))


def _events(asked: Asked, source: Source, since: int, short_since: int) -> tuple[list[int], Counter[int], Counter[int]]:
    """Return the events of each minute, and of each type in the last 5 and 30 minutes."""
    minutes = [0] * LONG_MINUTES
    short: Counter[int] = Counter()
    long: Counter[int] = Counter()
    for type_id, second, events in count_by_bucket(asked.desk.connection, source, asked.selection):
        minutes[(second - since) // MINUTE_SECONDS] += events
        long[type_id] += events
        if second >= short_since:
            short[type_id] += events
    return minutes, short, long


class _Users:
    """Users of the last 5 and 30 minutes, by type, and of all types together."""

    def __init__(self, asked: Asked, short_since: int) -> None:
        source = asked.plan_sets(interval="minute")
        found = read_users(asked.desk.connection, source, asked.selection)
        sets = unite(found, lambda members: (members.type_id, members.second >= short_since))
        self._sets = sets
        self._types = {type_id for type_id, _ in sets}

    def short(self, type_id: int | None) -> int:
        """Return how many there were in 5 minutes."""
        return self._count(type_id, (True,))

    def long(self, type_id: int | None) -> int:
        """Return how many there were in 30 minutes."""
        return self._count(type_id, (True, False))

    def _count(self, type_id: int | None, parts: tuple[bool, ...]) -> int:
        types = self._types if type_id is None else {type_id}
        sets = [self._sets[one, part] for one in types for part in parts if (one, part) in self._sets]
        return len(sets[0].union(*sets)) if sets else 0


REALTIME = Report(
    "realtime",
    "The last 5 and 30 minutes: events, active users, the busiest types and values",
    answer,
    takes=("types", "sources", "limit"),
    row=RealtimeRow,
    live=True,
)
