"""On the days on which clocks change, on 29 February, and with wrong clocks, counts equal those of an oracle in UTC."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from picoevent import EventLog, Settings
from picoevent.fold.verify import Verifier
from picoevent.fold.worker import Folder
from picoevent.rollup.tiers import DAY_SECONDS, Calendar, Tier

from .conftest import init
from .reading import read_events, read_users
from .test_moving_clock import World

ODD_DAYS = {
    "Europe/Berlin": ((2026, 3, 29), (2025, 10, 26)),
    "America/New_York": ((2026, 3, 8), (2025, 11, 2)),
    "Australia/Lord_Howe": ((2025, 10, 5), (2026, 4, 5)),
    "America/Santiago": ((2025, 9, 7), (2026, 4, 5)),
    "Asia/Kathmandu": ((2024, 2, 29), (2024, 2, 29)),
}
"""Days on which clocks go forward, and back; in Santiago there is no midnight on the first, and in the last zone both
are 29 February."""
EVERY_SECONDS = 47 * 60 + 7


def local_day(second, zone):
    """The oracle: a day of a zone as its own clocks show it, and by nothing of ours."""
    return datetime.fromtimestamp(second, UTC).astimezone(ZoneInfo(zone)).date()


@pytest.mark.parametrize("zone", ODD_DAYS)
@pytest.mark.parametrize("which", [0, 1], ids=["forward", "back"])
def test_each_day_and_each_hour_around_it_has_exactly_its_events(tmp_path, zone, which):
    world = World(f"sqlite:///{tmp_path / 'w.db'}", zone)
    odd = date(*ODD_DAYS[zone][which])
    begin, end = (world.calendar.day_start(odd + timedelta(days=days)) for days in (-1, 2))
    seconds = list(range(begin, end, EVERY_SECONDS))
    world.now = begin
    for first in range(0, len(seconds), 50):
        logged = seconds[first : first + 50]
        world.step(logged[-1] + 1 - world.now, [(second - logged[-1] - 1, second % 17) for second in logged])

    by_day = Counter(local_day(second, zone) for second in seconds)
    days = [odd + timedelta(days=offset) for offset in range(-1, 2)]
    bounds = [world.calendar.day_start(day) for day in (*days, days[-1] + timedelta(days=1))]
    counted = [world.found(*pair)[0] for pair in pairwise(bounds)]
    assert counted == [by_day[day] for day in days]
    middle = world.calendar.day_start(odd)
    for hour in range(middle - 7200, middle + DAY_SECONDS + 7200, 3600):
        assert world.found(hour, hour + 3600) == world.expected(hour, hour + 3600)
    assert Verifier(world.folder.store).verify().differences == []
    world.close()


@pytest.mark.parametrize("step", [-3600, DAY_SECONDS, -400 * DAY_SECONDS], ids=["1 h back", "1 d on", "400 d back"])
def test_a_clock_of_the_server_that_steps_costs_no_event(tmp_path, step):
    world = World(f"sqlite:///{tmp_path / 'w.db'}", "Europe/Berlin")
    for place in range(12):
        # The clients' clocks are right, and go on; that of the database steps, and later steps back.
        world.step(1800 + (step if place == 4 else -step if place == 8 else 0), [])
        true_now = world.begin + 1800 * (place + 1)
        world.step(0, [(true_now - world.now - 60, place), (true_now - world.now - 20 * 3600, 99)])

    since, until = world.begin - 2 * DAY_SECONDS, world.begin + 2 * DAY_SECONDS
    assert world.found(since, until) == world.expected(since, until)
    assert Verifier(world.folder.store).verify().differences == []
    world.close()


def test_clients_whose_clocks_are_years_off_count_where_they_say_and_the_future_is_refused(store_url):
    init(store_url, "America/New_York")
    folder = Folder(Settings(url=store_url))
    years = (-10, -1, 0, 1, 10)
    with EventLog(store_url) as events:
        now = datetime.now(UTC)
        ids = [events.log("a", user_id=n + 10, at=now + timedelta(days=365 * n)) for n in years]

    folder.fold_all()
    folder.keep_up()

    assert [event_id is not None for event_id in ids] == [True, True, True, False, False]
    findings = Verifier(folder.store).verify()
    assert (findings.events, findings.differences) == (3, [])
    folder.close()


def test_ten_years_back_is_a_month_of_its_own(tmp_path):
    world = World(f"sqlite:///{tmp_path / 'w.db'}", "America/New_York")
    offset = -3653 * DAY_SECONDS
    world.step(0, [(-60, 1), (offset, 2)])
    calendar = Calendar("America/New_York")
    month = calendar.bucket(Tier.MONTH, world.now + offset)

    found = read_events(world.folder.store, calendar, month, calendar.following(Tier.MONTH, month))
    users = read_users(world.folder.store, calendar, month, calendar.following(Tier.MONTH, month))

    assert (found, users) == (1, {2})
    assert Verifier(world.folder.store).verify().differences == []
    world.close()
