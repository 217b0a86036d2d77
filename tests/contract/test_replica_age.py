"""How old a replica's data is: right to the second whatever has stopped it, and no page fails because of it."""

from __future__ import annotations

import time
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest

from picoevent import EventLog, Settings, StoreUnavailable
from picoevent.read.replica import DataAge
from picoevent.testing.servers import wait_for_replica

DATABASE = "shop"


@pytest.fixture(scope="module")
def pair():
    """A primary and its replica, which these tests may stop; one pair for all of them, since starting takes seconds."""
    from picoevent.testing.servers import MariaDBServer

    with MariaDBServer(durable=False) as primary, MariaDBServer(replica_of=primary, durable=False) as replica:
        yield primary, replica


@pytest.fixture
def primary(pair):
    return pair[0].address


@pytest.fixture
def replica(pair):
    return pair[1].address


@pytest.fixture
def settings(pair, primary, replica, initialise):
    """Settings of an empty database on both, which follow each other again."""
    primary.drop_database(DATABASE)
    url = primary.create_database(DATABASE)
    initialise(url)
    wait_for_replica(primary, replica)
    yield Settings(url=url, replica_url=replica.url(DATABASE), cache_url="none://", deadline_ms=5000)
    with replica.cursor() as cursor:
        cursor.execute("STOP SLAVE")
        # What a test has broken on the replica alone is skipped.
        cursor.execute("SET GLOBAL gtid_slave_pos = %s", (position_of(primary),))
        cursor.execute("START SLAVE")


@pytest.fixture
def events(settings):
    with EventLog(settings) as events:
        yield events


def position_of(address):
    with address.cursor() as cursor:
        cursor.execute("SELECT @@gtid_binlog_pos")
        return cursor.fetchone()[0]


def beat(address, seconds_ago=0.0):
    """Write the heartbeat of a leader; return its time."""
    with address.cursor(DATABASE) as cursor:
        cursor.execute(
            "UPDATE fold_state SET leader = 'a', heartbeat_ms = UNIX_TIMESTAMP(NOW(3)) * 1000 - %s",
            (int(seconds_ago * 1000),),
        )
        cursor.execute("SELECT heartbeat_ms FROM fold_state")
        (heartbeat_ms,) = cursor.fetchone()
        cursor.connection.commit()
    return datetime.fromtimestamp(heartbeat_ms / 1000, UTC)


def tells(age, beaten):
    """Whether an age that was just measured is that of a heartbeat, to a second."""
    return age.as_of == beaten and abs((now() - beaten).total_seconds() - age.behind_seconds) < 1


@contextmanager
def stopped(replica):
    """A replica that applies nothing."""
    with replica.cursor() as cursor:
        cursor.execute("STOP SLAVE SQL_THREAD")
        yield
        cursor.execute("START SLAVE SQL_THREAD")


def now():
    return datetime.now(UTC)


def test_without_a_replica_the_data_is_of_now(ready_url):
    with EventLog(ready_url) as events:
        age = events.data_age(wait_seconds=1)

    assert now() - age.as_of < timedelta(seconds=1)
    assert (age.behind, age.place, age.replica_answers) == ("", "primary", None)


def test_a_replica_that_follows_is_as_old_as_the_last_heartbeat(events, primary, replica):
    beaten = beat(primary)
    wait_for_replica(primary, replica)

    age = events.data_age()

    assert tells(age, beaten)
    assert (age.place, age.replica_answers) == ("replica", True)


def test_a_replica_that_is_stopped_ages(events, primary, replica):
    beaten = beat(primary, seconds_ago=30)
    wait_for_replica(primary, replica)
    with stopped(replica):
        beat(primary)
        age = events.data_age()
        assert tells(age, beaten)

    assert age.behind_seconds >= 30
    assert age.behind == f"behind {round(age.behind_seconds)} s"


def test_where_nobody_folds_a_replica_that_has_everything_is_not_called_old(events, primary, replica):
    beat(primary, seconds_ago=3600)
    wait_for_replica(primary, replica)

    age = events.data_age()

    assert age.behind_seconds < 1
    assert now() - age.as_of < timedelta(seconds=2)


@pytest.mark.parametrize("code", [1032, 1062])
def test_a_replica_with_an_error_ages_and_pages_go_on(events, primary, replica, code):
    events.log("tick", {"n": 1})
    beaten = beat(primary, seconds_ago=20)
    wait_for_replica(primary, replica)
    break_replication(primary, replica, code)
    beat(primary)

    age = events.data_age()

    assert tells(age, beaten)
    assert [event.data for event in events.events().events] == [{"n": 1}]
    assert events.log("tick", {"n": 2}) is not None


def break_replication(primary, replica, code):
    """Have the replica meet a row that it lacks (1032), or has already (1062)."""
    with replica.cursor(DATABASE) as cursor:
        cursor.execute("SET sql_log_bin = 0")
        if code == 1032:
            cursor.execute("DELETE FROM event_type")
        else:
            cursor.execute("INSERT INTO goal (goal_id, name, event_type, filters) VALUES (1, 'a', 'a', '{}')")
        cursor.connection.commit()
    with primary.cursor(DATABASE) as cursor:
        if code == 1032:
            cursor.execute("UPDATE event_type SET description = 'x'")
        else:
            cursor.execute("INSERT INTO goal (goal_id, name, event_type, filters) VALUES (1, 'b', 'a', '{}')")
        cursor.connection.commit()
    with replica.cursor() as cursor:
        until(lambda: error_of(cursor) == code)


