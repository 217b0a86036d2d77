"""Buckets of more users than are kept: answers from them are near, and say that they are estimates."""

from __future__ import annotations

from datetime import timedelta

import pytest

from picoevent.cli.answers import footer
from picoevent.fold.rebuild import Rebuilder
from picoevent.fold.verify import Verifier
from picoevent.rollup.tiers import Tier

from .world import World

KEPT = 1000
ESTIMATED = "Where very many users or values were counted, how many is an estimate, off by 4.5% as a rule."
MANY, FEW = 3000, 400
BOUND = 0.15
"""Of the many about 750 are sampled: the error is 4 %, and hardly ever four times as much."""


@pytest.fixture
def world(store_url):
    """A day with many users, closed as hours went by, another one with few, and two more days gone."""
    world = World(store_url, set_members_kept=KEPT)
    for hour in range(5):
        users = range(hour * 500, hour * 500 + KEPT)
        world.log(*((0, "page.view", "shop", user, 1 + user % 4) for user in users), seconds=3600)
    world.log(seconds=86_400)
    world.log(*((0, "page.view", "shop", user, 1 + user % 4) for user in range(FEW)))
    world.log(seconds=3 * 86_400)
    yield world
    world.close()


def near(expected):
    return pytest.approx(expected, rel=BOUND)


def test_users_of_a_large_day_are_estimated_and_the_answer_says_so(world):
    answer = world.ask("series", measure="users", interval="day")

    assert [row.value for row in answer.rows if row.value] == [near(MANY), FEW]
    assert answer.totals["total"] == near(MANY)
    assert (answer.exact, answer.notes) == (False, (ESTIMATED,))
    assert "not exact" in footer(answer)[0]


def test_days_of_few_users_stay_exact_beside_it(world):
    answer = world.ask("series", measure="users", since=world.now - timedelta(days=3))

    assert (answer.totals["total"], answer.exact, answer.notes) == (FEW, True, ())


def test_months_are_put_together_from_samples(world):
    world.log(seconds=40 * 86_400)

    answer = world.ask("uniques", interval="month", since=world.now - timedelta(days=70))

    assert "month" in answer.origin
    assert sum(row.first_seen for row in answer.rows) == near(MANY)
    assert not answer.exact


def test_every_report_that_counts_them_says_so(world):
    views = {"types": ["page.view"]}
    answers = [
        world.ask("top_types"),
        world.ask("compare"),
        world.ask("top_values", of="plan", **views),
        world.ask("breakdown", by="plan", distinct="path", **views),
        world.ask("series", measure="per_user"),
        world.ask("uniques", filters={"plan": ["plan 1"]}, **views),
    ]

    assert [answer.report for answer in answers if answer.exact or ESTIMATED not in answer.notes] == []


def test_users_of_values_are_estimated_too(world):
    answer = world.ask("top_values", of="plan", types=["page.view"])

    assert sum(row.users for row in answer.rows) == near(MANY)
    assert sum(row.events for row in answer.rows) == 5 * KEPT + FEW


def test_first_seen_is_estimated_where_many_were_seen_before(world):
    answer = world.ask("uniques", interval="day")

    rows = [(row.uniques, row.first_seen) for row in answer.rows if row.uniques]
    assert rows == [(near(MANY), near(MANY)), (FEW, 0)]


def test_who_comes_again_is_known_of_some_and_the_answer_says_of_how_many(world):
    answer = world.ask("retention", interval="day", since=world.now - timedelta(days=6))

    first = next(row for row in answer.rows if row.users)
    assert first.users == near(MANY)
    assert sum(first.rates) == pytest.approx(FEW / MANY, abs=0.05)
    assert any("counted among one user in" in note for note in answer.notes)
    assert not answer.exact


def test_goals_that_many_reach_are_estimates(world):
    world.events.goals.add("looked", "page.view")

    answer = world.ask("goals", since=world.now - timedelta(days=7))

    assert answer.rows[0].users == near(MANY)
    assert not answer.exact


def test_verify_and_rebuild_know_samples(world):
    assert verified(world) == []

    Rebuilder(world.folder.store, 200).rebuild(None, None)

    assert verified(world) == []


def test_verify_tells_where_a_sample_lacks_somebody(world):
    with world.folder.store.transaction() as connection:
        day = "tier = 3 AND dimension_id = 0 AND event_type_id = 0 AND source_id = 0"
        large = connection.exec_driver_sql(f"SELECT bucket FROM rollup_users WHERE {day} ORDER BY bucket").scalar()
        small = f"SELECT packed FROM (SELECT * FROM rollup_users) AS old WHERE {day} AND bucket > {large}"
        connection.exec_driver_sql(f"UPDATE rollup_users SET packed = ({small}) WHERE {day} AND bucket = {large}")

    day, month = verified(world)
    assert (day.tier, day.bucket, day.rollup, day.raw) == (Tier.DAY, large, FEW, MANY)
    assert (month.tier, month.rollup, month.raw) == (Tier.MONTH, near(MANY), FEW)


def verified(world):
    """Return the differences between rollups and events."""
    return Verifier(world.store).verify().differences
