"""The one rule: plain INSERT, and on a taken key look what is there; every event is stored once, none is swallowed."""

from __future__ import annotations

import itertools
import os
import random
import sys
from datetime import UTC, datetime
from subprocess import run
from unittest.mock import patch

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from picoevent import EventLog, NewEvent, Settings, StoreUnavailable
from picoevent.ids import IdMinter, id_unix_ms, make_id
from picoevent.store import open_store
from picoevent.store.base import DuplicateKey, Purpose
from picoevent.store.mysql_writing import MySQLTransaction
from picoevent.store.pending import unpack_batch
from picoevent.store.record import Record
from picoevent.store.writing import SqlTransaction
from picoevent.testing import FakeClock, FlakyStore
from picoevent.write.user_keys import UserKeys
from picoevent.write.writer import Writer

NOON = 1_772_366_400_000
UNUSED_MILLISECONDS = itertools.count(1)


@pytest.fixture
def store(ready_url):
    opened = open_store(ready_url, Settings(url=ready_url), Purpose.WRITE)
    yield opened
    opened.close()


def writer_on(store, seed=1):
    minter = IdMinter(clock_ms=FakeClock(NOON), rng=random.Random(seed))
    return Writer(store, UserKeys(b"key"), minter, deadline_ms=1000)


def records(count, *, first=0, payload=b'{"n":%d}'):
    """Events of one second, with ids that follow each other."""
    return [Record(make_id(NOON, 5, first + n), 1, 1, n, None, payload % n if b"%" in payload else payload)
            for n in range(count)]  # fmt: skip


def rows(store, statement):
    with store.transaction() as connection:
        return connection.execute(text(statement)).fetchall()


def stored_ids(store):
    return [row.event_id for row in rows(store, "SELECT event_id FROM event_log ORDER BY event_id")]


def pending_ids(store):
    packed = rows(store, "SELECT packed FROM pending")
    return sorted(event_id for row in packed for event_id in unpack_batch(row.packed).event_ids)


def assert_each_once(store, count):
    """Each event has one narrow row, one payload and one entry in `pending`."""
    ids = stored_ids(store)
    assert len(ids) == count
    assert pending_ids(store) == ids
    assert [row.event_id for row in rows(store, "SELECT event_id FROM event_data ORDER BY event_id")] == ids


@pytest.mark.parametrize("payload", [b'{"n":%d}', b'{"same":1}'], ids=["different events", "equal events"])
def test_two_writers_with_the_same_ids_both_store_every_event(store, payload):
    first, second = records(50, payload=payload), records(50, payload=payload)
    for record in second:
        record.user_number = None if payload == b'{"same":1}' else 1000

    written = writer_on(store, 1).write(first), writer_on(store, 2).write(second)

    assert_each_once(store, 100)
    assert len(set(written[0].event_ids + written[1].event_ids)) == 100


def test_an_equal_event_under_a_first_sent_id_is_another_event(store):
    writer_on(store, 1).write(records(3, payload=b"{}"))

    again = writer_on(store, 2).write(records(3, payload=b"{}"))

    assert_each_once(store, 6)
    assert len(again.inserted) == 3


def test_a_moved_event_keeps_its_millisecond(store):
    writer_on(store, 1).write(records(1))

    moved = writer_on(store, 2).write(records(1, payload=b'{"other":1}'))

    assert id_unix_ms(moved.event_ids[0]) == NOON


def test_a_repeated_batch_is_stored_once(store):
    writer = writer_on(store)
    first = writer.write(records(20))

    again = writer.write(records(20), repeated=True)

    assert again.event_ids == first.event_ids
    assert again.inserted == frozenset()
    assert_each_once(store, 20)


def test_of_a_partial_overlap_only_the_remainder_is_inserted_and_pending(store):
    writer = writer_on(store)
    writer.write(records(20))

    again = writer.write(records(35), repeated=True)

    assert len(again.inserted) == 15
    assert_each_once(store, 35)


def test_a_lost_reply_does_not_store_twice(store):
    flaky = FlakyStore(store)
    flaky.fail_after = 1

    written = writer_on(flaky).write(records(20))

    assert len(written.event_ids) == 20
    assert_each_once(store, 20)


def test_a_refused_connection_is_tried_again(store):
    flaky = FlakyStore(store)
    flaky.fail_before = 1

    writer_on(flaky).write(records(20))

    assert_each_once(store, 20)


def test_a_store_that_stays_away_is_said_to_be(store):
    flaky = FlakyStore(store)
    flaky.fail_before = 100

    with pytest.raises(StoreUnavailable):
        writer_on(flaky).write(records(20))


