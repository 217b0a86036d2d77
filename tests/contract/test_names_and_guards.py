"""Two-byte numbers: one for each name, none burnt, a guard against runaway names, and a clear end at 65,535."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import text

from picoevent import EventLog, RejectReason, Settings
from picoevent.store import open_store
from picoevent.store.base import Purpose


@pytest.fixture
def sql(ready_url):
    """Run a statement, and return its rows."""
    store = open_store(ready_url, Settings(url=ready_url), Purpose.WRITE)

    def run(statement):
        with store.transaction() as connection:
            result = connection.execute(text(statement))
            return result.fetchall() if result.returns_rows else []

    yield run
    store.close()


def test_a_name_that_is_logged_again_uses_no_number(events, sql):
    for _ in range(5):
        events.log("login")
    events.log("logout")

    assert sql("SELECT event_type_id, name FROM event_type ORDER BY 1") == [(1, "login"), (2, "logout")]
    assert sql("SELECT next_id FROM id_counter WHERE name = 'event_type'") == [(3,)]


def test_clients_that_race_for_the_same_names_burn_no_number(ready_url, sql):
    names = [f"type-{n}" for n in range(40)]

    def log_all(_):
        with EventLog(ready_url, deadline_ms=10_000) as events:
            return [events.log(name) for name in names]

    with ThreadPoolExecutor(4) as pool:
        ids = [event_id for logged in pool.map(log_all, range(4)) for event_id in logged]

    assert None not in ids
    assert sql("SELECT COUNT(*), MAX(event_type_id) FROM event_type") == [(40, 40)]
    assert sql("SELECT COUNT(*) FROM event_log") == [(160,)]


def test_runaway_names_are_stopped_and_known_ones_go_on(ready_url):
    with EventLog(ready_url, max_auto_event_types=3, max_auto_sources=2) as events:
        logged = [events.log(f"type-{n}") for n in range(5)]
        sources = [events.log("type-0", source=f"source-{n}") for n in range(4)]

        assert [event_id is not None for event_id in logged] == [True, True, True, False, False]
        assert [event_id is not None for event_id in sources] == [True, False, False, False]
        assert events.log("type-2") is not None
        assert events.counters()["refused.too_many_event_types"] == 2
        assert events.counters()["refused.too_many_sources"] == 3


def test_at_65535_types_the_next_one_is_refused_by_name(ready_url, sql):
    with EventLog(ready_url, max_auto_event_types=65_535) as events:
        events.log("first")
        sql("UPDATE id_counter SET next_id = 65535 WHERE name = 'event_type'")

        assert events.log("last") is not None
        assert events.log("one too many") is None
        assert events.counters()[f"refused.{RejectReason.EVENT_TYPES_EXHAUSTED}"] == 1
        assert events.rejected_events()[0].detail == "all 65,535 event type ids are in use"


def test_a_declared_type_does_not_count_as_runaway(ready_url, sql):
    sql("INSERT INTO event_type (event_type_id, name, declared) VALUES (1, 'declared', 1)")
    sql("UPDATE id_counter SET next_id = 2 WHERE name = 'event_type'")

    with EventLog(ready_url, max_auto_event_types=0) as events:
        assert events.log("declared") is not None
        assert events.log("undeclared") is None


def test_a_blocked_type_and_a_blocked_source_are_refused(ready_url, sql):
    with EventLog(ready_url) as events:
        events.log("noise", source="loud")
    sql("UPDATE event_type SET status = 'blocked' WHERE name = 'noise'")

    with EventLog(ready_url) as events:
        assert events.log("noise") is None
        assert events.counters()["refused.event_type_blocked"] == 1
        sql("UPDATE source SET status = 'blocked' WHERE name = 'loud'")
        assert events.log("signal", source="loud") is None
        assert events.counters()["refused.source_blocked"] == 1


def test_the_text_of_a_user_is_stored_once(ready_url, sql):
    for _ in range(2):
        with EventLog(ready_url) as events:
            events.log_many({"event_type": "visit", "user_id": user} for user in ("ann", "bob", "ann", 5))

    assert sorted(row.user_key for row in sql("SELECT user_key FROM user_key")) == ["ann", "bob"]
    assert sql("SELECT COUNT(*) FROM event_log WHERE user_id = 5") == [(2,)]
    assert all(number & 1 << 62 for (number,) in sql("SELECT user_id FROM user_key"))


def test_of_two_texts_with_one_hash_the_second_is_refused_alone(ready_url, monkeypatch):
    monkeypatch.setattr("picoevent.write.user_keys.hash_user", lambda *_: 1 << 62)
    with EventLog(ready_url) as events:
        logged = events.log_many({"event_type": "visit", "user_id": user} for user in ("ann", None, "bob", "ann", 5))

        assert [event_id is not None for event_id in logged] == [True, True, False, True, True]
        assert events.counters()["refused.user_key_collision"] == 1
        assert events.log("visit", user_id="bob") is None


def test_the_numbers_of_users_depend_on_the_installation(events, tmp_path):
    first = events.log("visit", user_id="ann")
    with EventLog(f"sqlite:///{tmp_path / 'other.db'}") as other:
        second = other.log("visit", user_id="ann")
        stored = [_stored_user(log) for log in (events, other)]

    assert first != second
    assert stored[0] != stored[1]


def _stored_user(events):
    store = open_store(events.settings.url, events.settings, Purpose.READ)
    with store.reading() as connection:
        number = connection.execute(text("SELECT user_id FROM user_key")).scalar()
    store.close()
    return number
