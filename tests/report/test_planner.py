"""Which buckets and which raw rows answer a question: the whole table, in words."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from picoevent.report.planner import Question, plan
from picoevent.rollup.tiers import Calendar, Tier
from picoevent.store.fold_state import FoldState


def at(text):
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


NOW = "2026-11-22T10:07:30"
STATE = FoldState(
    leader="",
    version=1,
    heartbeat_ms=0,
    floor_seq=0,
    declarations=0,
    next_user_number=0,
    closed_quarter=at("2026-11-22T10:00"),
    closed_day=at("2026-11-22"),
    closed_month=at("2026-11-01"),
    closed_session=0,
    kept_minute=at("2026-11-22T07:00"),
    kept_quarter=at("2026-08-24"),
    kept_day=at("2024-11-01"),
    raw_from=at("2026-06-01"),
)
COUNTS, SETS = STATE.count_windows(), STATE.pile_windows()
REPORTING = Calendar("UTC")


def planned(windows, since, until, interval=None, zone="UTC", rows=0):
    question = Question(at(since) * 1000, at(until) * 1000, windows, interval, zone)
    return plan(question, STATE, REPORTING, lambda *_: rows)


@pytest.mark.parametrize(
    ("question", "windows", "since", "until", "interval", "source"),
    [
        ("this hour by minute", COUNTS, "2026-11-22T09:08", "2026-11-22T10:08", "minute", "rollup: minute"),
        ("today by hour", COUNTS, "2026-11-22", "2026-11-22T10:08", "hour", "rollup: quarter, minute"),
        ("today, users", SETS, "2026-11-22", "2026-11-22T10:08", "hour", "rollup: quarter, minute"),
        ("a week by day", COUNTS, "2026-11-16", "2026-11-22T10:08", "day", "rollup: day, quarter, minute"),
        ("a week, users", SETS, "2026-11-16", "2026-11-22T10:08", "day", "rollup: day, quarter, minute"),
        ("whole days", COUNTS, "2026-11-16", "2026-11-22", "day", "rollup: day"),
        ("a whole month", COUNTS, "2026-10-01", "2026-11-01", "month", "rollup: month"),
        ("a whole month by day", COUNTS, "2026-10-01", "2026-11-01", "day", "rollup: day"),
        ("a whole month by week", COUNTS, "2026-10-01", "2026-11-01", "week", "rollup: day"),
        ("a year in all", COUNTS, "2025-11-22", "2026-11-22", None, "rollup: month, day"),
        ("this month, users", SETS, "2026-11-01", "2026-12-01", "month", "rollup: day, quarter, minute"),
        ("this month, events", COUNTS, "2026-11-01", "2026-12-01", "month", "rollup: month"),
        ("years ago", COUNTS, "2020-01-01", "2026-01-01", "month", "rollup: month"),
        ("edges", COUNTS, "2026-11-20T09:08:07", "2026-11-22", None, "rollup: day, quarter; raw rows at the edges"),
        ("some seconds", COUNTS, "2026-11-22T10:00:01", "2026-11-22T10:00:07", None, "raw rows"),
    ],
)
def test_the_coarsest_tiers_that_are_whole_answer(question, windows, since, until, interval, source):
    found = planned(windows, since, until, interval)

    assert found.origin == source
    assert (found.since_ms, found.until_ms) == (at(since) * 1000, at(until) * 1000)
    assert found.interval == interval
    assert found.notes == ()


@pytest.mark.parametrize(
    ("windows", "since", "interval", "source"),
    [
        (COUNTS, "2026-11-22T09:08", "minute", "rollup: minute"),
        (COUNTS, "2026-11-22", "hour", "rollup: quarter"),
        (COUNTS, "2026-11-16", "day", "rollup: day"),
        (COUNTS, "2026-10-28", None, "rollup: month, day"),
        (COUNTS, "2026-11-01", "month", "rollup: month"),
        (SETS, "2026-11-16", "day", "rollup: day, quarter, minute"),
    ],
)
def test_where_nothing_is_behind_the_range_the_last_bucket_of_each_tier_answers_whole(windows, since, interval, source):
    until_ms = at("2026-11-22T10:07:30") * 1000 + 250
    question = Question(at(since) * 1000, until_ms, windows, interval, open_end=True)

    found = plan(question, STATE, REPORTING, lambda *_: 0)

    assert (found.origin, found.raw, found.until_ms) == (source, (), until_ms)


@pytest.mark.parametrize(
    ("zone", "source"),
    [("UTC", "rollup: day"), ("Asia/Kathmandu", "rollup: quarter"), ("Asia/Kolkata", "rollup: quarter")],
)
def test_days_of_another_zone_are_put_together_from_quarters(zone, source):
    calendar = Calendar(zone)
    day = calendar.bucket(Tier.DAY, at("2026-11-10"))
    question = Question(day * 1000, calendar.following(Tier.DAY, day) * 1000, COUNTS, "day", zone)

    assert plan(question, STATE, REPORTING, lambda *_: 0).origin == source


@pytest.mark.parametrize(
    ("since", "interval", "shown"),
    [
        ("2026-11-22T06:59", "minute", "quarter"),
        ("2026-08-23", "hour", "day"),
        ("2026-08-23", "minute", "day"),
        ("2024-10-30", "week", "month"),
        ("2024-10-30", "minute", "month"),
    ],
)
def test_what_is_asked_for_finer_than_it_is_kept_is_shown_coarser(since, interval, shown):
    found = planned(COUNTS, since, "2026-11-22T10:08", interval)

    assert found.interval == shown
    assert f"Shown by {shown}: nothing finer is kept so far back." in found.notes


def test_days_of_another_zone_are_shown_in_the_reporting_zone_where_quarters_are_gone():
    found = planned(COUNTS, "2026-08-01", "2026-11-22", "day", "Asia/Kathmandu")

    assert found.zone == "UTC"
    assert found.origin == "rollup: day"
    assert found.notes == ("Days are those of UTC: so far back, other zones' days can't be told apart.",)


def test_an_edge_that_would_read_too_many_rows_snaps_to_its_bucket():
    found = planned(COUNTS, "2026-11-20T09:08:07", "2026-11-22T10:00:30", rows=200_001)

    assert found.since_ms == at("2026-11-20T09:00") * 1000
    assert found.until_ms == at("2026-11-22T10:01") * 1000
    assert found.raw == ()
    assert len(found.notes) == 1


def test_an_edge_whose_raw_rows_are_gone_snaps_to_its_bucket():
    found = planned(COUNTS, "2026-05-20T12:00", "2026-11-22")

    assert found.since_ms == at("2026-05-20") * 1000
    assert found.origin == "rollup: month, day"


def test_an_edge_within_a_second_is_answered_from_raw_rows():
    since_ms = at("2026-11-22T10:00") * 1000 + 250
    question = Question(since_ms, since_ms + 500, COUNTS)

    found = plan(question, STATE, REPORTING, lambda *_: 0)

    assert [(span.since_ms, span.until_ms) for span in found.raw] == [(since_ms, since_ms + 500)]


def test_sets_of_a_month_that_is_not_closed_come_from_its_days():
    state = replace(STATE, closed_month=at("2026-10-01"))
    question = Question(at("2026-10-01") * 1000, at("2026-11-01") * 1000, state.pile_windows())

    assert plan(question, state, REPORTING, lambda *_: 0).origin == "rollup: day"


@settings(max_examples=200, deadline=None)
@given(
    edges=st.tuples(*[st.integers(at("2022-01-01") * 1000, at("2026-12-31") * 1000)] * 2),
    interval=st.sampled_from((None, "hour", "day", "month")),
    rows=st.sampled_from((0, 1 << 40)),
)
def test_events_and_users_of_one_range_are_of_the_same_range_also_where_it_is_widened(edges, interval, rows):
    since_ms, until_ms = min(edges), max(edges) + 1
    found = [
        plan(Question(since_ms, until_ms, windows, interval), STATE, REPORTING, lambda *_: rows)
        for windows in (COUNTS, SETS)
    ]

    assert len({(source.since_ms, source.until_ms, source.interval) for source in found}) == 1