def test_equal_ids_within_one_batch_become_several(store):
    batch = records(5) + records(5, payload=b'{"other":1}')

    written = writer_on(store).write(batch)

    assert len(set(written.event_ids)) == 10
    assert_each_once(store, 10)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(slices=st.lists(st.tuples(st.integers(0, 30), st.integers(1, 30)), min_size=1, max_size=6))
def test_any_replays_of_any_slices_leave_each_event_once(store, slices):
    """Replays cut the same events into other batches; whatever the order, each event is stored once."""
    before = len(stored_ids(store))
    millisecond = NOON + next(UNUSED_MILLISECONDS)
    events = [Record(make_id(millisecond, 7, n), 1, 1, n, None, b'{"n":%d}' % n) for n in range(60)]
    writer = writer_on(store)

    for begin, length in slices:
        writer.write([msgspec.structs.replace(event) for event in events[begin : begin + length]], repeated=True)

    assert_each_once(store, before + len({n for begin, length in slices for n in range(begin, begin + length)}))


MINTS_THE_SAME_IDS = """
import random, sys
from unittest.mock import patch
from picoevent import EventLog
from picoevent.ids import IdMinter
from picoevent.testing import FakeClock

same = lambda: IdMinter(clock_ms=FakeClock(1_772_366_400_000), rng=random.Random(42))
with patch("picoevent.write.path.IdMinter", same), EventLog(sys.argv[1], deadline_ms=10_000) as events:
    ids = [events.log("tick", {"who": sys.argv[2]}) for _ in range(100)]
    ids += events.log_many({"event_type": "tock"} for _ in range(400))
print(*ids)
"""


def test_two_processes_that_mint_the_same_ids_store_every_event_of_both(ready_url):
    """The clock, the tag and every sequence are the same in both; half of the events are equal in content as well."""
    with EventLog(ready_url) as events:
        events.log_many([{"event_type": "tick"}, {"event_type": "tock"}])
        first, second = (
            run([sys.executable, "-c", MINTS_THE_SAME_IDS, ready_url, who], capture_output=True, text=True, check=True)
            for who in ("one", "two")
        )

        ids = first.stdout.split() + second.stdout.split()
        assert len(set(ids)) == 1000
        assert events.count() == 1002
        assert {event.data["who"] for event in events.iter_events(event_type="tick") if event.data} == {"one", "two"}


def test_two_processes_with_the_same_ids_at_the_same_time_store_every_event_of_both(ready_url):
    def same():
        return IdMinter(clock_ms=FakeClock(NOON), rng=random.Random(7))

    with patch("picoevent.write.path.IdMinter", same):
        child = os.fork()
        if child == 0:
            with EventLog(ready_url, deadline_ms=20_000) as events:
                stored = [events.log("tick", {"who": "child"}) for _ in range(150)]
            os._exit(0 if len(set(stored) - {None}) == 150 else 1)
        with EventLog(ready_url, deadline_ms=20_000) as events:
            stored = [events.log("tick", {"who": "parent"}) for _ in range(150)]
            _, status = os.waitpid(child, 0)

            assert status == 0
            assert len(set(stored) - {None}) == 150
            assert events.count() == 300


def test_an_import_that_another_one_overtakes_stores_each_event_once(ready_url, monkeypatch):
    """Both events have one id of their own hash: the first keeps it, the second moves on, and is found there again."""
    at = datetime(2015, 5, 18, 10, tzinfo=UTC)
    first, second = (NewEvent("a", {"n": n}, at=at) for n in (1494, 2295))
    with EventLog(ready_url, deadline_ms=10_000) as events, EventLog(ready_url, deadline_ms=10_000) as other:
        events.log("a")
        kind = MySQLTransaction if ready_url.startswith("mysql") else SqlTransaction
        plain_insert, overtaken = kind.insert, []

        def insert(transaction, records, new_users):
            if len(records) == 2 and not overtaken and records[0].event_id != records[1].event_id:
                transaction._connection.rollback()
                overtaken.append(other.import_batch([(second, 0)]))
                raise DuplicateKey("overtaken")
            plain_insert(transaction, records, new_users)

        monkeypatch.setattr(kind, "insert", insert)
        result = events.import_batch([(first, 0), (second, 0)])

        assert overtaken[0].stored == 1
        assert (result.stored, result.already) == (1, 1)
        assert sorted(event.data["n"] for event in events.iter_events(event_type="a") if event.data) == [1494, 2295]
