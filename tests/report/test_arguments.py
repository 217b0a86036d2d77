"""What may be asked of a report, and what the answer is to everything else."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from picoevent import InvalidQuery
from picoevent.report.arguments import make_arguments
from picoevent.report.asking import to_moment
from picoevent.report.desk import find_report
from picoevent.report.intervals import calendar_of
from picoevent.report.periods import previous_period
from picoevent.report.retention import RETENTION
from picoevent.report.series import SERIES

NOW = datetime(2026, 11, 22, 10, 7, 30, 250_000, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")


def made(report=SERIES, **given):
    return make_arguments(report, given, NOW, "Europe/Berlin")


def range_of(arguments, zone=BERLIN):
    moments = (to_moment(arguments.since_ms), to_moment(arguments.until_ms))
    return tuple(moment.astimezone(zone).isoformat(timespec="minutes")[:16] for moment in moments)


def test_without_a_range_it_is_the_last_days_of_the_report_up_to_the_end_of_this_minute():
    assert range_of(made()) == ("2026-11-16T00:00", "2026-11-22T11:08")


@pytest.mark.parametrize(
    ("since", "until", "begin", "end"),
    [
        ("today", None, "2026-11-22T00:00", "2026-11-22T11:08"),
        ("yesterday", "today", "2026-11-21T00:00", "2026-11-22T00:00"),
        ("this week", "now", "2026-11-16T00:00", "2026-11-22T11:07"),
        ("last week", "this week", "2026-11-09T00:00", "2026-11-16T00:00"),
        ("last month", "this month", "2026-10-01T00:00", "2026-11-01T00:00"),
        ("This  Year", "this month", "2026-01-01T00:00", "2026-11-01T00:00"),
        ("7d", "2h", "2026-11-15T11:07", "2026-11-22T09:07"),
        ("2026-11-01", "2026-11-02T10:30", "2026-11-01T00:00", "2026-11-02T10:30"),
        ("2026-11-01T00:00Z", NOW, "2026-11-01T01:00", "2026-11-22T11:07"),
        (NOW - timedelta(hours=1), None, "2026-11-22T10:07", "2026-11-22T11:08"),
    ],
)
def test_times_are_moments_or_words_in_the_zone_asked_for(since, until, begin, end):
    assert range_of(made(since=since, until=until)) == (begin, end)


def test_days_are_those_of_the_zone():
    arguments = made(since="today", zone="Asia/Kathmandu")

    assert arguments.zone == "Asia/Kathmandu"
    assert range_of(arguments, ZoneInfo("Asia/Kathmandu"))[0] == "2026-11-22T00:00"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"sinc": "7d"}, "The report series takes no argument 'sinc'. Did you mean since?"),
        ({"limit": 5}, "The report series takes no argument 'limit'."),
        ({"since": "soon"}, "'soon' is not a time for since."),
        ({"since": datetime(2026, 1, 1)}, "The time of since has no time zone."),  # noqa: DTZ001  # that is the example
        ({"since": "today", "until": "yesterday"}, "The range is empty: since is not before until."),
        ({"since": "0001-01-02"}, "The range is longer than 50 years."),
        ({"since": "1990-01-01", "until": "1991-01-01"}, "No event can be in this range."),
        ({"zone": "Europe/Berlin'; DROP TABLE event_log; --"}, "There is no time zone"),
        ({"zone": "../../etc/passwd"}, "There is no time zone"),
        ({"interval": "days"}, "There is no interval 'days'. Did you mean day?"),
        ({"interval": "minute", "since": "90d"}, "By minute, this range has more than 10,000 rows. Ask by quarter"),
        ({"types": [f"t{number}" for number in range(21)]}, "21 types are too many."),
        ({"types": 7}, "The argument types holds something that is no text of 1 to 255 characters."),
        ({"types": "a\ud800"}, "The argument types holds a lone surrogate"),
        ({"sources": {"a": 1}}, "The argument sources is of type dict, neither a text nor a list."),
        ({"filters": "plan=team"}, "Filters are a mapping."),
        ({"filters": dict.fromkeys("abcde", "x")}, "5 filters are too many."),
        ({"filters": {"plan": []}}, "A filter lets 0 values through."),
        ({"compare": "yes"}, "compare is 'yes'."),
    ],
)
def test_what_can_not_be_asked_is_refused_in_words(given, message):
    with pytest.raises(InvalidQuery) as error:
        made(**given)

    assert str(error.value).startswith(message)


def test_an_interval_that_a_report_is_not_made_by_is_refused_with_those_that_it_is():
    with pytest.raises(InvalidQuery, match=r"The report retention is not made by hour\. Ask by day, week, month"):
        made(RETENTION, interval="hour")


def test_filters_hold_values_as_dimensions_do():
    assert made(filters={"n": [1, True, "x"]}).filters == {"n": ("1", "true", "x")}


def test_an_unknown_report_is_refused_with_what_looks_like_it():
    with pytest.raises(InvalidQuery, match=r"There is no report 'top_type'. Did you mean top_types"):
        find_report("top_type")


@pytest.mark.parametrize(
    ("since", "until", "begin", "end"),
    [
        ("2026-03-01", "2026-05-01", "2026-01-01T00:00", "2026-03-01T00:00"),
        ("2026-03-29", "2026-03-30", "2026-03-28T00:00", "2026-03-29T00:00"),
        ("2026-03-30", "2026-04-06", "2026-03-23T00:00", "2026-03-30T00:00"),
        ("2026-03-30", "2026-04-05T10:30", "2026-03-23T00:00", "2026-03-29T10:30"),
        ("2026-11-22T10:00", "2026-11-22T11:00", "2026-11-22T09:00", "2026-11-22T10:00"),
    ],
)
def test_the_period_before_is_as_many_months_or_days_or_as_long(since, until, begin, end):
    arguments = made(since=since, until=until)

    before = previous_period(arguments.since_ms, arguments.until_ms, calendar_of("Europe/Berlin"))

    moments = [to_moment(moment).astimezone(BERLIN).isoformat(timespec="minutes")[:16] for moment in before]
    assert moments == [begin, end]


@pytest.mark.parametrize(
    "given",
    [{"zone": "x" * 10_001}, {"of": ["x" * 10_001]}, {"types": ["x"] * 10_001}, {"filters": {"x" * 10_001: "a"}}],
    ids=["zone", "of", "types", "filters"],
)
def test_what_is_longer_than_anybody_writes_is_not_repeated_in_the_error(given):
    with pytest.raises(InvalidQuery, match="is too long") as caught:
        made(**given)

    assert len(str(caught.value)) < 200


def test_a_text_that_nothing_stored_can_be_is_named():
    with pytest.raises(InvalidQuery, match="The argument of holds a lone surrogate"):
        made(of="\ud800")


def test_a_number_is_no_time():
    with pytest.raises(InvalidQuery, match="The time of since is of type int"):
        made(since=5)
