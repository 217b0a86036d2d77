"""What the foot of a page says of the replica; and that a replica that is away is no fault of ours."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from picoevent import Settings
from picoevent.read.replica import DataAge
from picoevent_admin import create_app
from picoevent_admin.bi import EXTENSION
from picoevent_admin.display import data_age_in_words

NOW = datetime.now(UTC)
OLD = datetime(2026, 3, 18, 14, 2, 31, tzinfo=UTC)


@pytest.mark.parametrize(
    ("age", "words"),
    [
        (None, ""),
        (DataAge(NOW, 0.0), ""),
        (DataAge(NOW, 0.4, "replica", replica_answers=True), f" data as of {NOW:%H:%M:%S}."),
        (
            DataAge(NOW - timedelta(seconds=30), 30.2, "replica", replica_answers=True),
            f" data as of {NOW - timedelta(seconds=30):%H:%M:%S}, behind 30 s.",
        ),
        (DataAge(OLD, 7200.0, "replica", replica_answers=True), " data as of 2026-03-18 14:02:31, behind 7,200 s."),
        (DataAge(None, None, "replica", replica_answers=True), " how old its data is can't be told yet."),
        (DataAge(NOW, None, "primary", replica_answers=False), " does not answer: pages are read from the primary."),
        (DataAge(NOW, 90.0, "primary", replica_answers=True), " is behind 90 s: pages are read from the primary."),
    ],
    ids=["error page", "no replica", "follows", "behind", "behind for hours", "unknown", "away", "too far behind"],
)
def test_the_foot_says_how_old_the_data_is(age, words):
    assert data_age_in_words(age).endswith(words)
    assert bool(data_age_in_words(age)) == bool(words)


@pytest.fixture
def replica_is_away(make_app, mysql_url, sign_in_to):
    """`replica_is_away(...)` is the browser of somebody who has signed in to a BI whose replica does not answer."""
    make_app(mysql_url)
    apps = []

    def replica_is_away(**more):
        url = "mysql+pymysql://app@127.0.0.1:1/shop"
        apps.append(create_app(Settings(url=mysql_url, replica_url=url, secret_key="s" * 40, **more)))
        return sign_in_to(apps[-1])

    yield replica_is_away
    for app in apps:
        app.extensions[EXTENSION].close()


def test_without_a_fallback_pages_say_what_does_not_answer(replica_is_away):
    page = replica_is_away().get("/events/")

    assert page.status_code == 503
    assert "MySQL at 127.0.0.1:1 does not answer" in page.text


def test_with_a_fallback_pages_are_shown_and_say_so(replica_is_away):
    page = replica_is_away(replica_fallback=True).get("/events/")

    assert page.status_code == 200
    assert "The replica does not answer: pages are read from the primary." in page.text
