"""The report `uniques`: how many different users there were, or values of a dimension, in all and by interval."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from pyroaring import BitMap

from picoevent.report.asking import Asked, Intervals, ask, previous_range
from picoevent.report.counted import members_of
from picoevent.report.frame import Answer, Arguments, Desk, Report
from picoevent.report.intervals import calendar_of
from picoevent.report.periods import growth
from picoevent.report.planner import Source
from picoevent.report.sets import unite
from picoevent.rollup.samples import AnySet, count_common, take_in, union_of


@dataclass(frozen=True, slots=True)
class UniquesRow:
    """One interval, or the whole range where no interval is asked for.

    `start` is where it begins, in the zone of the answer; `uniques` how many different ones it has; `first_seen` how
    many of them are in no interval of the range before it; `complete` says whether all of it is in the range, and over.
    """

    start: datetime
    uniques: int
    first_seen: int
    complete: bool = True


def answer(desk: Desk, arguments: Arguments) -> Answer[UniquesRow]:
    """Return the numbers of different ones."""
    asked = ask(desk, arguments)
    source, sets, exact = _sets(asked, arguments.interval)
    total = asked.how_many(union_of(sets.values()))
    totals: dict[str, object] = {"uniques": total}
    if arguments.compare:
        earlier, before, exact_before = _sets(asked.period_before(source), None)
        exact = exact and exact_before
        previous = asked.how_many(union_of(before.values()))
        totals |= {"previous": previous, "trend": growth(total, previous), **previous_range(earlier)}
    return asked.answer("uniques", _rows(asked, source, sets), source, exact=exact, totals=totals)


def _sets(asked: Asked, interval: str | None) -> tuple[Source, dict[int, AnySet], bool]:
    """Return the members of each interval; of the whole range, where there are none, under 0."""
    found = members_of(asked, str(asked.arguments.options.get("of", "users")), interval)
    if found.source.interval is None:
        return found.source, unite(found.members, lambda _: 0), found.exact
    intervals = Intervals(found.source)
    return found.source, unite(found.members, lambda members: intervals.place_of(members.second)), found.exact


def _rows(asked: Asked, source: Source, sets: dict[int, AnySet]) -> list[UniquesRow]:
    if source.interval is None:
        count = len(sets.get(0, ()))
        start = calendar_of(source.zone).local(source.since_ms // 1000)
        return [UniquesRow(start, count, count, source.until_ms <= asked.desk.now_ms)]
    intervals = Intervals(source)
    seen: AnySet = BitMap()
    rows = []
    for place in range(len(intervals)):
        members = sets.get(place, BitMap())
        first_seen = len(members) - count_common(members, seen)
        seen = take_in(seen, members)
        whole = intervals.is_whole(place, asked.desk.now_ms)
        rows.append(UniquesRow(intervals.start_of(place), len(members), first_seen, whole))
    return rows


UNIQUES = Report(
    "uniques",
    "How many different users there were, or values of a dimension, in all and by interval",
    answer,
    takes=("types", "sources", "interval", "filters", "compare"),
    options={"of": "users (default), or the path of a dimension that is counted distinct, such as session"},
    row=UniquesRow,
)
