"""Every report on questions that somebody asks sooner or later: each is answered rightly, or refused in clear words."""

from __future__ import annotations

import json
from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest

from picoevent import InvalidQuery
from picoevent.ids import unix_ms
from picoevent.report.catalogue import REPORTS

from .world import NEEDED, World

NOW = datetime(2026, 11, 20, 12, 30, tzinfo=UTC)
DAY = timedelta(days=1)
ASKED = NEEDED | {"suspicious": {"by": "path", "min_events": 0}}
"""What reports can't do without, or have nothing to show."""
COVERING = {
    "ten years": {"since": NOW - 3652 * DAY},
    "one day": {"since": NOW - DAY},
    "at 05:45": {"zone": "Asia/Kathmandu", "since": NOW - DAY},
    "the event alone": {"since": NOW - timedelta(seconds=60), "until": NOW - timedelta(seconds=60, milliseconds=-1)},
}
EMPTY = {
    "in the future": {"since": NOW + DAY, "until": NOW + 2 * DAY},
    "before the first event": {"since": "2026-11-01", "until": "2026-11-02"},
    "years before it": {"since": "2016-01-01", "until": "2017-01-01"},
}
UNKNOWN = {"type": {"types": "page.vew"}, "source": {"sources": "shap"}}
WRONG = {
    "backwards": {"since": NOW, "until": NOW - DAY},
    "of no length": {"since": NOW, "until": NOW},
    "before all events": {"since": "1990-01-01", "until": "1991-01-01"},
    "no zone": {"zone": "+05:45"},
    "no row": {"limit": 0},
    "fewer than none": {"limit": -1},
    "all rows": {"limit": 10**9},
    "half a row": {"limit": 1.5},
    "three filters": {"filters": {"a": "1", "b": "2", "c": "3", "d": "4", "e": "5"}},
}
REFUSED = {
    ("retention", "ten years"): "cohorts are too many",
    ("heatmap", "years before it"): "Hours are kept from",
    ("top_values", "type"): "Nothing has the event type 'page.vew'. Did you mean page.view",
    ("breakdown", "type"): "Nothing has the event type 'page.vew'. Did you mean page.view",
}
"""Questions that a report refuses although another one answers them."""


@pytest.fixture
def world(store_url):
    """A world with one event, a minute ago, and a goal that it reached."""
    with closing(World(store_url, begin=NOW)) as world:
        world.now_ms = unix_ms(NOW)
        world.events.goals.add("seen", "page.view")
        world.log((-60_000, "page.view", "shop", "ann", 1))
        yield world


def reports_that_take(given):
    """Yield the reports that take these arguments, each with all that it is asked."""
    for report in REPORTS:
        if given.keys() <= {"since", "until", "zone", *report.takes}:
            yield report.name, ASKED.get(report.name, {}) | given


def answers(world, what, given):
    """Yield the answers to a question; those who refuse it are the ones that are known to."""
    for name, asked in reports_that_take(given):
        if (name, what) in REFUSED:
            with pytest.raises(InvalidQuery, match=REFUSED[name, what]):
                world.ask(name, **asked)
        else:
            yield world.ask(name, **asked)


def most_in(answer):
    """Return the greatest number of events, users or sessions that an answer shows."""
    rows = json.loads(json.dumps(answer.to_dict()))["rows"]
    figures = ("events", "value", "uniques", "users", "events_30", "conversions", "sessions")
    shown = [row[name] for row in rows for name in figures if isinstance(row.get(name), (int, float))]
    return max([*shown, *(1 for row in rows if "data" in row)], default=0)


@pytest.mark.parametrize("what", COVERING)
def test_one_event_is_one_in_every_range_that_holds_it(world, what):
    for answer in answers(world, what, COVERING[what]):
        assert most_in(answer) == 1, answer.report
        assert answer.since < answer.until


@pytest.mark.parametrize("what", EMPTY)
def test_where_nothing_was_the_answer_is_empty(world, what):
    for answer in answers(world, what, EMPTY[what]):
        if answer.report == "realtime":
            assert answer.notes == ("This is always about the last 30 minutes, whatever range is asked for.",)
        else:
            assert most_in(answer) == 0, answer.report
            assert answer.since < answer.until


@pytest.mark.parametrize("what", UNKNOWN)
def test_a_name_that_nothing_has_counts_nothing_and_the_answer_says_so(world, what):
    for answer in answers(world, what, UNKNOWN[what]):
        assert most_in(answer) == 0, answer.report
        assert answer.notes[0].startswith("Nothing has the "), answer.report
        assert "Did you mean" in answer.notes[0]


def test_a_step_of_a_funnel_that_nothing_has_is_noted(world):
    answer = world.ask("funnel", steps="page.vew > order.paid")

    assert answer.notes == ("Nothing has the event type 'page.vew'. Did you mean 'page.view'?",)


def test_what_can_not_be_meant_is_refused_with_what_to_write(world):
    for what, given in WRONG.items():
        for name, asked in reports_that_take(given):
            with pytest.raises(InvalidQuery) as error:
                world.ask(name, **asked)

            assert error.value.hint, (what, name)


@pytest.mark.parametrize(
    ("report", "option"),
    [("top_values", "of"), ("breakdown", "by"), ("uniques", "of"), ("realtime", "of"), ("history", "dimension")],
)
def test_a_dimension_that_nobody_has_declared_is_refused_with_what_to_do(world, report, option):
    with pytest.raises(InvalidQuery) as error:
        world.ask(report, **ASKED.get(report, {}) | {option: "no.such"})

    assert "no.such" in str(error.value)
    assert error.value.hint
