"""Times in files: texts, numbers, time zones and the hours that clocks are put forward or back."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from picoevent.errors import SettingsError
from picoevent.importing.faults import BadLine
from picoevent.importing.options import ImportOptions
from picoevent.importing.times import read_time

BERLIN = ZoneInfo("Europe/Berlin")
NOON = datetime(2024, 5, 17, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    "value",
    [
        "2024-05-17T12:00:00Z",
        "2024-05-17 14:00:00+02:00",
        "20240517T120000+0000",
        "2024-05-17T12:00:00.000999Z",
        1_715_947_200,
        1_715_947_200_000,
        1_715_947_200.0,
        "1715947200",
        "1715947200.000",
        "1715947200000",
    ],
)
def test_a_time_is_the_same_in_each_way_of_writing_it(value):
    assert read_time(value, None) == NOON


@pytest.mark.parametrize("value", ["2024-05-17T12:00:00.1239Z", 1_715_947_200.123, 1_715_947_200_123])
def test_times_are_cut_to_the_millisecond(value):
    assert read_time(value, None) == NOON.replace(microsecond=123_000)


def test_a_time_before_1970_is_a_time():
    assert read_time(-1, None) == datetime(1969, 12, 31, 23, 59, 59, tzinfo=UTC)


def test_a_time_without_an_offset_is_refused_unless_a_zone_says_what_it_means():
    assert read_time("2024-05-17T14:00:00", BERLIN) == NOON
    with pytest.raises(BadLine, match="has no offset; say with --timezone"):
        read_time("2024-05-17T14:00:00", None)


def test_an_offset_wins_over_the_zone():
    assert read_time("2024-05-17T12:00:00Z", BERLIN) == NOON


def test_an_hour_that_occurs_twice_is_the_first_one():
    assert read_time("2024-10-27T02:30:00", BERLIN) == datetime(2024, 10, 27, 0, 30, tzinfo=UTC)


def test_an_hour_that_does_not_exist_is_refused():
    with pytest.raises(BadLine, match="does not exist in Europe/Berlin"):
        read_time("2024-03-31T02:30:00", BERLIN)


@pytest.mark.parametrize("value", ["yesterday", "", "2024-13-01T00:00:00Z", True, [1], 1e15, "1" * 17])
def test_what_is_no_time_is_refused(value):
    with pytest.raises(BadLine, match=r"the time .* is"):
        read_time(value, BERLIN)


def test_an_unknown_time_zone_is_a_wrong_setting():
    with pytest.raises(SettingsError, match="'Berlin' is not known"):
        ImportOptions(timezone="Berlin")


@pytest.mark.parametrize(
    ("value", "zone"),
    [
        (-63_135_596_800, None),
        (-63_135_596_800.5, None),
        ("9999-12-31T23:59:59", ZoneInfo("America/New_York")),
        ("0001-01-01T00:00:00", ZoneInfo("Asia/Tokyo")),
    ],
)
def test_a_time_outside_the_years_that_can_be_told_is_refused(value, zone):
    with pytest.raises(BadLine, match=r"the time .* is outside the years 1 to 9999 in UTC"):
        read_time(value, zone)
