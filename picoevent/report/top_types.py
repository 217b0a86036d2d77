"""The report `top_types`: the event types with most events, and how many users each has."""

from __future__ import annotations

from dataclasses import dataclass, replace

from picoevent.report.asking import Asked, ask, previous_range
from picoevent.report.counting import count_in_all
from picoevent.report.frame import Answer, Arguments, Desk, Report
from picoevent.report.periods import growth
from picoevent.report.sets import read_users, unite


@dataclass(frozen=True, slots=True)
class TopTypesRow:
    """One event type.

    `events` and `users` are those of the range; `share` their part of all events that were asked for;
    `previous` the events of the period before, with compare, and `trend` the growth since then as a part of those,
    empty where there was nothing.
    """

    event_type: str
    events: int
    users: int
    share: float
    previous: int | None = None
    trend: float | None = None


def answer(desk: Desk, arguments: Arguments) -> Answer[TopTypesRow]:
    """Return the types, those with most events first."""
    asked = ask(desk, arguments, by_type=True)
    source = asked.plan_counts()
    events = count_in_all(desk.connection, source, asked.selection)
    names = asked.type_names
    ranked = sorted((number for number in events if events[number]), key=lambda key: (-events[key], names[key]))
    top = ranked[: arguments.limit]
    users = count_users(asked.moved(source.since_ms, source.until_ms), tuple(top))
    total = sum(events.values())
    totals: dict[str, object] = {"events": total, "event_types": len(ranked)}
    before = None
    if arguments.compare:
        moved = asked.period_before(source)
        earlier = moved.plan_counts()
        before = count_in_all(desk.connection, earlier, asked.selection)
        totals |= {"previous": sum(before.values()), **previous_range(earlier)}
    rows = [_row(names[number], events[number], users.get(number, 0), total, before, number) for number in top]
    return asked.answer("top_types", rows, source, totals=totals)


def count_users(asked: Asked, type_ids: tuple[int, ...]) -> dict[int, int]:
    """Return the number of users of each of these types."""
    if not type_ids:
        return {}
    selection = replace(asked.selection, type_ids=type_ids, every_type=False)
    found = read_users(asked.desk, asked.plan_sets(), selection)
    return {number: asked.how_many(users) for number, users in unite(found, lambda members: members.type_id).items()}


def _row(name: str, events: int, users: int, total: int, before: dict[int, int] | None, number: int) -> TopTypesRow:
    share = round(events / total, 6)
    if before is None:
        return TopTypesRow(name, events, users, share)
    previous = before.get(number, 0)
    return TopTypesRow(name, events, users, share, previous, growth(events, previous))


TOP_TYPES = Report(
    "top_types",
    "The event types with most events, and how many users each has",
    answer,
    takes=("types", "sources", "limit", "compare"),
    row=TopTypesRow,
)
