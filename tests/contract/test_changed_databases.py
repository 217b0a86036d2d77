"""A database that is restored, made anew, or another one than before, under a process that goes on logging."""

from __future__ import annotations

import pytest

from picoevent import EventLog


@pytest.fixture
def make_anew(mariadb, mysql_url, initialise):
    """`make_anew()` drops the database and makes an empty one of its name; with `init=False` without a schema."""

    def make_anew(*, init=True):
        name = mysql_url.rpartition("/")[2].partition("?")[0]
        mariadb.drop_database(name)
        mariadb.create_database(name)
        if init:
            initialise(mysql_url)

    return make_anew


def test_a_schema_that_vanishes_for_a_while_costs_no_event(mysql_url, initialise, make_anew):
    initialise(mysql_url)
    with EventLog(mysql_url) as events:
        events.log("before")
        make_anew(init=False)
        meanwhile = [events.log("meanwhile", {"n": n}) for n in range(3)]
        initialise(mysql_url)

        assert None not in meanwhile
        assert events.drain_spool(timeout=20).left == 0
        assert sorted(event.data["n"] for event in events.iter_events()) == [0, 1, 2]


def test_names_and_users_are_those_of_the_new_database_after_a_failure(mysql_url, initialise, make_anew):
    initialise(mysql_url)
    with EventLog(mysql_url) as events:
        events.log("invoice.paid", user_id="ann")
        make_anew(init=False)
        events.log("invoice.paid", user_id="ann")
        initialise(mysql_url)
        with EventLog(mysql_url) as other:
            other.log("cart.emptied", user_id="bob")
        assert events.drain_spool(timeout=20).left == 0

        with EventLog(mysql_url) as reader:
            found = {(event.event_type, event.user_id) for event in reader.iter_events()}
        assert found == {("invoice.paid", "ann"), ("cart.emptied", "bob")}


def test_the_spool_of_one_database_is_closed_to_another(tmp_path, mysql_url):
    shared = str(tmp_path / "spool")
    with EventLog("mysql://app@127.0.0.1:1/shop", spool_dir=shared) as shop:
        assert shop.log("order.paid") is not None
    with EventLog("mysql://app@127.0.0.1:1/blog", spool_dir=shared) as blog:
        assert blog.log("post.read") is None
        assert blog.counters()["refused.spool_unavailable"] == 1
        assert blog.counters()["adopted"] == 0


def test_the_spool_of_a_database_that_moved_to_another_server_is_drained(tmp_path, mysql_url, initialise):
    shared, name = str(tmp_path / "spool"), mysql_url.rpartition("/")[2].partition("?")[0]
    initialise(mysql_url)
    with EventLog(f"mysql://app@127.0.0.1:1/{name}", spool_dir=shared) as before:
        before.log("order.paid")

    with EventLog(mysql_url, spool_dir=shared) as after:
        assert after.drain_spool(timeout=20).stored == 1


def test_a_missing_schema_at_the_start_refuses_events(mysql_url):
    with EventLog(mysql_url) as events:
        assert events.log("tick") is None
        assert events.counters()["refused.store_not_ready"] == 1


def test_a_name_that_finds_no_room_asks_nothing_for_the_next_ones(ready_url):
    with EventLog(ready_url, max_auto_event_types=2) as events:
        assert events.log_many([{"event_type": "a"}, {"event_type": "b"}]) != [None, None]
        asked = []
        events._parts.store.find_name = lambda _kind, name: asked.append(name)

        ids = events.log_many([{"event_type": f"new {n}"} for n in range(50)] + [{"event_type": "a"}])

        assert ids[:50] == [None] * 50
        assert ids[50] is not None
        assert asked == ["new 0"]
