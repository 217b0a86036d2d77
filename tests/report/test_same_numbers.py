"""Within one question a user, or a value, that nobody has counted yet is the same one wherever it is read."""

from __future__ import annotations

from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest

from picoevent import NewEvent

from .world import World

BEGIN = datetime(2026, 11, 19, 12, 0, 0, 500_000, tzinfo=UTC)
DAY = timedelta(days=1)
FIRST, SECOND = BEGIN + timedelta(milliseconds=200), BEGIN + DAY - timedelta(milliseconds=200)
"""Moments at both edges of a day that is on no bucket: raw rows answer for them."""


@pytest.fixture
def world(store_url):
    """A world that has counted one event, behind all ranges; what these tests log is not folded."""
    with closing(World(store_url, begin=datetime(2026, 11, 20, 12, 30, tzinfo=UTC))) as world:
        world.log((0, "signup", "shop", None, 0))
        yield world


def test_who_begins_and_who_comes_again_is_one_user_although_nobody_has_numbered_him(world):
    seen = [NewEvent("page.view", user_id=name, at=FIRST) for name in ("ann", "bob", "cem", "dan")]
    world.events.log_many([*seen, NewEvent("signup", user_id="eve", at=FIRST)])
    world.events.log_many([NewEvent("page.view", user_id=name, at=SECOND) for name in ("eve", "fay", "gus", "hal")])

    answer = world.ask("retention", since=BEGIN, until=BEGIN + DAY, interval="day", start="signup", types="page.view")

    assert [(row.users, row.returned) for row in answer.rows] == [(1, (1,)), (0, ())]


def test_users_of_both_edges_are_counted_once_each(world):
    world.events.log_many([NewEvent("signup", user_id=name, at=FIRST) for name in ("ann", "bob")])
    world.events.log_many([NewEvent("signup", user_id=name, at=SECOND) for name in ("bob", "cem")])

    answer = world.ask("uniques", since=BEGIN, until=BEGIN + DAY)

    assert answer.totals["uniques"] == 3


def test_a_value_that_is_new_has_the_events_of_both_periods(world):
    data = {"plan": "brand new"}
    world.events.log_many([NewEvent("order.paid", data, at=BEGIN + DAY * days - (BEGIN - FIRST)) for days in (-1, 0)])

    answer = world.ask("top_values", of="plan", since=BEGIN, until=BEGIN + DAY, compare=True)

    assert [(row.value, row.events, row.previous) for row in answer.rows] == [("brand new", 1, 1)]
