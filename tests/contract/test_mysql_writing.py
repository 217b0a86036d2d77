"""The inserts of a batch on MySQL, as arrays and as text: what comes back is what was sent; an error leaves nothing."""

from __future__ import annotations

import itertools
import threading
from urllib.parse import urlsplit

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pymysql import OperationalError

from picoevent import EventLog, Rejected, RejectReason, Settings, StoreUnavailable
from picoevent.errors import StoreCorrupt
from picoevent.ids import make_id
from picoevent.store import mysql_pipeline, mysql_writing, open_store
from picoevent.store.base import DuplicateKey, Purpose
from picoevent.store.mysql_arrays import array_commands
from picoevent.store.mysql_pipeline import send
from picoevent.store.pending import unpack_batch
from picoevent.store.record import Record

NOON = 1_772_366_400_000
NUMBERS = itertools.count()
NARROW = "SELECT event_id, event_type_id, source_id, user_id FROM event_log ORDER BY event_id"
PAYLOADS = "SELECT event_id, CAST(event_data AS BINARY) FROM event_data ORDER BY event_id"

SIGNS = st.sampled_from("'\"\\\0\x08\x1a\n\r\t;%_?#`-\u2028\ufeff\U0001f600aé ") | st.characters(
    exclude_categories=["Cs"]
)
"""What ends or escapes a text somewhere, and everything else."""


@pytest.fixture(params=["arrays", "text"])
def form(request, monkeypatch):
    """Each test runs with both forms; text is what a MySQL, or a proxy that hides the arrays, is sent."""
    if request.param == "text":
        monkeypatch.setattr(mysql_pipeline, "offers_arrays", lambda _greeting: False)
    return request.param


@pytest.fixture
def store(mysql_url, initialise, form):
    """The store of an empty database, for one of the forms."""
    initialise(mysql_url)
    opened = open_store(mysql_url, Settings(url=mysql_url), Purpose.WRITE)
    yield opened
    opened.close()


@pytest.fixture
def rows(mysql_url, mariadb):
    """`rows(statement)`: what another connection sees."""

    def rows(statement):
        with mariadb.cursor(urlsplit(mysql_url).path[1:]) as cursor:
            cursor.execute(statement)
            return cursor.fetchall()

    return rows


