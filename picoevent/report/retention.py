"""The report `retention`: of those who came first in one interval, how many come again in each later one.

All of it is set algebra on the users of the rollups: a cohort is an interval's users without those of earlier ones.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from pyroaring import BitMap

from picoevent.errors import InvalidQuery
from picoevent.report.asking import Asked, Intervals, ask
from picoevent.report.frame import Answer, Arguments, Desk, Report
from picoevent.report.options import read_words
from picoevent.report.planner import Source
from picoevent.report.sets import read_users, unite
from picoevent.rollup.samples import AnySet, at_level, common_level, scaled, subtract, union_of

MOST_COHORTS = 100


@dataclass(frozen=True, slots=True)
class RetentionRow:
    """The users whose first event of the range lies in one interval, and how many of them came again.

    `returned` has a figure for each later interval of the range, the next one first, `rates` the same as parts of
    `users`. `complete` says whether all of the interval is in the range, and over; the last figure of each row is of
    an interval that may not be over.
    """

    start: datetime
    users: int
    returned: tuple[int, ...]
    rates: tuple[float, ...]
    complete: bool


def answer(desk: Desk, arguments: Arguments) -> Answer[RetentionRow]:
    """Return a row for each cohort; the totals have the rates of all cohorts that have got so far, by interval."""
    interval = arguments.interval or "week"
    returning = ask(desk, arguments)
    starting = _starting(desk, arguments, returning)
    source = _common_source(starting, returning, interval)
    intervals = Intervals(source)
    if len(intervals) > MOST_COHORTS:
        message = f"{len(intervals)} cohorts are too many; {MOST_COHORTS} are possible."
        raise InvalidQuery(message, hint="Ask for a shorter range, or by week or month.")
    came_again = _users(returning, source, intervals)
    began = came_again if starting is returning else _users(starting, source, intervals)
    level = common_level((*began.values(), *came_again.values()))
    if level:
        returning.note(returning.estimated)
        returning.note(f"Who came again is counted among one user in {1 << level:,}: small figures are rough.")
    cohorts = list(_cohorts(began, came_again, len(intervals), level))
    rows = [
        RetentionRow(
            start=intervals.start_of(place),
            users=users,
            returned=tuple(returned),
            rates=tuple(_part(some, users) for some in returned),
            complete=intervals.is_whole(place, desk.now_ms),
        )
        for place, (users, returned) in enumerate(cohorts)
    ]
    totals = {"users": sum(users for users, _ in cohorts), "rates": _average(cohorts)}
    return returning.answer("retention", rows, source, totals=totals)


def _starting(desk: Desk, arguments: Arguments, returning: Asked) -> Asked:
    """Return the question who begins; it shares the notes of the other one."""
    given = arguments.options.get("start")
    if given is None:
        return returning
    starting = ask(desk, replace(arguments, event_types=read_words(given, "start")))
    for note in starting.notes:
        returning.note(note)
    return replace(starting, notes=returning.notes)


def _common_source(starting: Asked, returning: Asked, interval: str) -> Source:
    """Return one plan for both questions: what is cheap at the edges for one of them may not be for the other."""
    source = returning.plan_sets(interval=interval)
    if starting is returning:
        return source
    other = starting.plan_sets(interval=interval)
    if (other.since_ms, other.until_ms) == (source.since_ms, source.until_ms):
        return source
    range_ = min(source.since_ms, other.since_ms), max(source.until_ms, other.until_ms)
    return returning.moved(*range_).plan_sets(interval=interval)


def _users(asked: Asked, source: Source, intervals: Intervals) -> Mapping[int, AnySet]:
    found = read_users(asked.desk, source, asked.selection)
    return unite(found, lambda members: intervals.place_of(members.second))


def _cohorts(
    began: Mapping[int, AnySet], came_again: Mapping[int, AnySet], count: int, level: int
) -> Iterator[tuple[int, list[int]]]:
    """Yield the size of each cohort, and how many of it came again in each later interval, as a sample tells."""
    known = {place: at_level(users, level) for place, users in came_again.items()}
    nobody = BitMap()
    seen: AnySet = nobody
    for place in range(count):
        here = began.get(place, nobody)
        cohort, seen = subtract(here, seen), union_of((seen, here))
        chosen = at_level(cohort, level)
        later = (known.get(following, nobody) for following in range(place + 1, count))
        yield len(cohort), [scaled(chosen.intersection_cardinality(users), chosen, cohort) for users in later]


def _average(cohorts: Sequence[tuple[int, Sequence[int]]]) -> list[float]:
    """Return, for each number of intervals later, the part of all users who could come again by then."""
    rates = []
    for later in range(len(cohorts) - 1):
        able = [(users, returned[later]) for users, returned in cohorts if len(returned) > later]
        rates.append(_part(sum(returned for _, returned in able), sum(users for users, _ in able)))
    return rates


def _part(some: int, of: int) -> float:
    return round(some / of, 6) if of else 0.0


RETENTION = Report(
    "retention",
    "Of those who came first in a day, week or month, how many come again in each later one",
    answer,
    takes=("types", "sources", "interval"),
    options={"start": "only these event types begin, several with commas (default: those of types, or any)"},
    intervals=("day", "week", "month"),
    default_days=56,
    row=RetentionRow,
)
