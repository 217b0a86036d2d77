"""Dashboards that are computed before somebody opens them."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime, timedelta

import pytest

from picoevent import EventLog
from picoevent.report.warming import AWAY_SECONDS, DASHBOARD, Panel, Warmer, warm_up

TODAY = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
YESTERDAY = {"since": TODAY - timedelta(days=1), "until": TODAY}
PANELS = (Panel("series", {"since": "7d"}), Panel("top_types", YESTERDAY), Panel("realtime"))


@pytest.fixture
def events(ready_url):
    with EventLog(ready_url) as events:
        events.log("order.paid", at=TODAY - timedelta(hours=1))
        yield events


class Asked(list):
    """Answers reports, and keeps their names."""

    def __init__(self, ask):
        super().__init__()
        self._ask = ask

    def __call__(self, name, **arguments):
        answer = self._ask(name, **arguments)
        self.append(name)
        return answer


def until(holds):
    """Wait until it does."""
    give_up = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < give_up
        time.sleep(0.005)


def warmers():
    """How many threads keep panels warm."""
    return sum(thread.name == "picoevent-warmer" for thread in threading.enumerate())


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


def test_answers_that_nobody_looks_at_are_computed_and_not_counted_as_given(events):
    warm_up(events.report, PANELS)
    warm_up(events.report, PANELS)
    events.report("realtime")

    counted = {name: count for name, count in events.counters().items() if name.startswith("report_") and count}
    assert counted == {"report_computations": 3, "report_hits": 1}


def test_whoever_looks_finds_every_panel_of_the_dashboard_warm_soon(events):
    asked = Asked(events.report)
    warmer = Warmer(asked)
    warmer.look()
    until(lambda: len(asked) == len(DASHBOARD))
    warmer.close(10)

    answers = [events.report(panel.report, **panel.arguments) for panel in DASHBOARD]

    assert all(answer.cached_seconds is not None for answer in answers)


def test_nothing_is_computed_before_somebody_looks_nor_when_nobody_has_for_a_while(events):
    asked = Asked(events.report)
    warmer = Warmer(asked, PANELS, idle_seconds=0)
    assert warmers() == 0

    warmer.look()
    until(lambda: warmers() == 0)

    warmer.close()
    assert asked == []


def test_who_looks_again_later_has_it_warm_again(events):
    asked = Asked(events.report)
    warmer = Warmer(asked, PANELS[:1], idle_seconds=0.05)
    warmer.look()
    until(lambda: asked and warmers() == 0)
    asked.clear()

    warmer.look()

    until(lambda: asked)
    warmer.close(10)


def test_keeping_warm_ends_when_it_is_told(events):
    asked = Asked(events.report)
    warmer = Warmer(asked, PANELS)
    warmer.look()
    until(lambda: asked)

    warmer.close(10)
    warmer.look()

    assert warmers() == 0
