"""Dashboards that are computed before somebody opens them."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

import pytest

from picoevent import EventLog
from picoevent.report.warming import AWAY_SECONDS, Panel, keep_warm, warm_up

TODAY = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
YESTERDAY = {"since": TODAY - timedelta(days=1), "until": TODAY}
PANELS = (Panel("series", {"since": "7d"}), Panel("top_types", YESTERDAY), Panel("realtime"))


@pytest.fixture
def events(ready_url):
    with EventLog(ready_url) as events:
        events.log("order.paid", at=TODAY - timedelta(hours=1))
        yield events


def test_what_was_warmed_up_is_answered_from_the_cache(events):
    warm_up(events.report, PANELS)

    answers = [events.report(panel.report, **panel.arguments) for panel in PANELS]

    assert [answer.cached_seconds for answer in answers if answer.cached_seconds is None] == []


def test_the_panel_that_grows_stale_first_says_when_to_come_again(events):
    assert 4 < warm_up(events.report, PANELS) <= 5
    assert 25 < warm_up(events.report, PANELS[:1]) <= 30
    assert 300 < warm_up(events.report, PANELS[1:2]) <= 3600
    assert warm_up(events.report, ()) == AWAY_SECONDS


def test_a_panel_that_can_not_be_answered_stops_no_other(events, caplog):
    wait = warm_up(events.report, (Panel("no such report"), *PANELS[1:2]))

    assert wait == AWAY_SECONDS
    assert "the report no such report can't be computed ahead" in caplog.text
    assert events.report("top_types", **YESTERDAY).cached_seconds is not None


def test_keeping_warm_ends_when_it_is_told(events):
    stop = threading.Event()
    asked = threading.Event()

    def ask(name, **arguments):
        asked.set()
        return events.report(name, **arguments)

    thread = threading.Thread(target=keep_warm, args=(ask, PANELS, stop))
    thread.start()

    assert asked.wait(10)
    stop.set()
    thread.join(10)
    assert not thread.is_alive()