def record(payload=b"{}", *, user=None, number=None):
    number = next(NUMBERS) if number is None else number
    return Record(make_id(NOON + number // 2000, 5, number % 2000), 1 + number % 65_535, 65_535, user, None, payload)


def insert(store, records, new_users=None):
    """Insert in a transaction of its own; return the connection that was used."""
    with store.writing() as transaction:
        transaction.insert(records, new_users or {})
        return transaction._connection


def test_arrays_are_sent_where_the_server_takes_them(store, form):
    connection = insert(store, [record()])

    assert connection.takes_arrays is (form == "arrays")
    assert bool(connection.prepared) is (form == "arrays")


@settings(max_examples=8, suppress_health_check=list(HealthCheck), deadline=None)
@given(texts=st.lists(st.text(SIGNS, max_size=20), min_size=60, max_size=60))
def test_hostile_texts_come_back_bit_equal(store, rows, texts):
    records = [record(text.encode(), user=2**62 + next(NUMBERS)) for text in texts]
    users = {event.user_number: text for event, text in zip(records, texts, strict=True)}

    insert(store, records, users)

    stored, named = dict(rows(PAYLOADS)), dict(rows("SELECT user_id, CAST(user_key AS BINARY) FROM user_key"))
    assert [stored[event.event_id] for event in records] == [text.encode() for text in texts]
    assert {number: named[number].decode() for number in users} == users


def test_payloads_at_the_borders_of_lengths_come_back_bit_equal(store, rows):
    sizes = [0, 1, 250, 251, 252, 65_535, 65_536, 1_000_000]
    records = [record(b"'" * size) for size in sizes]

    insert(store, records)

    assert rows(PAYLOADS) == tuple((event.event_id, event.payload) for event in records)


@pytest.mark.parametrize("count", [1, 2, 1000])
def test_narrow_rows_and_their_pending_row_are_what_was_sent(store, rows, count):
    users = itertools.cycle([None, 0, 7, 2**62 - 1, 2**62, 2**63 - 1])
    records = [record(None if n % 3 else b"{}", user=next(users)) for n in range(count)]

    insert(store, records)

    sent = tuple((event.event_id, event.event_type_id, event.source_id, event.user_number) for event in records)
    [(events, packed)] = rows("SELECT events, packed FROM pending")
    pending = unpack_batch(packed)
    assert rows(NARROW) == sent
    assert events == count
    columns = (pending.event_ids, pending.event_type_ids, pending.source_ids, pending.user_numbers)
    assert tuple(zip(*columns, strict=True)) == sent
    assert [row[0] for row in rows(PAYLOADS)] == [event.event_id for event in records if event.payload]


@pytest.mark.parametrize("place", [0, -1], ids=["the first row", "the last row"])
def test_a_taken_key_anywhere_is_a_duplicate_and_nothing_is_stored(store, rows, place):
    taken = record()
    first = insert(store, [taken])
    batch = [record(user=2**62 + n) for n in range(50)]
    batch[place] = taken

    with pytest.raises(DuplicateKey):
        insert(store, batch, {2**62 + 1: "ann"})

    assert insert(store, [record()]) is first
    counts = [rows(f"SELECT COUNT(*) FROM {table}")[0][0] for table in ("event_log", "event_data", "pending")]
    assert counts == [2, 2, 2]
    assert rows("SELECT * FROM user_key") == ()


def test_a_user_whose_text_is_known_already_is_a_duplicate(store, rows):
    insert(store, [record(user=2**62)], {2**62: "ann"})

    with pytest.raises(DuplicateKey):
        insert(store, [record(user=2**62)], {2**62: "bob"})

    assert rows("SELECT * FROM user_key") == ((2**62, "ann"),)
    assert len(rows(NARROW)) == 1


@pytest.mark.parametrize(
    ("payload", "user"), [(b"{}", "x" * 256), (b'{"a":"\xff"}', "ann")], ids=["a text too long", "bytes not UTF-8"]
)
def test_a_value_that_does_not_fit_is_an_error_and_never_cut(store, rows, payload, user):
    with pytest.raises(StoreCorrupt, match="refused a row"):
        insert(store, [record(), record(payload, user=2**62)], {2**62: user})

    assert rows(NARROW) == rows("SELECT * FROM pending") == ()


def test_a_batch_of_more_than_a_packet_is_cut(own_mariadb, initialise, form):
    url = own_mariadb(durable=False, options=("--max-allowed-packet=64K",)).create_database("small")
    initialise(url)
    store = open_store(url, Settings(url=url), Purpose.WRITE)
    records = [record(b"x" * 500, user=2**62 + n) for n in range(1000)]

    insert(store, records, {event.user_number: "ann" * 80 for event in records})
    with pytest.raises(Rejected, match="max_allowed_packet") as refused:
        insert(store, [record(), record(b"x" * 65_000)])

    assert refused.value.reason is RejectReason.DATA_TOO_LARGE
    with store.writing() as transaction:
        assert len(transaction.find_events([event.event_id for event in records])) == 1000
    store.close()


def test_a_payload_of_more_than_a_frame_is_refused(store, rows):
    with pytest.raises(Rejected, match="16,7"):
        insert(store, [record(), record(b"x" * 17_000_000)])

    assert rows(NARROW) == ()


@pytest.mark.parametrize("change", ["sql_mode = ''", "autocommit = 1"])
def test_a_session_that_was_changed_is_noticed_and_left(store, rows, change):
    first = insert(store, [record()])
    with first.cursor() as cursor:
        cursor.execute(f"SET SESSION {change}")

    with pytest.raises(StoreUnavailable, match="session of the write path was changed"):
        insert(store, [record(b"'")])

    assert insert(store, [record(b"'")]) is not first
    assert len(rows(NARROW)) == 2


def test_a_connection_that_breaks_between_two_answers_is_left(store, rows, mysql_url, mariadb):
    """The first insert has answered; the second waits for a row that somebody else holds."""
    event, database = record(), urlsplit(mysql_url).path[1:]
    first = insert(store, [record()])

    def kill_once_it_waits():
        waits = "SELECT 1 FROM information_schema.innodb_trx WHERE trx_state = 'LOCK WAIT' AND trx_mysql_thread_id = %s"
        with mariadb.cursor() as cursor:
            any(cursor.execute(waits, (first.thread_id(),)) for _ in range(10_000))
            cursor.execute(f"KILL {first.thread_id()}")

    killer = threading.Thread(target=kill_once_it_waits)
    with mariadb.cursor(database) as cursor:
        cursor.execute("BEGIN")
        cursor.execute("INSERT INTO event_data VALUES (%s, '')", (event.event_id,))
        killer.start()
        with pytest.raises(StoreUnavailable):
            insert(store, [event])
        killer.join()

    assert insert(store, [event]) is not first
    assert len(rows(NARROW)) == len(rows(PAYLOADS)) == 2


NEW_PARTITION = (
    "ALTER TABLE event_log REORGANIZE PARTITION future INTO "
    "(PARTITION later VALUES LESS THAN (9000000000000000000), PARTITION future VALUES LESS THAN MAXVALUE)"
)


@pytest.mark.parametrize(
    "change",
    [
        NEW_PARTITION,
        "ALTER TABLE event_data ADD COLUMN codec SMALLINT NULL",
        "ALTER TABLE pending ADD COLUMN made_ms BIGINT NULL",
        "FLUSH TABLES",
    ],
)
def test_a_table_that_was_changed_takes_the_next_batch_on_the_same_connection(store, rows, change):
    records = [record(b"x" * 300, user=n) for n in range(20)]
    first = insert(store, records[:10])
    rows(change)

    assert insert(store, records[10:]) is first

    assert rows("SELECT event_id, event_data FROM event_data ORDER BY event_id") == tuple(
        (event.event_id, "x" * 300) for event in records
    )
    assert len(rows(NARROW)) == 20
    assert rows("SELECT events FROM pending") == ((10,), (10,))


@pytest.mark.parametrize("form", ["arrays"], indirect=True)
def test_a_row_that_is_missing_is_an_error(store, rows):
    def send_with_a_wrong_count():
        with store.writing() as transaction:
            [command, *others] = array_commands(transaction._connection, [record()], {}, 10_000)
            send(transaction._connection, [command._replace(rows=2), *others])

    with pytest.raises(StoreUnavailable, match="inserted 1 of 2 rows"):
        send_with_a_wrong_count()

    assert rows(NARROW) == ()


@pytest.mark.parametrize("form", ["arrays"], indirect=True)
def test_a_proxy_that_forgets_prepared_statements_is_sent_texts(store, rows):
    connection = insert(store, [record()])
    connection.prepared = {statement: number + 1000 for statement, number in connection.prepared.items()}

    with pytest.raises(StoreUnavailable, match="1243"):
        insert(store, [record()])
    again = insert(store, [record()])

    assert again is connection
    assert not again.takes_arrays
    assert len(rows(NARROW)) == 2


def test_a_server_that_prepares_no_statement_is_sent_texts(own_mariadb, initialise):
    url = own_mariadb(durable=False, options=("--max-prepared-stmt-count=0",)).create_database("full")
    initialise(url)

    with EventLog(url) as events:
        event_id = events.log("tick", {"n": 1})

        assert events.get(event_id).data == {"n": 1}
        assert events.counters()["stored"] == 1
        assert events.counters()["spooled"] == 0


def test_a_connection_that_was_interrupted_between_two_answers_is_not_used_again(store, rows, monkeypatch):
    """A signal handler that raises there leaves answers unread; the next transaction must not take them for its own."""
    before = insert(store, [record()])
    read = mysql_pipeline._read_inserted

    def interrupted(connection, command):
        read(connection, command)
        raise TimeoutError

    monkeypatch.setattr(mysql_pipeline, "_read_inserted", interrupted)
    with pytest.raises(TimeoutError):
        insert(store, [record()])
    monkeypatch.setattr(mysql_pipeline, "_read_inserted", read)

    assert insert(store, [record()]) is not before
    assert len(rows(NARROW)) == 2


def test_a_server_that_became_read_only_is_left(store, monkeypatch):
    """After a failover the former primary may live on; what looks for the new one is a new connection."""
    before = insert(store, [record()])

    def refused(_connection, _commands):
        raise OperationalError(1290, "running with --read-only")

    with monkeypatch.context() as patched:
        patched.setattr(mysql_writing, "send", refused)
        with pytest.raises(StoreUnavailable):
            insert(store, [record()])

    assert insert(store, [record()]) is not before
