"""On both days on which clocks change, and on 29 February, every interval has the events that an oracle in UTC has."""

from __future__ import annotations

from contextlib import closing
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from .test_against_oracle import check_heatmap, check_measures, check_series, check_users, check_values
from .world import World

ODD_DAYS = {
    "Europe/Berlin": ((2026, 3, 29), (2025, 10, 26)),
    "America/New_York": ((2026, 3, 8), (2025, 11, 2)),
    "Australia/Lord_Howe": ((2025, 10, 5), (2026, 4, 5)),
    "America/Santiago": ((2025, 9, 7), (2026, 4, 5)),
    "Asia/Kathmandu": ((2024, 2, 29), (2024, 2, 29)),
}
"""Days on which clocks go forward, and back; in the last zone both are 29 February."""
OFTEN_MS, SELDOM_MS = 7 * 60_007, 47 * 60_007
DAYS = 3


def change_on(zone, day):
    """Return when the clocks of a zone change on a day, as the zone itself tells; 02:00 where they do not."""
    begin = datetime(*day, tzinfo=UTC) - timedelta(hours=14)
    moments = [begin + timedelta(minutes=30 * n) for n in range(100)]
    offsets = [moment.astimezone(ZoneInfo(zone)).utcoffset() for moment in moments]
    changes = [moment for moment, a, b in zip(moments[1:], offsets, offsets[1:], strict=False) if a != b]
    return changes[0] if changes else datetime(*day, 2, tzinfo=ZoneInfo(zone)).astimezone(UTC)


def log_past(world, hours, every_ms):
    """Log events of the last hours, each so long behind the one before."""
    ages = range(1, hours * 3600_000, every_ms)
    world.log(*[(-age, ("page.view", "order.paid")[n % 2], "shop", n % 5 + 1, n % 4) for n, age in enumerate(ages)])


@pytest.fixture(params=["forward", "back"])
def change(request, zone):
    """When the clocks of a zone change."""
    return change_on(zone, ODD_DAYS[zone][request.param == "back"])


@pytest.mark.parametrize("reporting", ["its own", "UTC"])
@pytest.mark.parametrize("zone", ODD_DAYS)
def test_every_interval_and_the_heatmap_equal_an_oracle_in_utc(tmp_path, zone, change, reporting):
    begin = change + timedelta(hours=2, minutes=30)
    place = f"sqlite:///{tmp_path / 'w.db'}"
    with closing(World(place, "UTC" if reporting == "UTC" else zone, begin=begin)) as world:
        log_past(world, 3, OFTEN_MS)
        check_range(world, zone, change - timedelta(minutes=20), ("minute", "quarter"))

        world.log(seconds=DAYS * 86_400)
        log_past(world, 2 * DAYS * 24, SELDOM_MS)
        world.log(seconds=3600)

        check_range(world, zone, change - timedelta(days=2), ("quarter", "hour", "day", "week", "month"))


def check_range(world, zone, since, intervals):
    """Compare every figure that has intervals, and the heatmap."""
    arguments = {"since": since, "until": world.now, "zone": zone}
    for interval in intervals:
        check_series(world, arguments, interval)
        check_users(world, arguments, interval)
        check_measures(world, arguments, interval)
    check_heatmap(world, arguments)
    check_values(world, arguments)


def test_an_hour_that_is_there_twice_has_two_rows_and_one_that_is_not_none(tmp_path):
    with closing(
        World(f"sqlite:///{tmp_path / 'w.db'}", "Europe/Berlin", begin=datetime(2026, 4, 1, tzinfo=UTC))
    ) as world:
        hours = {
            day: [row.start.hour for row in world.ask("series", since=day, until=end, interval="hour").rows]
            for day, end in (("2025-10-26", "2025-10-27"), ("2026-03-29", "2026-03-30"))
        }

    assert hours["2025-10-26"] == [0, 1, 2, 2, *range(3, 24)]
    assert hours["2026-03-29"] == [0, 1, *range(3, 24)]
