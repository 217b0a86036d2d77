"""MySQL that is down, frozen, restarted or read-only: `log()` never hurts its host, and reading says what is wrong."""

from __future__ import annotations

import time

import pytest

from picoevent import EventLog, Rejected, Settings, StoreUnavailable
from picoevent.store import open_store
from picoevent.store.base import Purpose


@pytest.fixture
def server(own_mariadb):
    return own_mariadb(durable=False)


@pytest.fixture
def events(server):
    server.create_database("picoevent")
    url = server.url("picoevent")
    admin = open_store(url, Settings(url=url), Purpose.ADMIN)
    admin.init()
    admin.close()
    with EventLog(url, deadline_ms=300, cache_url="none://") as event_log:
        event_log.log("before")
        yield event_log


def cost_of(call):
    begin = time.perf_counter()
    result = call()
    return result, time.perf_counter() - begin


def test_a_server_that_was_never_there_costs_no_exception():
    with EventLog("mysql+pymysql://nobody@127.0.0.1:1/picoevent") as events:
        event_id, seconds = cost_of(lambda: events.log("tick"))

        assert event_id is not None
        assert seconds < 1
        assert events.counters()["spooled"] == 1
        with pytest.raises(
            StoreUnavailable, match=r"MySQL at 127.0.0.1:1 does not answer .* See runbooks/mysql-away.md"
        ):
            events.events()


def test_a_frozen_server_holds_a_call_no_longer_than_its_deadline(server, events):
    server.pause()
    event_id, seconds = cost_of(lambda: events.log("tick"))
    server.resume()

    assert event_id is not None
    assert seconds < 0.3 + 0.05
    assert events.drain_spool(timeout=20).left == 0
    assert [event.event_id for event in events.events(event_type="tick").events] == [event_id]


def test_a_frozen_server_holds_a_long_list_no_longer_than_one_call(server, events):
    server.pause()
    ids, seconds = cost_of(lambda: events.log_many({"event_type": "tick"} for _ in range(5000)))
    server.resume()

    assert len(set(ids) - {None}) == 5000
    assert seconds < 0.3 + 0.5
    assert events.drain_spool(timeout=20).left == 0
    assert events.count(event_type="tick") == 5000


def test_after_a_restart_the_same_event_log_goes_on(server, events):
    server.kill()
    meanwhile = events.log("meanwhile")
    server.start()

    assert meanwhile is not None
    assert [events.log("after") is not None for _ in range(3)] == [True] * 3
    assert events.drain_spool(timeout=20).left == 0
    assert [event.event_type for event in events.iter_events()] == ["before", "meanwhile", "after", "after", "after"]


def test_a_page_after_a_restart_shows_no_error_of_the_old_connection(server, events):
    assert len(events.events().events) == 1

    server.stop()
    server.start()

    assert len(events.events().events) == 1


def test_connections_that_the_server_has_closed_are_replaced_without_a_loss(server, events):
    with server.address.cursor() as cursor:
        cursor.execute("SELECT id FROM information_schema.processlist WHERE db = 'picoevent'")
        for (connection,) in cursor.fetchall():
            cursor.execute(f"KILL {connection}")

    assert events.log("after") is not None
    assert events.drain_spool(timeout=20).left == 0
    assert events.counters()["stored"] == 2


def test_a_read_only_server_is_named_as_such(server, events):
    with server.address.cursor() as cursor:
        cursor.execute("CREATE USER app@'%' IDENTIFIED BY 'x'")
        cursor.execute("GRANT SELECT, INSERT, UPDATE ON picoevent.* TO app@'%'")
        cursor.execute("SET GLOBAL read_only = 1")
    url = f"mysql+pymysql://app:x@127.0.0.1:{server.port}/picoevent"

    with EventLog(url, strict=True, spool_max_mb=0) as app, pytest.raises(Rejected, match="read-only"):
        app.log("tick")


def test_too_many_connections_and_a_wrong_password_are_named(server, events):
    wrong = server.url("picoevent").replace("picoevent:", "picoevent:wrong", 1)
    with EventLog(wrong) as denied, pytest.raises(StoreUnavailable, match="denies picoevent access"):
        denied.events()


def test_a_dead_replica_is_an_error_or_the_primary_as_the_setting_says(server, events):
    dead = {"replica_url": "mysql+pymysql://nobody@127.0.0.1:1/picoevent", "cache_url": "none://"}

    with EventLog(events.settings.replaced(**dead)) as strict, pytest.raises(StoreUnavailable):
        strict.events()
    with EventLog(events.settings.replaced(**dead, replica_fallback=True)) as falling_back:
        event_id = falling_back.log("tick")
        assert falling_back.get(event_id).event_type == "tick"
        assert len(falling_back.events().events) == 2
