"""While days pass and clocks change, any range that tiers can express counts exactly what happened in it."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from picoevent import EventLog, NewEvent, Settings
from picoevent.fold.worker import Folder
from picoevent.rollup.tiers import DAY_SECONDS, QUARTER_SECONDS, Calendar, Tier

from .conftest import init
from .reading import read_events, read_users

CHANGES = {
    "UTC": (2026, 2, 28),
    "Europe/Berlin": (2026, 3, 28),
    "America/New_York": (2025, 11, 1),
    "Asia/Kathmandu": (2026, 1, 31),
    "Asia/Kolkata": (2024, 2, 28),
    "Australia/Lord_Howe": (2026, 4, 4),
    "Australia/Adelaide": (2025, 10, 4),
}
"""A day in each zone, the next of which is odd: clocks change, a month ends, or it is 29 February."""
STEPS = st.lists(
    st.tuples(
        st.integers(0, 30 * 3600),  # how far the clock moves on before
        st.lists(st.tuples(st.integers(-120 * DAY_SECONDS, 7200), st.integers(0, 40)), max_size=12),
    ),
    min_size=1,
    max_size=5,
)
"""Each step: seconds that pass, and events as (seconds from now, user)."""


class World:
    """An installation of one zone, whose clock stands where it is put."""

    def __init__(self, url, zone, **overrides):
        init(url, zone)
        self.calendar = Calendar(zone)
        self.begin = self.calendar.day_start(datetime(*CHANGES.get(zone, (2026, 1, 1)), tzinfo=ZoneInfo(zone)).date())
        self.now = self.begin
        self.events = EventLog(url, strict=True)
        self.folder = Folder(Settings(url=url, **overrides), clock=lambda _connection: self.now * 1000)
        self.known = []

    def step(self, seconds, logged):
        """Let time pass, log, fold and keep up."""
        self.now += seconds
        new = [(self.now + offset, user) for offset, user in logged]
        self.events.log_many([NewEvent("a", user_id=user, at=self.calendar.local(second)) for second, user in new])
        self.known += new
        self.folder.fold_all()
        self.folder.keep_up()

    def expected(self, since, until):
        """Return how many events there were in a range, and whose."""
        users = [user for second, user in self.known if since <= second < until]
        return len(users), set(users)

    def found(self, since, until):
        """Return what rollups say."""
        store = self.folder.store
        return read_events(store, self.calendar, since, until), read_users(store, self.calendar, since, until)

    def close(self):
        """Close all."""
        self.events.close()
        self.folder.close()


@pytest.mark.parametrize("zone", CHANGES)
@given(STEPS, st.integers(0, 400), st.integers(1, 400))
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_ranges_of_days_and_quarters_are_exact(tmp_path_factory, zone, steps, first, length):
    world = World(f"sqlite:///{tmp_path_factory.mktemp('world') / 'w.db'}", zone)
    days = list(world.calendar.buckets(Tier.DAY, world.begin - 90 * DAY_SECONDS, world.begin + 9 * DAY_SECONDS))
    quarter = world.begin - 2 * DAY_SECONDS + first * QUARTER_SECONDS

    for seconds, logged in steps:
        world.step(seconds, logged)

        for since, until in (
            (days[0], days[-1]),
            (days[first % 40], days[first % 40 + 1 + length % 50]),
            (quarter, quarter + length * QUARTER_SECONDS),
        ):
            assert world.found(since, until) == world.expected(since, until)
    world.close()


def test_it_is_so_on_mysql_too(mysql_url):
    world = World(mysql_url, "Europe/Berlin")
    for number in range(40):
        world.step(3 * 3600, [(-number * 5 * 3600, number % 7), (-60, 50 + number), (-2 * DAY_SECONDS, 3)])
    month = world.calendar.bucket(Tier.MONTH, world.begin)

    for since in (month, world.begin, world.now - 7200):
        assert world.found(since, world.now + 60) == world.expected(since, world.now + 60)
    world.close()


def test_a_bucket_that_gets_many_late_parts_is_merged(tmp_path):
    world = World(f"sqlite:///{tmp_path / 'w.db'}", "UTC")
    world.step(0, [(-60, 1)])
    for number in range(70):
        world.step(1, [(-3 * DAY_SECONDS, number)])

    with world.folder.store.transaction() as connection:
        parts = connection.exec_driver_sql(
            "SELECT MAX(n) FROM "
            "(SELECT COUNT(*) AS n FROM rollup_users WHERE tier = 3 GROUP BY event_type_id, source_id)"
        ).scalar()
    since = world.begin - 4 * DAY_SECONDS
    assert parts < 64
    assert world.found(since, world.begin) == world.expected(since, world.begin)
    world.close()


def test_minutes_go_after_three_hours_and_quarters_after_ninety_days(tmp_path):
    world = World(f"sqlite:///{tmp_path / 'w.db'}", "Asia/Kolkata")
    world.step(0, [(-60, 1)])
    for _ in range(4):
        world.step(4 * 3600, [(-60, 1)])
    for _ in range(6):
        world.step(40 * DAY_SECONDS, [(-60, 1)])

    with world.folder.store.transaction() as connection:
        oldest = dict(connection.exec_driver_sql("SELECT tier, MIN(bucket) FROM rollup GROUP BY tier").all())
    assert oldest[1] > world.now - 4 * 3600
    assert world.now - 92 * DAY_SECONDS < oldest[2] < world.now - 79 * DAY_SECONDS
    assert oldest[3] == world.begin - DAY_SECONDS
    assert world.found(oldest[3], world.now)[0] == 11
    world.close()