def error_of(cursor):
    cursor.execute("SHOW SLAVE STATUS")
    names = [column[0] for column in cursor.description]
    return dict(zip(names, cursor.fetchone(), strict=True))["Last_SQL_Errno"]


def until(condition):
    """Wait until the server has got there."""
    give_up = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < give_up
        time.sleep(0.01)


def test_a_machine_whose_clock_is_wrong_tells_the_same_age(settings, primary, replica):
    beaten = beat(primary, seconds_ago=30)
    wait_for_replica(primary, replica)
    with EventLog(settings) as events, stopped(replica):
        beat(primary)
        events._parts.replica._clock = lambda: time.time() + 3600

        assert tells(events.data_age(), beaten)


def test_where_the_primary_is_away_the_heartbeat_says_all(settings, primary, replica):
    beaten = beat(primary, seconds_ago=30)
    wait_for_replica(primary, replica)
    away = "mysql+pymysql://app@127.0.0.1:1/shop"

    with EventLog(settings.replaced(url=away)) as events:
        assert tells(events.data_age(), beaten)
        assert events.data_age(wait_seconds=1).behind.startswith("behind ")
        assert events.events().events == ()


def test_who_has_written_waits_until_the_replica_has_it(events, primary, replica):
    beat(primary)
    wait_for_replica(primary, replica)
    ids = [events.log("tick", {"n": n}) for n in range(20)]

    age = events.data_age(wait_seconds=1)

    assert age.behind == ""
    assert [event.event_id for event in events.events().events] == sorted(ids, reverse=True)


def test_who_has_written_waits_a_second_and_is_told_how_far_it_is_behind(events, primary, replica):
    beat(primary, seconds_ago=12)
    wait_for_replica(primary, replica)
    with stopped(replica):
        beat(primary)
        events.log("tick")
        begin = time.monotonic()
        age = events.data_age(wait_seconds=1)
        waited = time.monotonic() - begin

    assert 0.9 < waited < 3
    assert age.behind == f"behind {round(age.behind_seconds)} s"
    assert 12 <= age.behind_seconds < 20


def test_a_replica_that_is_too_far_behind_is_left_where_the_setting_allows_it(settings, primary, replica):
    beat(primary, seconds_ago=90)
    wait_for_replica(primary, replica)
    with EventLog(settings.replaced(replica_fallback=True)) as events, stopped(replica):
        beat(primary)
        event_id = events.log("tick")

        age = events.data_age()

        assert [event.event_id for event in events.events().events] == [event_id]
        assert (age.place, age.replica_answers) == ("primary", True)
        assert now() - age.as_of < timedelta(seconds=2)


class TestAReplicaThatIsKilled:
    """Reading says so, or goes to the primary; writing does not notice."""

    @pytest.fixture
    def killed(self, settings):
        return settings.replaced(replica_url="mysql+pymysql://app@127.0.0.1:1/shop")

    def test_its_age_is_not_known(self, killed):
        with EventLog(killed) as events:
            age = events.data_age()

        assert age == DataAge(None, None, "replica", replica_answers=False)

    def test_reading_says_so_unless_it_may_fall_back(self, killed):
        with EventLog(killed) as events, EventLog(killed.replaced(replica_fallback=True)) as falling_back:
            event_id = events.log("tick")

            with pytest.raises(StoreUnavailable):
                events.events()
            assert [event.event_id for event in falling_back.events().events] == [event_id]
            assert falling_back.data_age().place == "primary"

    def test_while_it_is_read(self, own_mariadb, primary, pair, settings):
        own = own_mariadb(replica_of=pair[0], durable=False)
        beat(primary, seconds_ago=10)
        wait_for_replica(primary, own.address)
        clock = Clock()
        with EventLog(settings.replaced(replica_url=own.url(DATABASE))) as events:
            events._parts.replica._clock = clock
            seen = events.data_age()
            own.kill()
            clock.ahead = 5

            age = events.data_age()

            assert events.log("tick") is not None
        assert (age.replica_answers, age.as_of) == (False, seen.as_of)
        assert abs(age.behind_seconds - seen.behind_seconds - 5) < 1

    def test_when_it_hangs_pages_come_from_the_primary_and_soon(self, own_mariadb, pair, settings):
        own = own_mariadb(replica_of=pair[0], durable=False)
        wait_for_replica(pair[0].address, own.address)
        with EventLog(settings.replaced(replica_url=own.url(DATABASE), replica_fallback=True)) as events:
            event_id = events.log("tick")
            events.events()
            events._parts.replica._measured = None
            own.pause()
            begin = time.monotonic()

            assert [event.event_id for event in events.events().events] == [event_id]
            assert time.monotonic() - begin < 8
            own.resume()


class Clock:
    """The machine's clock, and some seconds more."""

    ahead = 0.0

    def __call__(self):
        return time.time() + self.ahead
