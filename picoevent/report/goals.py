"""The report `goals`: how often each goal was reached, by what part of all users, and what that was worth.

What event types declare comes from the rollups; a filter or a measure that nobody has declared, from raw rows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import astuple, dataclass, replace
from decimal import Decimal

import msgspec

from picoevent.errors import InvalidQuery
from picoevent.goals import Goal, list_goals
from picoevent.report.arguments import near
from picoevent.report.asking import Asked, ask
from picoevent.report.counted import count_filtered, members_of
from picoevent.report.counting import count_in_all
from picoevent.report.dimensions import apply_filters
from picoevent.report.frame import Answer, Arguments, Desk, Report
from picoevent.report.measures import read_measure
from picoevent.report.payload_values import PayloadFilter, PayloadKeys
from picoevent.report.planner import Source
from picoevent.report.raw import chosen_rows, raw_rows, walk_of
from picoevent.report.sets import read_users, unite
from picoevent.rollup.sketch import EXACT
from picoevent.rollup.values import number_of
from picoevent.store.packed_rows import RowReader, Walk

NAME = "goals"


@dataclass(frozen=True, slots=True)
class GoalRow:
    """How often a goal was reached, and by how many users; `rate` is their part of all users of the range.

    `value` is the sum of the goal's measure over all conversions, empty where it has none. `origin` says where the
    figures come from.
    """

    goal: str
    event_type: str
    filters: Mapping[str, tuple[str, ...]]
    conversions: int
    users: int
    rate: float | None
    value: Decimal | None
    origin: str


@dataclass(frozen=True, slots=True)
class _Reached:
    conversions: int
    users: int
    value: Decimal | None
    origin: str
    exact: bool = True


def answer(desk: Desk, arguments: Arguments) -> Answer[GoalRow]:
    """Return a row for each goal, or for the one that is asked for."""
    goals = _wanted(desk, arguments.options.get("goal"))
    everybody = ask(desk, arguments)
    source = everybody.plan_sets()
    asked = everybody.moved(source.since_ms, source.until_ms)
    found = unite(read_users(desk, source, everybody.selection), lambda _: 0)
    users = sum(map(asked.how_many, found.values()))
    reached = [_reached(asked, goal) for goal in goals]
    rows = [
        GoalRow(
            goal=goal.name,
            event_type=goal.event_type,
            filters=goal.filters,
            conversions=found.conversions,
            users=found.users,
            # Both may be estimates.
            rate=min(1.0, round(found.users / users, 6)) if users else None,
            value=found.value,
            origin=found.origin,
        )
        for goal, found in zip(goals, reached, strict=True)
    ]
    exact = all(found.exact for found in reached)
    return everybody.answer(NAME, rows, source, exact=exact, totals={"users": users})


def _wanted(desk: Desk, name: object) -> list[Goal]:
    goals = {goal.name: goal for goal in list_goals(desk.connection)}
    if name is None:
        return list(goals.values())
    if not isinstance(name, str) or name not in goals:
        hint = near(str(name), goals) if goals else "Add one: events.goals.add(NAME, EVENT_TYPE)."
        raise InvalidQuery(f"There is no goal {name!r}.", hint=hint)
    return [goals[name]]


def _reached(asked: Asked, goal: Goal) -> _Reached:
    """Return the figures of a goal, from the rollups where they hold just this range of it."""
    arguments = replace(asked.arguments, event_types=(goal.event_type,), filters=goal.filters, interval=None)
    own = ask(asked.desk, arguments)
    for note in own.notes:
        asked.note(note)
    if not (goal.filters and goal.measure):
        try:
            found = _from_rollups(own, goal)
        except InvalidQuery:
            # Nobody has declared what the goal is about.
            found = None
        if found is not None:
            if not found.exact:
                asked.note(asked.estimated)
            return found
    return _from_raw_rows(asked.desk, arguments, goal)


def _from_rollups(own: Asked, goal: Goal) -> _Reached | None:
    """Return the figures; None where the rollups would answer about another range, or hide values."""
    connection = own.desk.connection
    filtered = apply_filters(own)
    sources: list[Source] = []
    value: Decimal | None = None
    if goal.measure:
        measured = read_measure(own, goal.measure, "month", split=False)
        sources.append(measured.source)
        value = measured.in_all().total
        if not measured.whole:
            return None
    if filtered is None:
        source = own.plan_counts()
        conversions, exact = sum(count_in_all(connection, source, own.selection).values()), True
    else:
        source, counts, exact = count_filtered(own, filtered, None)
        conversions = sum(counts.values())
    counted = members_of(own, "users", None)
    sources += [source, counted.source]
    range_ = own.arguments.since_ms, own.arguments.until_ms
    if not (exact and counted.exact) or any((one.since_ms, one.until_ms) != range_ for one in sources):
        return None
    users = sum(map(own.how_many, unite(counted.members, lambda _: 0).values()))
    return _Reached(conversions, users, value, counted.source.origin, exact=own.estimated not in own.notes)


def _from_raw_rows(desk: Desk, arguments: Arguments, goal: Goal) -> _Reached:
    walk = walk_of(desk, arguments)
    with raw_rows(desk, f"goal {goal.name}", walk) as reader:
        if goal.measure:
            return _with_value(reader, walk, goal)
        conversions = 0
        users: set[int | None] = set()
        for rows in chosen_rows(desk, reader, walk, goal.filters, ("event_id", "user_id")):
            conversions += len(rows)
            users.update(row[1] for row in rows)
    return _Reached(conversions, len(users - {None}), None, "raw rows")


def _with_value(reader: RowReader, walk: Walk, goal: Goal) -> _Reached:
    keys = PayloadKeys([*goal.filters, goal.measure])
    wanted, get = PayloadFilter.of(goal.filters, keys), keys.getter(goal.measure)
    conversions, value = 0, Decimal(0)
    users: set[int | None] = set()
    for rows in reader.wide(walk, ("event_id", "user_id"), keys.kind):
        for _, user, payload in rows:
            if wanted.passes(payload):
                conversions += 1
                users.add(user)
                value = EXACT.add(value, number_of(msgspec.json.encode(get(payload))) or Decimal(0))
    return _Reached(conversions, len(users - {None}), value, "raw rows")


GOALS = Report(
    NAME,
    "How often each goal was reached, by what part of all users, and what that was worth",
    answer,
    takes=("sources",),
    options={"goal": "only this one (default: all)"},
    row=GoalRow,
    depends_on=lambda connection: [astuple(goal) for goal in list_goals(connection)],
)
