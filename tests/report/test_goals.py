"""Goals are kept by name, and the report `goals` counts who reached them, from rollups or from raw rows alike."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings

from picoevent import EventLog, InvalidQuery, NewEvent
from picoevent.goals import Goal

from .world import STEPS, World

GOALS = (
    ("bought", "order.paid", {}, ""),
    ("bought plan 1", "order.paid", {"plan": "plan 1"}, ""),
    ("bought two plans", "order.paid", {"plan": ["plan 0", "plan 2"]}, "amount"),
    ("earned", "order.paid", {}, "amount"),
    ("signed up with 3", "signup", {"amount": [3, -3]}, ""),
    ("signed up", "signup", {}, "amount"),
    ("nothing", "unknown", {"plan": "plan 1"}, ""),
)
"""Of signup nothing is declared; of order.paid the plan and the amount are."""


@pytest.fixture
def world(store_url):
    world = World(store_url)
    for name, event_type, filters, measure in GOALS:
        world.events.goals.add(name, event_type, filters, measure=measure)
    yield world
    world.close()


def reached(own, goal, everybody):
    """Return (conversions, users, rate, value) of a goal, by plain counting."""
    _, event_type, filters, measure = goal
    wanted = {path: values if isinstance(values, list) else [values] for path, values in filters.items()}
    events = [
        event
        for event in own
        if event.event_type == event_type and all(event.data.get(path) in values for path, values in wanted.items())
    ]
    users = len({event.user for event in events} - {None})
    value = sum((Decimal(event.data.get("amount", 0)) for event in events), Decimal(0)) if measure else None
    return len(events), users, round(users / everybody, 6) if everybody else None, value


@settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
def test_conversions_users_rate_and_value_are_those_of_the_events(world, steps):
    for seconds, events in steps:
        world.log(*events, seconds=seconds)

    answer = world.ask("goals", since=world.now - timedelta(days=20), until=world.now + timedelta(minutes=1))

    own = world.within(answer)
    everybody = len({event.user for event in own} - {None})
    assert answer.exact
    assert answer.totals == {"users": everybody}
    assert {row.goal: (row.conversions, row.users, row.rate, row.value) for row in answer.rows} == {
        goal[0]: reached(own, goal, everybody) for goal in GOALS
    }


def test_what_is_declared_comes_from_the_rollups(world):
    world.log((-3600_000, "order.paid", "shop", 1, 4), (-3600_000, "signup", "shop", 1, 4), seconds=7200)

    minute = world.now.replace(second=0, microsecond=0)
    answer = world.ask("goals", since=minute.replace(hour=0, minute=0), until=minute)

    origins = {row.goal: row.origin.partition(":")[0] for row in answer.rows}
    assert origins == {
        "bought": "rollup",
        "bought plan 1": "rollup",
        "bought two plans": "raw rows",
        "earned": "rollup",
        "signed up with 3": "raw rows",
        "signed up": "raw rows",
        "nothing": "raw rows",
    }


def test_one_goal_can_be_asked_for_and_an_unknown_one_has_a_hint(world):
    assert [row.goal for row in world.ask("goals", goal="earned").rows] == ["earned"]
    with pytest.raises(InvalidQuery, match="Did you mean earned"):
        world.ask("goals", goal="earnd")


def test_goals_are_listed_by_name_until_they_are_removed(ready_url):
    with EventLog(ready_url) as events:
        events.goals.add("b", "order.paid", {"plan": ["team", 7, True], "größe": 1.5}, measure="amount")
        events.goals.add("a", "signup")
        listed = events.goals.list()
        events.goals.remove("a")

        assert listed == (
            Goal("a", "signup"),
            Goal("b", "order.paid", {"plan": ("team", "7", "true"), "größe": ("1.5",)}, "amount"),
        )
        assert events.goals.list() == listed[1:]


def test_a_name_is_taken_once_and_wrong_parts_are_refused(ready_url):
    with EventLog(ready_url) as events:
        events.goals.add("a", "signup")

        for arguments in (
            ("a", "other"),
            ("", "signup"),
            ("b", "x" * 101),
            ("b", "a\ud800"),
            ("b", "signup", {"p": []}),
            ("b", "signup", dict.fromkeys("abcde", "x")),
            ("b", "signup", ["plan"]),
        ):
            with pytest.raises(InvalidQuery):
                events.goals.add(*arguments)
        with pytest.raises(InvalidQuery, match="no goal 'b'"):
            events.goals.remove("b")
        assert events.goals.list() == (Goal("a", "signup"),)


def test_a_value_is_exact_beside_one_that_is_huge(world):
    for amount in ("1" + "0" * 40, "0.25"):
        world.events.log("signup", {"amount": amount}, at=world.now)
    world.folder.fold_all()

    (row,) = world.ask("goals", goal="signed up", since="1h").rows

    assert row.value == Decimal("1" + "0" * 40 + ".25")


AMOUNTS = (0.1, 0.1, 0.1, 2**63 - 1, 1e22, "12345678901234567890.12", -0.0, 1.005)


@pytest.mark.parametrize(("goal", "event_type"), [("earned", "order.paid"), ("signed up", "signup")])
def test_a_sum_of_money_has_every_digit_that_was_written_from_rollups_and_from_raw_rows(world, goal, event_type):
    world.events.log_many([NewEvent(event_type, {"amount": amount}, at=world.now) for amount in AMOUNTS])
    world.folder.fold_all()

    (row,) = world.ask("goals", goal=goal, since="1h").rows

    assert row.value == sum(Decimal(str(amount)) for amount in AMOUNTS)
    assert (row.origin == "raw rows") == (event_type == "signup")
