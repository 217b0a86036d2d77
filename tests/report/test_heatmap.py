"""The report `heatmap` says of each hour of the week how long it was within the range: weeks are not always whole."""

from __future__ import annotations

from contextlib import closing
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from picoevent import InvalidQuery

from .world import World

SUNDAY = 7


@pytest.fixture
def ask_in(store_url):
    """Ask of a world of this zone, whose clock shows this moment."""

    def ask(zone, now, **arguments):
        with closing(World(store_url, zone, begin=datetime.fromisoformat(now).replace(tzinfo=ZoneInfo(zone)))) as world:
            world.log((0, "page.view", "shop", 7, 1))
            answer = world.ask("heatmap", **arguments)
        return {(row.day, row.hour): (row.events, row.hours) for row in answer.rows}

    return ask


def test_a_part_of_a_week_has_more_of_some_weekdays_than_of_others(ask_in):
    hours = ask_in("Asia/Kathmandu", "2026-11-22T10:30:00", since="2026-11-21T08:20", until="2026-11-23")

    assert hours[6, 7] == (0, 0.0)
    assert hours[6, 8] == (0, 0.667)
    assert hours[6, 9] == hours[SUNDAY, 9] == (0, 1.0)
    assert hours[SUNDAY, 10] == (1, 0.5), "the rest of it is not over"
    assert hours[SUNDAY, 11] == (0, 0.0)


@pytest.mark.parametrize(
    ("zone", "day", "hour", "hours"),
    [
        ("Europe/Berlin", "2026-03-29", 2, 0.0),
        ("Europe/Berlin", "2026-10-25", 2, 2.0),
        ("Australia/Lord_Howe", "2026-04-05", 1, 1.5),
        ("Australia/Lord_Howe", "2026-10-04", 2, 0.5),
    ],
)
def test_an_hour_that_clocks_skip_or_repeat_has_its_own_length(ask_in, zone, day, hour, hours):
    until = (datetime.fromisoformat(day) + timedelta(days=1)).date().isoformat()

    found = ask_in(zone, f"{until}T12:00:00", since=day, until=until)

    assert found[SUNDAY, hour][1] == hours
    assert found[SUNDAY, 5][1] == 1.0


def test_a_range_of_which_no_hours_are_kept_is_refused(ask_in):
    with pytest.raises(InvalidQuery, match="Hours are kept from"):
        ask_in("UTC", "2026-11-22T10:30:00", since="2026-03-01", until="2026-04-01")
