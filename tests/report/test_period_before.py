"""The period before says which range it really covers, wherever it stands beside this one."""

from __future__ import annotations

from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from .world import World

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
SINCE, UNTIL = NOW - timedelta(days=65, minutes=7), NOW - timedelta(minutes=7)
ASKED = {"since": SINCE, "until": UNTIL, "compare": True}
QUESTIONS = {
    "series": ASKED | {"interval": "week"},
    "top_types": ASKED,
    "top_values": ASKED | {"of": "plan"},
    "uniques": ASKED,
    "compare": {"since": SINCE, "until": UNTIL},
}


@pytest.fixture
def world(store_url):
    """A world of one event a day, in which no raw row is left."""
    with closing(World(store_url, begin=NOW)) as world:
        world.log(*((-day * 86_400_000, "order.paid", "shop", day, 1) for day in range(1, 150)))
        world.log(seconds=1)
        with world.folder.store.transaction() as connection:
            connection.execute(text("UPDATE fold_state SET raw_from = :now"), {"now": int(NOW.timestamp())})
        yield world


@pytest.mark.parametrize("report", QUESTIONS)
def test_a_period_before_that_was_widened_to_whole_days_says_so(world, report):
    answer = world.ask(report, **QUESTIONS[report])

    since, until = (answer.totals[name] for name in ("previous_since", "previous_until"))
    previous = answer.totals.get("previous", answer.totals.get("previous_events"))
    assert (since, until) == (datetime(2026, 7, 13, tzinfo=UTC), answer.since)
    assert previous == sum(since <= event.time < until for event in world.known)
    assert any(note.startswith("The period before: The range was widened") for note in answer.notes)


def test_a_series_whose_period_before_is_counted_in_wider_intervals_compares_the_total_alone(world):
    answer = world.ask("series", **ASKED | {"interval": "hour"})

    assert {row.previous for row in answer.rows} == {None}
    assert answer.totals["previous"] > 0
    assert "The period before is so far back that only its total can be compared." in answer.notes


def test_values_that_were_declared_within_the_period_before_are_not_called_exact_there(store_url):
    with closing(World(store_url, begin=NOW)) as world:
        world.log((-1000, "signup", "shop", "ann", 1))
        world.declare("signup", dimensions=["plan"])
        world.log((0, "signup", "shop", "ann", 4), seconds=3600, keep_up=False)

        answer = world.ask("top_values", of="plan", types="signup", since="50m", compare=True)

    assert [(row.value, row.events, row.previous) for row in answer.rows] == [("plan 1", 1, 0)]
    assert not answer.exact
    assert [note for note in answer.notes if note.startswith("The period before: plan is counted from")]
