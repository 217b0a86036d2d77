"""The report `compare`: this period against the one before, event type by event type, in counts and growth."""

from __future__ import annotations

from dataclasses import dataclass

from picoevent.report.asking import Asked, ask, previous_range
from picoevent.report.counting import count_in_all
from picoevent.report.frame import Answer, Arguments, Desk, Report
from picoevent.report.periods import growth
from picoevent.report.planner import Source
from picoevent.report.sets import read_users, unite


@dataclass(frozen=True, slots=True)
class CompareRow:
    """One event type.

    `events` are those of this period, `previous` those of the one before, `change` the difference; `trend` is the
    growth as a part of `previous`, empty where there was nothing before; `state` says it in a word: new,
    grown, same, fallen, gone.
    """

    event_type: str
    events: int
    previous: int
    change: int
    trend: float | None
    state: str


def answer(desk: Desk, arguments: Arguments) -> Answer[CompareRow]:
    """Return the types with most events in both periods together."""
    asked = ask(desk, arguments, by_type=True)
    source = asked.plan_counts()
    now = count_in_all(desk.connection, source, asked.selection)
    moved = asked.period_before(source)
    earlier = moved.plan_counts()
    before = count_in_all(desk.connection, earlier, asked.selection)
    ranked = sorted({*now, *before}, key=lambda key: (-now.get(key, 0) - before.get(key, 0), key))
    rows = [
        _row(asked.type_names[number], now.get(number, 0), before.get(number, 0))
        for number in ranked[: arguments.limit]
    ]
    totals = {
        **previous_range(earlier),
        **_compared("events", sum(now.values()), sum(before.values())),
        **_compared("users", _users(asked, source), _users(asked, earlier)),
    }
    return asked.answer("compare", rows, source, totals=totals)


def _users(asked: Asked, source: Source) -> int:
    """Return how many users there were in the range that events were counted in."""
    selection = asked.selection.put_together
    sets = asked.moved(source.since_ms, source.until_ms).plan_sets()
    found = unite(read_users(asked.desk, sets, selection), lambda _: None)
    return sum(map(asked.how_many, found.values()))


def _compared(what: str, now: int, before: int) -> dict[str, object]:
    return {what: now, f"previous_{what}": before, f"{what}_trend": growth(now, before)}


def _row(name: str, events: int, previous: int) -> CompareRow:
    return CompareRow(name, events, previous, events - previous, growth(events, previous), state_of(events, previous))


def state_of(now: int, before: int) -> str:
    """Return in a word what became of a figure."""
    if not before:
        return "new" if now else "same"
    if not now:
        return "gone"
    return "same" if now == before else "grown" if now > before else "fallen"


COMPARE = Report(
    "compare",
    "This period against the one before, event type by event type",
    answer,
    takes=("types", "sources", "limit"),
    row=CompareRow,
    reads_before=2,
)
