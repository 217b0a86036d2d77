"""The report `realtime`: the last 5 and 30 minutes; events, active users, the busiest types and values."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise, product

from picoevent.errors import InvalidQuery
from picoevent.report.asking import Asked, ask
from picoevent.report.cell_reading import count_many
from picoevent.report.counting import ANY, Selection, count_by_bucket
from picoevent.report.dimensions import ValueKey, declarations_of, declared_rows, names_of_values
from picoevent.report.frame import Answer, Arguments, Desk, Report
from picoevent.report.planner import Source, together
from picoevent.report.sets import read_users, unite
from picoevent.rollup.samples import union_of
from picoevent.rollup.tiers import MINUTE_SECONDS

SHORT_MINUTES, LONG_MINUTES = 5, 30


@dataclass(frozen=True, slots=True)
class RealtimeRow:
    """One event type, or one value of a dimension; the first row is everything together.

    `kind` is all, type or value; `name` the event type or the value, `dimension` the path of a value. `events_5` and
    `users_5` are those of the last 5 minutes, the one that is not over included, and `..._30` those of 30. Users of
    values are not counted here; `top_values` does.
    """

    kind: str
    name: str
    dimension: str | None
    events_5: int
    users_5: int | None
    events_30: int
    users_30: int | None


def answer(desk: Desk, arguments: Arguments) -> Answer[RealtimeRow]:
    """Return what is going on in the last 30 minutes; a note says so where another range is asked for."""
    minute = desk.now_ms // 1000 // MINUTE_SECONDS * MINUTE_SECONDS + MINUTE_SECONDS
    since, short_since = (minute - minutes * MINUTE_SECONDS for minutes in (LONG_MINUTES, SHORT_MINUTES))
    asked = ask(desk, replace(arguments, since_ms=since * 1000, until_ms=minute * 1000), by_type=True)
    if abs(arguments.since_ms - since * 1000) > MINUTE_SECONDS * 1000:
        asked.note("This is always about the last 30 minutes, whatever range is asked for.")
    source = asked.plan_counts(interval="minute")
    minutes, short, long = _events(asked, source, since, short_since)
    top = sorted((number for number in long if long[number]), key=lambda key: (-short[key], -long[key], key))
    top = top[: arguments.limit]
    users = Users(asked, short_since, top)
    rows = [RealtimeRow("all", "", None, sum(short.values()), users.short(None), sum(long.values()), users.long(None))]
    rows += [
        RealtimeRow("type", asked.type_names[key], None, short[key], users.short(key), long[key], users.long(key))
        for key in top
    ]
    rows += busiest_values(asked, short_since, arguments.limit)
    return asked.answer("realtime", rows, source, totals={"events_by_minute": minutes})


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


def _by_halves(asked: Asked, short_since: int, plan_half: Callable[[Asked], Source]) -> Source:
    """Return what answers the last 5 minutes and those before, each by its own buckets: none lies in both."""
    early, late = (
        plan_half(asked.moved(since_ms, until_ms))
        for since_ms, until_ms in pairwise((asked.arguments.since_ms, short_since * 1000, asked.arguments.until_ms))
    )
    return together(early, late)


class Users:
    """Users of the last 5 and 30 minutes, of some types, and of all together."""

    def __init__(self, asked: Asked, short_since: int, top: Sequence[int]) -> None:
        self._asked = asked
        together = (ANY,) if asked.selection.every_type else asked.selection.type_ids
        self._all = frozenset(together)
        selection = replace(asked.selection, type_ids=(*together, *(set(top) - self._all)), every_type=False)
        source = _by_halves(asked, short_since, Asked.plan_sets)
        found = read_users(asked.desk, source, selection)
        self._sets = unite(found, lambda members: (members.type_id, members.second >= short_since))

    def short(self, type_id: int | None) -> int:
        """Return how many there were in 5 minutes: of a type, or of all."""
        return self._count(type_id, (True,))

    def long(self, type_id: int | None) -> int:
        """Return how many there were in 30 minutes: of a type, or of all."""
        return self._count(type_id, (True, False))

    def _count(self, type_id: int | None, halves: Sequence[bool]) -> int:
        keys = product(self._all if type_id is None else {type_id}, halves)
        return self._asked.how_many(union_of(self._sets[key] for key in keys if key in self._sets))


def busiest_values(asked: Asked, short_since: int, limit: int) -> list[RealtimeRow]:
    """Return the values with most events in the last 5 minutes, then in 30, of the dimensions that are shown."""
    dimensions, selection = _dimensions(asked)
    if not dimensions:
        return []
    source = _by_halves(asked, short_since, lambda half: half.plan_values(selection))
    short: Counter[ValueKey] = Counter()
    long: Counter[ValueKey] = Counter()
    for key, second, events in count_many(asked.desk.connection, source, selection, dimensions):
        long[key] += events
        if second >= short_since:
            short[key] += events
    top = sorted(long, key=lambda key: (-short[key], -long[key], key))[:limit]
    names = names_of_values(asked.desk.connection, top)
    return [RealtimeRow("value", names[key], dimensions[key[0]], short[key], None, long[key], None) for key in top]


def _dimensions(asked: Asked) -> tuple[dict[int, str], Selection]:
    """Return the paths of the dimensions whose values are shown, and the rows that hold them.

    A searchable one has thousands of values, of which none is busy: it is shown only where it is asked for.
    """
    wanted = asked.arguments.options.get("of")
    chosen = [
        declaration
        for number, declaration in declarations_of(asked).items()
        if asked.selection.every_type or number in asked.selection.type_ids
    ]
    paths = {
        one.dimension_id: one.path
        for found in chosen
        for one in found.dimensions
        if not one.second_path and (one.path == wanted if wanted else not one.searchable)
    }
    if wanted and not paths:
        raise InvalidQuery(f"No event type declares {wanted!r}.", hint="Leave it out, or declare it.")
    return paths, declared_rows(asked, tuple(found.event_type_id for found in chosen))


REALTIME = Report(
    "realtime",
    "The last 5 and 30 minutes: events, active users, the busiest types and values",
    answer,
    takes=("types", "sources", "limit"),
    options={"of": "show values of this dimension (default: of all that are not searchable)"},
    row=RealtimeRow,
    default_seconds=LONG_MINUTES * MINUTE_SECONDS,
    only_range="the last 30 minutes",
    live=True,
)
