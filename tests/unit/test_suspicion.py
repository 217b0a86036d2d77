"""Points of suspicion, one rule at a time, and on both sides of each limit."""

from __future__ import annotations

import pytest

from picoevent.report.suspicion import Conduct, failure_pattern, judge

HOUR_MS = 3_600_000


def conduct(moments, types=1, failures=0, **objects):
    return Conduct(list(moments), types, objects, failures, HOUR_MS)


def spread(events):
    """Return that many moments, evenly over the hour."""
    return [number * HOUR_MS // events for number in range(events)]


@pytest.mark.parametrize(("events", "points"), [(100, 0), (101, 1), (200, 1), (201, 2), (500, 2), (501, 3)])
def test_volume_has_three_steps(events, points):
    assert judge(conduct(spread(events))).score == points


@pytest.mark.parametrize(
    ("done", "points"),
    [
        (conduct(spread(50), types=3, path=10, collection=10), 0),
        (conduct(spread(50), path=11), 2),
        (conduct(spread(50), path=11, collection=30), 2),
        (conduct(spread(50), types=4), 1),
        (conduct(spread(50), failures=25), 0),
        (conduct(spread(50), failures=26), 2),
    ],
)
def test_spread_and_failures_have_their_points(done, points):
    assert judge(done).score == points


def test_a_burst_is_more_than_half_of_the_events_within_less_than_a_tenth_of_the_window():
    tenth = HOUR_MS // 10

    assert judge(conduct([0, 1, 2, tenth + 1, HOUR_MS - 1])).reasons == ("3 of 5 events within a second",)
    assert judge(conduct([0, 1, tenth, tenth * 2, HOUR_MS - 1])).score == 0
    assert judge(conduct([0, tenth - 1])).score == 1
    assert judge(conduct([])).score == 0


def test_points_make_a_level_and_each_has_its_reason():
    verdict = judge(conduct(spread(600), types=5, failures=400, path=31, collection=2))

    assert (verdict.score, verdict.level) == (8, "high")
    assert verdict.reasons == (
        "600 events, more than 500",
        "31 different values of path",
        "5 event types",
        "400 of 600 events are failures (66 %)",
    )
    assert judge(conduct(spread(300))).level == "medium"
    assert judge(conduct(spread(150))).level == "low"


def test_failures_are_matched_whole_in_any_case_and_x_is_a_digit_beside_digits():
    fails = failure_pattern(["4xx", " 5xx", "error", "x", ""]).fullmatch

    assert all(map(fails, ["404", "500", "Error", "X"]))
    assert not any(map(fails, ["200", "4000", "40", "errors", "7", ""]))
    assert not failure_pattern([]).fullmatch("")
