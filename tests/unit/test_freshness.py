"""How long answers stay fresh, and which questions are one question."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import msgspec
import pytest

from picoevent.report.frame import Arguments
from picoevent.report.freshness import normalised, ttl_seconds, utc_days
from picoevent.rollup.tiers import Calendar

NOW = datetime(2026, 3, 18, 14, 30, 20, tzinfo=UTC)
SECOND, MINUTE, HOUR, DAY = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
MIDNIGHT = datetime(2026, 3, 18, tzinfo=UTC)


def ms(moment):
    return int(moment.timestamp() * 1000)


@pytest.mark.parametrize(
    ("since", "until", "seconds"),
    [
        (NOW - 5 * MINUTE, NOW, 5),
        (NOW - HOUR, NOW, 5),
        (NOW - HOUR, NOW + 40 * SECOND, 5),
        (NOW - HOUR - 2 * MINUTE, NOW, 30),
        (MIDNIGHT, NOW, 30),
        (MIDNIGHT, MIDNIGHT + DAY, 30),
        (NOW - 90 * DAY, NOW, 30),
        (NOW - 2 * HOUR, NOW - HOUR, 300),
        (NOW - 7 * DAY, NOW - 5 * MINUTE, 30),
        (NOW - 7 * DAY, NOW - 16 * MINUTE, 300),
        (MIDNIGHT - DAY, MIDNIGHT, 3600),
        (MIDNIGHT - 60 * DAY, MIDNIGHT - 3 * DAY, 3600),
        (datetime(2026, 2, 1, tzinfo=UTC), datetime(2026, 3, 1, tzinfo=UTC), 86_400),
        (datetime(2025, 1, 1, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC), 86_400),
    ],
)
def test_what_lies_further_back_stays_fresh_for_longer(since, until, seconds):
    assert ttl_seconds(ms(since), ms(until), ms(NOW), Calendar()) == seconds


@pytest.mark.parametrize(
    ("zone", "until", "seconds"),
    [
        # Still today in UTC, where late events of it would not be told: not a past day yet.
        ("America/Los_Angeles", datetime(2026, 3, 18, tzinfo=ZoneInfo("America/Los_Angeles")), 300),
        ("America/Los_Angeles", datetime(2026, 3, 17, tzinfo=ZoneInfo("America/Los_Angeles")), 3600),
        ("Asia/Kathmandu", datetime(2026, 3, 18, tzinfo=ZoneInfo("Asia/Kathmandu")), 3600),
        ("Asia/Kathmandu", datetime(2026, 3, 18, 5, tzinfo=ZoneInfo("Asia/Kathmandu")), 300),
        ("Asia/Kathmandu", datetime(2026, 3, 1, tzinfo=ZoneInfo("Asia/Kathmandu")), 86_400),
        ("Asia/Kathmandu", datetime(2026, 3, 1, tzinfo=UTC), 3600),
    ],
)
def test_a_past_day_is_over_in_the_reporting_zone_and_in_utc(zone, until, seconds):
    assert ttl_seconds(ms(until - 30 * DAY), ms(until), ms(NOW), Calendar(zone)) == seconds


def question(since, until, now=NOW, **more):
    return msgspec.json.encode(normalised(Arguments(ms(since), ms(until), **more), ms(now)))


def test_the_last_days_are_one_question_while_time_goes_by():
    later = NOW + timedelta(milliseconds=7431)

    assert question(NOW - 7 * DAY, NOW) == question(later - 7 * DAY, later, later)
    assert question(MIDNIGHT, NOW) == question(MIDNIGHT, later, later)
    assert question(MIDNIGHT, NOW) == question(MIDNIGHT, NOW + 40 * SECOND)
    assert question(NOW - 7 * DAY, NOW) == question(NOW - 7 * DAY, NOW + 40 * SECOND)


def test_other_ranges_are_other_questions():
    ranges = [
        (NOW - 7 * DAY, NOW),
        (NOW - 8 * DAY, NOW),
        (MIDNIGHT, NOW),
        (MIDNIGHT - DAY, NOW),
        (MIDNIGHT - DAY, MIDNIGHT),
    ]

    assert len({question(*asked) for asked in ranges}) == len(ranges)


def test_the_order_of_names_makes_no_other_question():
    one = {"event_types": ("b", "a"), "filters": {"x": ("2", "1"), "w": ()}, "options": {"k": 1, "j": (2,)}}
    same = {"event_types": ("a", "b", "a"), "filters": {"w": (), "x": ("1", "2")}, "options": {"j": (2,), "k": 1}}

    assert question(MIDNIGHT, NOW, **one) == question(MIDNIGHT, NOW, **same)
    assert question(MIDNIGHT, NOW, **one) != question(MIDNIGHT, NOW, **{**one, "sources": ("a",)})


def test_every_argument_makes_another_question():
    others = [
        {"event_types": ()}, {"event_types": ("a",)}, {"sources": ("a",)}, {"interval": "day"}, {"limit": 11},
        {"filters": {"a": ("1",)}}, {"compare": True}, {"zone": "Europe/Berlin"}, {"options": {"a": 1}}, {},
    ]  # fmt: skip

    assert len({question(MIDNIGHT, NOW, **other) for other in others}) == len(others)


def test_a_range_touches_these_days_of_utc():
    assert utc_days(ms(NOW), ms(NOW + MINUTE)) == (ms(MIDNIGHT) // 1000, ms(MIDNIGHT + DAY) // 1000)
    assert utc_days(ms(MIDNIGHT - DAY), ms(MIDNIGHT)) == (ms(MIDNIGHT - DAY) // 1000, ms(MIDNIGHT) // 1000)
    assert utc_days(ms(MIDNIGHT), ms(MIDNIGHT) + 1) == (ms(MIDNIGHT) // 1000, ms(MIDNIGHT + DAY) // 1000)
