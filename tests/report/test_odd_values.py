"""Values that look like what reports say themselves, that are empty, or too long: each can be told apart and found."""

from __future__ import annotations

from collections import Counter
from contextlib import closing

import pytest

from picoevent import InvalidQuery, NewEvent

from .world import World

LONG = "x" * 200
"""Fits a dimension as it is, but not half of a pair."""
PLANS = (None, "(none)", "(other)", "", '"(none)"', "plan 1", LONG, "y" * 300)
SHOWN = {None: "(none)", "(none)": '"(none)"', "(other)": '"(other)"', '"(none)"': '""(none)""'}


@pytest.fixture
def world(store_url):
    """Each plan with two paths, one of which is long."""
    with closing(World(store_url)) as world:
        for plan in PLANS:
            data = {} if plan is None else {"plan": plan}
            for path in ("/a", "/" + LONG):
                at = world.now
                world.events.log_many([NewEvent("order.paid", data | {"path": path}, user_id=7, at=at)])
        world.folder.fold_all()
        yield world


def test_each_value_has_a_row_of_its_own_that_leads_back_to_its_events(world):
    rows = world.ask("top_values", of="plan", since="1h").rows

    assert len(rows) == len(PLANS)
    assert {SHOWN.get(plan, plan) for plan in PLANS[:-1]} <= {row.value for row in rows}
    for row in rows:
        filters = {"plan": row.value}
        assert world.ask("series", since="1h", types="order.paid", filters=filters).totals["total"] == 2
        assert world.ask("intervals", since="1h", filters=filters | {"path": "/a"}).totals["events"] == 1
        assert world.ask("top_users", since="1h", filters=filters).totals["events"] == 2


def test_what_has_no_row_is_told_from_the_text_other(world):
    rows = world.ask("top_values", of="plan", since="1h", limit=7).rows

    assert rows[-1].value == "(other)"
    assert Counter(row.value for row in rows)["(other)"] == 1
    with pytest.raises(InvalidQuery, match="can't be looked for"):
        world.ask("series", since="1h", filters={"plan": "(other)"})


def test_a_pair_with_long_halves_is_split_and_filtered_by_both_of_them(world):
    rows = world.ask("breakdown", by="plan,path", since="1h", limit=100).rows
    assert len(rows) == 2 * len(PLANS)

    for row in rows:
        pair = {"plan": row.value, "path": row.second_value}
        found = world.ask("series", since="1h", types="order.paid", filters=pair)
        assert found.totals["total"] == row.events == 1


@pytest.mark.parametrize("plan", PLANS)
def test_a_breakdown_is_filtered_by_whole_values_however_long(world, plan):
    filters = {"plan": SHOWN.get(plan, plan)}

    rows = world.ask("breakdown", by="path", since="1h", filters=filters).rows

    assert [row.events for row in rows] == [1, 1]
    assert "/a" in {row.value for row in rows}


def test_none_of_python_is_no_value_and_an_empty_text_is_a_value(world):
    for wanted in (None, "", [None, ""]):
        answer = world.ask("series", since="1h", types="order.paid", filters={"plan": wanted})
        assert answer.totals["total"] == (4 if isinstance(wanted, list) else 2)


def test_goals_funnels_and_objects_are_found_by_values_as_they_are_shown(world):
    world.events.goals.add("without", "order.paid", {"plan": "(none)"})
    world.events.goals.add("so called", "order.paid", {"plan": '"(none)"'})
    world.declare("order.paid", searchable=["plan"])
    world.folder.keep_up()

    goals = {row.goal: row.conversions for row in world.ask("goals", since="1h").rows}
    steps = 'order.paid[plan=] > order.paid[plan="(none)"]'

    assert goals == {"without": 2, "so called": 2}
    assert world.ask("funnel", since="1h", steps=steps).rows[0].users == 1
    assert len(world.ask("history", dimension="plan", value='"(none)"').rows) == 2
    assert len(world.ask("history", dimension="plan", value="").rows) == 2
    with pytest.raises(InvalidQuery, match="in no index"):
        world.ask("history", dimension="plan", value="(none)")
