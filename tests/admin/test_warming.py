"""The panels of the dashboard are computed ahead while analysts are here, and for nobody else."""

from __future__ import annotations

import time

import pytest

from picoevent.report.warming import DASHBOARD
from picoevent_admin import create_app
from picoevent_admin.bi import EXTENSION


@pytest.fixture
def warming(make_app, sqlite_url):
    """`warming(**settings)` is an application as `serve` makes it."""
    opened = []

    def warming(**options):
        bi = make_app(sqlite_url, **options).extensions[EXTENSION]
        app = create_app(bi.settings, events=bi.events, analysts=bi.analysts, warms=True)
        opened.append(app.extensions[EXTENSION])
        return app

    yield warming
    for bi in opened:
        bi.warmer.close(10)


def computed(app):
    """How many answers this process has computed."""
    return app.extensions[EXTENSION].events.counters()["report_computations"]


def test_the_dashboard_of_an_analyst_who_is_here_is_warm(warming, sign_in_to):
    app = warming()
    sign_in_to(app).get("/events/")

    give_up = time.monotonic() + 20
    while computed(app) < len(DASHBOARD) and time.monotonic() < give_up:
        time.sleep(0.01)

    events = app.extensions[EXTENSION].events
    assert all(events.report(panel.report, **panel.arguments).cached_seconds is not None for panel in DASHBOARD)


def test_for_a_stranger_nothing_is_computed(warming, browser_of):
    app = warming()
    stranger = browser_of(app)

    for path in ("/sign-in", "/events/", "/healthz"):
        stranger.get(path)

    app.extensions[EXTENSION].warmer.close(10)
    assert computed(app) == 0


def test_without_a_cache_of_answers_nothing_is_computed(warming, sign_in_to):
    app = warming(report_cache=False)

    sign_in_to(app).get("/events/")

    assert app.extensions[EXTENSION].warmer._thread is None
