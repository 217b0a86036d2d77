"""After a change of the reporting zone, days and months are those of the new one, and no event is lost or doubled."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from picoevent import EventLog, NewEvent, Settings
from picoevent.fold.declaring import declare
from picoevent.fold.rezone import change_zone, plan_change
from picoevent.fold.verify import Verifier
from picoevent.fold.worker import Folder
from picoevent.ids import first_id_of_second
from picoevent.rollup.cells import merge_cells
from picoevent.rollup.members import union_members
from picoevent.rollup.sketch import MeasureCell, unpack_measure
from picoevent.rollup.tiers import DAY_SECONDS, Calendar

from .conftest import init

NOW = datetime(2026, 4, 5, 12, 7, tzinfo=UTC)
"""A day on which clocks change on Lord Howe."""
HOURS_BACK = [*range(0, 60, 7), *range(80, 2600, 97), *range(2700, 20_000, 1700)]
KEPT = 200


class World:
    """An installation with events of more than two years, whose clock stands still unless it is moved."""

    def __init__(self, url, zone, hours_back=HOURS_BACK):
        init(url, zone)
        self.now = int(NOW.timestamp())
        self.folder = Folder(Settings(url=url), clock=lambda _connection: self.now * 1000)
        self.events = EventLog(url, strict=True)
        moments = [NOW - timedelta(hours=hours) for hours in hours_back]
        self.log(*moments)
        self.pass_on(0)

    def log(self, *moments):
        self.events.log_many([NewEvent("a", user_id=place % 9, at=moment) for place, moment in enumerate(moments)])

    def pass_on(self, seconds):
        """Let time pass, fold and keep up."""
        self.now += seconds
        self.folder.fold_all()
        self.folder.keep_up()

    def ask(self, statement):
        with self.folder.store.transaction() as connection:
            return connection.execute(text(statement)).scalar()

    def change(self, *statements):
        with self.folder.store.transaction() as connection:
            for statement in statements:
                connection.execute(text(statement))

    def drop_raw(self, days):
        """Do what retention does: raw rows older than so many days go."""
        before = self.now - days * DAY_SECONDS
        before -= before % DAY_SECONDS
        gone = f"WHERE event_id < {first_id_of_second(before)}"
        self.change(f"DELETE FROM event_log {gone}", f"DELETE FROM event_data {gone}")
        self.change(f"UPDATE fold_state SET raw_from = {before}")

    def total(self):
        return self.ask("SELECT SUM(events) FROM rollup WHERE tier = 4 AND event_type_id = 0 AND source_id = 0")

    def packed(self, table, condition):
        """Return what months hold, of any source."""
        statement = f"SELECT packed FROM {table} WHERE tier = 4 AND source_id = 0 AND {condition}"
        with self.folder.store.transaction() as connection:
            return connection.execute(text(statement)).scalars().all()

    def months(self):
        """Return what all months together count: events by path, numbers, their sum, users, and sessions."""
        cells = merge_cells(self.packed("rollup_dimension", "dimension_id = 1"))
        summed = MeasureCell()
        for packed in self.packed("rollup_measure", "measure_id = 1"):
            summed.merge(unpack_measure(packed))
        sets = [union_members(self.packed("rollup_users", f"dimension_id = {number}")) for number in (0, 2)]
        return sum(cell.events for _, cell in cells.items()), summed.count, summed.total, *sets

    def differences(self):
        return Verifier(self.folder.store).verify().differences


@pytest.fixture
def new_world(tmp_path):
    worlds = []

    def new_world(zone, url=f"sqlite:///{tmp_path / 'w.db'}", **options):
        worlds.append(World(url, zone, **options))
        return worlds[-1]

    yield new_world
    for world in worlds:
        world.events.close()
        world.folder.close()


@pytest.mark.parametrize(
    ("before", "after"),
    [("UTC", "Asia/Kathmandu"), ("Europe/Berlin", "America/New_York"), ("Asia/Kolkata", "Australia/Lord_Howe")],
)
def test_days_and_months_are_those_of_the_new_zone(new_world, before, after):
    world = new_world(before)

    change_zone(world.folder.store, after, KEPT)

    assert world.folder.store.installation_value("timezone") == after
    assert world.differences() == []
    assert world.total() == len(HOURS_BACK)
    calendar = Calendar(after)
    bucket = world.ask("SELECT MAX(bucket) FROM rollup WHERE tier = 3")
    assert calendar.local(bucket).strftime("%H:%M") == "00:00"


def test_it_is_so_on_mysql_too_and_who_runs_already_goes_on_in_the_new_zone(new_world, mysql_url):
    world = new_world("Europe/Berlin", mysql_url, hours_back=HOURS_BACK[::5])

    change_zone(world.folder.store, "America/New_York", KEPT)
    world.log(NOW, NOW - timedelta(hours=30), NOW - timedelta(days=700))
    world.pass_on(2 * 3600)

    assert world.differences() == []
    assert world.total() == len(HOURS_BACK[::5]) + 3


def test_what_waits_is_counted_later_in_the_new_zone(new_world):
    world = new_world("UTC", hours_back=HOURS_BACK[::3])
    world.log(NOW - timedelta(days=2))

    change_zone(world.folder.store, "Asia/Kathmandu", KEPT)
    between = world.differences()
    world.pass_on(1)

    assert (between, world.differences()) == ([], [])
    assert world.total() == len(HOURS_BACK[::3]) + 1


@pytest.mark.parametrize(
    ("before", "after", "days"), [("Europe/Berlin", "America/New_York", 40), ("UTC", "Asia/Kathmandu", 200)]
)
def test_where_raw_rows_are_gone_the_months_before_stay_and_no_total_changes(new_world, before, after, days):
    world = new_world(before)
    world.drop_raw(days)

    change = plan_change(world.folder.store, after)
    change_zone(world.folder.store, after, KEPT)

    assert change.anew_from
    assert world.total() == len(HOURS_BACK)
    assert world.differences() == []
    assert world.ask("SELECT MIN(bucket) FROM rollup WHERE tier = 3") >= change.anew_from
    calendar = Calendar(after)
    oldest = world.ask("SELECT MIN(bucket) FROM rollup WHERE tier = 4")
    assert calendar.local(oldest).strftime("%d %H:%M") == "01 00:00"


@pytest.mark.parametrize("days", [40, 200])
@pytest.mark.parametrize(
    ("before", "after"), [("Europe/Berlin", "America/New_York"), ("UTC", "Asia/Kathmandu"), ("UTC", "Etc/GMT-12")]
)
def test_at_the_seam_of_both_zones_nothing_is_lost_or_doubled(new_world, before, after, days):
    world = new_world(before, hours_back=[])
    declare(world.folder.store, "a", {"dimensions": ["path"], "measures": ["n"], "distinct": ["session"]})
    firsts = [datetime(2025 + month // 12, month % 12 + 1, 1, tzinfo=UTC) for month in range(7, 15)]
    hours = [first + timedelta(hours=hour) for first in firsts for hour in range(-14, 15)]
    known = [NewEvent("a", {"path": f"/{n % 3}", "session": n, "n": n}, n, at=at) for n, at in enumerate(hours)]
    world.events.log_many(known)
    world.pass_on(0)
    world.drop_raw(days)

    change = change_zone(world.folder.store, after, KEPT)

    assert change.anew_from
    assert world.total() == len(known)
    events, numbers, total, users, sessions = world.months()
    assert (events, numbers, total) == (len(known), len(known), sum(range(len(known))))
    assert (len(users), len(sessions)) == (len(known), len(known))


def test_a_plan_says_how_much_is_read_and_changes_nothing(new_world):
    world = new_world("UTC")
    version = world.ask("SELECT version FROM fold_state")

    change = plan_change(world.folder.store, "Asia/Kathmandu")

    assert (change.before.zone, change.after.zone, change.anew_from) == ("UTC", "Asia/Kathmandu", 0)
    assert change.events == pytest.approx(
        sum(1 for hours in HOURS_BACK if hours * 3600 > world.now - change.quarters_from), abs=1
    )
    assert world.ask("SELECT version FROM fold_state") == version
    assert world.folder.store.installation_value("timezone") == "UTC"


def test_it_tells_how_far_it_is(new_world):
    world = new_world("UTC")
    told = []

    change = change_zone(world.folder.store, "Asia/Kathmandu", KEPT, lambda *how_far: told.append(how_far))

    done, all_of_it, events = zip(*told, strict=True)
    assert (done[0], list(done)) == (0, sorted(done))
    assert done[-1] <= all_of_it[-1]
    assert events[-1] > 0
    assert change.begun


def test_before_anything_was_counted_only_the_zone_changes(sqlite_url):
    init(sqlite_url)
    folder = Folder(Settings(url=sqlite_url))

    change_zone(folder.store, "Asia/Kathmandu", KEPT)

    assert folder.fold_all() == 0
    assert folder.store.installation_value("timezone") == "Asia/Kathmandu"
    folder.close()


def test_dimensions_and_sessions_are_cut_anew_too(new_world):
    world = new_world("UTC", hours_back=HOURS_BACK[::3])
    declare(world.folder.store, "a", {"dimensions": ["path"], "measures": ["n"]})
    moments = [NOW - timedelta(hours=hours) for hours in range(0, 1000, 101)]
    world.events.log_many([NewEvent("a", {"path": f"/{n % 4}", "n": n}, n, at=at) for n, at in enumerate(moments)])
    world.pass_on(3)
    # Sessions of days that late events have touched are looked for once a minute.
    world.pass_on(120)
    sessions = "SELECT SUM(sessions) FROM rollup_session WHERE source_id = 0"
    before = world.ask(sessions)

    change_zone(world.folder.store, "Asia/Kathmandu", KEPT)
    between = world.ask(sessions)
    world.pass_on(1)

    assert (before > 0, between) == (True, None)
    assert abs(world.ask(sessions) - before) <= 2
    assert world.differences() == []


def test_sessions_of_days_whose_raw_rows_are_gone_stay_under_their_date(new_world):
    world = new_world("Europe/Berlin")
    world.pass_on(120)
    oldest = "SELECT MIN(bucket) FROM rollup_session"
    before = Calendar("Europe/Berlin").day_of(world.ask(oldest))
    world.drop_raw(40)

    change_zone(world.folder.store, "America/New_York", KEPT)
    between = world.ask("SELECT COUNT(*) FROM rollup_session WHERE source_id = 0 AND sessions > 0")
    world.pass_on(120)

    assert between > 20
    assert Calendar("America/New_York").day_of(world.ask(oldest)) == before
    assert world.ask("SELECT COUNT(*) FROM rollup_session WHERE source_id = 0 AND sessions > 0") > between
