"""While days pass, what is declared of any range that tiers can express is what happened in it, also after closing."""

from __future__ import annotations

from functools import partial

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from picoevent import NewEvent
from picoevent.fold.declaring import declare
from picoevent.fold.upkeep import close_buckets
from picoevent.fold.worker import Folder
from picoevent.rollup.cells import OTHER, unpack_cells
from picoevent.rollup.tiers import DAY_SECONDS, QUARTER_SECONDS, Tier

from .declared import count_cells, count_measure, read_cells, read_distinct, read_measure
from .test_moving_clock import World

PATHS, SESSIONS = ("/a", "/b", "/c", None), ("x", "y", "z", None)
EVENTS = st.tuples(
    st.integers(-120 * DAY_SECONDS, 7200),  # from now
    st.integers(0, 40),  # user
    st.sampled_from(PATHS),
    st.sampled_from(SESSIONS),
    st.integers(-5, 500),  # amount
)
STEPS = st.lists(st.tuples(st.integers(0, 30 * 3600), st.lists(EVENTS, max_size=12)), min_size=1, max_size=5)
DISTINCT = [("session", lambda data: data.get("session"))]


class DeclaredWorld(World):
    """A world with events that hold a path, a session and an amount; `declare` says when what is declared."""

    def step(self, seconds, logged):
        """Let time pass, log, fold and keep up."""
        self.log(seconds, logged)
        self.folder.fold_all()
        self.folder.keep_up()

    def log(self, seconds, logged):
        """Let time pass and log."""
        self.now += seconds
        for offset, user, path, session, amount in logged:
            data = {"path": path, "session": session, "amount": amount}
            data = {key: value for key, value in data.items() if value is not None}
            self.events.log_many([NewEvent("visit", data, user, at=self.calendar.local(self.now + offset))])
            self.known.append(((self.now + offset) * 1000, user, data))

    def within(self, since, until):
        """Return what happened in a range."""
        return [one for one in self.known if since <= one[0] // 1000 < until]

    def check(self, since, until):
        """Compare what rollups say with what happened."""
        known = self.within(since, until)
        read = (self.folder.store, self.calendar, since, until)
        assert read_cells(*read, "visit", "path") == count_cells(known, lambda data: data.get("path"), DISTINCT)
        assert read_cells(*read, "visit", "session") == count_cells(known, lambda data: data.get("session"))
        assert read_distinct(*read, "session") == {data["session"] for _, _, data in known if "session" in data}
        cell = read_measure(*read, "visit", "amount")
        assert (cell.count, cell.total, cell.least, cell.greatest) == count_measure(known, "amount")


WISHES = {"dimensions": ["path"], "distinct": ["session"], "measures": ["amount"]}


def ranges(world, first, length):
    """Return some ranges that begin and end with days, or quarters."""
    days = list(world.calendar.buckets(Tier.DAY, world.begin - 90 * DAY_SECONDS, world.begin + 9 * DAY_SECONDS))
    quarter = world.begin - 2 * DAY_SECONDS + first * QUARTER_SECONDS
    return (
        (days[0], days[-1]),
        (days[first % 40], days[first % 40 + 1 + length % 50]),
        (quarter, quarter + length * QUARTER_SECONDS),
    )


@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin", "Australia/Lord_Howe"])
@given(STEPS, st.integers(0, 400), st.integers(1, 400))
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_ranges_are_exact_while_buckets_are_closed(tmp_path_factory, zone, steps, first, length):
    world = DeclaredWorld(f"sqlite:///{tmp_path_factory.mktemp('world') / 'w.db'}", zone)
    declare(world.folder.store, "visit", WISHES)

    for seconds, logged in steps:
        world.step(seconds, logged)

        for since, until in ranges(world, first, length):
            world.check(since, until)
    world.close()


def test_it_is_so_on_mysql_too(mysql_url):
    world = DeclaredWorld(mysql_url, "Europe/Berlin")
    declare(world.folder.store, "visit", WISHES)
    for number in range(30):
        event = partial(lambda number, at: (at, number % 7, PATHS[number % 4], SESSIONS[number % 3], number), number)
        world.step(3 * 3600, [event(-number * 5 * 3600), event(-60), event(-2 * DAY_SECONDS)])
    month = world.calendar.bucket(Tier.MONTH, world.begin)

    for since in (month, world.begin, world.now - 7200):
        world.check(since, world.now + 60)
    world.close()


def rows(world, statement):
    with world.folder.store.transaction() as connection:
        return connection.exec_driver_sql(statement).all()


def test_a_minute_that_is_over_lies_in_one_row(tmp_path):
    world = DeclaredWorld(f"sqlite:///{tmp_path / 'w.db'}", "UTC")
    declare(world.folder.store, "visit", WISHES)
    for number in range(5):
        world.step(1, [(0, number, "/a", "x", 1)])
    (before,) = rows(world, "SELECT COUNT(*) FROM rollup_dimension WHERE tier = 1 AND dimension_id = 1")
    world.step(120, [])

    (after,) = rows(world, "SELECT COUNT(*) FROM rollup_dimension WHERE tier = 1 AND dimension_id = 1")
    assert (before[0], after[0]) == (5, 1)
    world.check(world.begin, world.now)
    world.close()


def test_a_bucket_that_gets_many_late_parts_is_put_together(tmp_path):
    world = DeclaredWorld(f"sqlite:///{tmp_path / 'w.db'}", "UTC")
    declare(world.folder.store, "visit", WISHES)
    for number in range(70):
        world.step(1, [(-3 * DAY_SECONDS, number, "/a", "x", 1)])

    for table in ("rollup_dimension", "rollup_measure"):
        (most,) = rows(world, f"SELECT MAX(n) FROM (SELECT COUNT(*) AS n FROM {table} WHERE tier = 3 GROUP BY bucket)")
        assert most[0] < 2 * 64
    world.check(world.begin - 4 * DAY_SECONDS, world.begin)
    world.close()


def test_a_closed_bucket_keeps_the_values_with_most_events_and_the_sum_of_the_others(tmp_path):
    world = DeclaredWorld(f"sqlite:///{tmp_path / 'w.db'}", "UTC", dimension_values_kept=10)
    declare(world.folder.store, "visit", {"dimensions": ["path"]})
    values = [f"/{place}" for place in range(20) for _ in range(30 - place)]
    world.step(0, [(0, place % 5, value, None, 0) for place, value in enumerate(values)])

    world.step(2 * DAY_SECONDS, [])

    for tier in (Tier.QUARTER, Tier.DAY):
        ((packed,),) = rows(world, f"SELECT packed FROM rollup_dimension WHERE tier = {int(tier)} AND source_id = 0")
        cells = unpack_cells(packed)
        assert sorted(cell.events for cell in cells.values.values()) == list(range(21, 31))
        assert cells.other.events == sum(range(11, 21))
    ((sets,),) = rows(
        world, f"SELECT COUNT(*) FROM rollup_value_users WHERE tier = 3 AND value_id = {OTHER} AND source_id = 0"
    )
    assert sets == 1
    world.close()


def test_a_row_that_would_be_too_large_is_cut_by_its_values(tmp_path, monkeypatch):
    monkeypatch.setattr("picoevent.fold.cell_rows.LARGEST_ROW", 300)
    world = DeclaredWorld(f"sqlite:///{tmp_path / 'w.db'}", "UTC")
    declare(world.folder.store, "visit", WISHES)
    world.step(0, [(0, number, f"/{number}", "x", 1) for number in range(100)])
    world.step(2 * DAY_SECONDS, [])

    (parts,) = rows(
        world, "SELECT COUNT(*) FROM rollup_dimension WHERE tier = 2 AND dimension_id = 1 AND source_id = 0"
    )
    assert parts[0] > 1
    world.check(world.begin, world.now)
    world.close()


def some_visits(count, at=0):
    return [(at, number, PATHS[number % 3], SESSIONS[number % 4], number) for number in range(count)]


@pytest.mark.parametrize("what", ["late events", "a restart", "another leader", "a rollback"])
def test_a_bucket_that_is_closed_in_several_turns_lacks_nothing(tmp_path, monkeypatch, what):
    world = DeclaredWorld(f"sqlite:///{tmp_path / 'w.db'}", "UTC")
    declare(world.folder.store, "visit", WISHES)
    world.step(0, some_visits(20))
    begun = world.now
    world.now += QUARTER_SECONDS + 61
    monkeypatch.setattr("picoevent.fold.bundles.CLOSING_SECONDS", 0)
    while not rows(world, f"SELECT 1 FROM rollup_dimension WHERE tier = 2 AND bucket = {begun}"):
        world.folder._take(close_buckets)
    if what == "late events":
        world.log(1, some_visits(9, at=begun - world.now - 1))
        world.folder.fold_all()
    if what == "a restart":
        world.folder.close()
    if what in ("another leader", "a restart"):
        other = Folder(world.folder._settings, clock=lambda _connection: world.now * 1000)
        world.folder.turns.resign()
        other._take(close_buckets)
        other.close()
    if what == "a rollback":
        monkeypatch.setattr("picoevent.fold.cell_rows.CellForm.write", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            world.folder._take(close_buckets)
        monkeypatch.undo()
    world.folder.keep_up()

    ((closed,),) = rows(world, "SELECT closed_quarter FROM fold_state")
    assert closed > begun
    world.check(world.begin, world.begin + QUARTER_SECONDS)
    world.close()
