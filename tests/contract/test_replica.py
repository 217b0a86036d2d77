"""Reading from a replica: pages come from there, a fresh event from the cache, nothing is written to it."""

from __future__ import annotations

import pytest

from picoevent import EventLog, EventNotFound, NewEvent


@pytest.fixture
def ready_mysql(mysql_url, initialise):
    initialise(mysql_url)
    return mysql_url


def test_pages_are_read_from_the_replica(ready_mysql, replica_url_of, catch_up):
    with EventLog(ready_mysql, replica_url=replica_url_of(ready_mysql), cache_url="none://") as events:
        events.log_many(NewEvent("tick", {"n": n}, user_id="ann") for n in range(10))
        catch_up()

        page = events.events(user_id="ann")

        assert [event.data["n"] for event in page.events] == list(range(9, -1, -1))


def test_a_fresh_event_is_found_although_the_replica_does_not_have_it(
    ready_mysql, replica_url_of, mariadb_replica, catch_up
):
    with EventLog(ready_mysql, replica_url=replica_url_of(ready_mysql)) as events:
        with mariadb_replica.cursor() as cursor:
            cursor.execute("STOP SLAVE SQL_THREAD")
        event_id = events.log("order.paid", {"amount": 42})

        fresh = events.get(event_id)
        with EventLog(events.settings.replaced(cache_url="none://")) as cold, pytest.raises(EventNotFound):
            cold.get(event_id)
        with EventLog(events.settings.replaced(cache_url="none://", replica_fallback=True)) as falling_back:
            assert falling_back.get(event_id) == fresh
        with mariadb_replica.cursor() as cursor:
            cursor.execute("START SLAVE SQL_THREAD")
        catch_up()

        assert fresh.data == {"amount": 42}
        assert events.events().events[0] == fresh
