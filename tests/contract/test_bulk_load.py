"""LOAD DATA against a real server: what went in is read back to the bit, or nothing of it is there."""

from __future__ import annotations

from itertools import count

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from picoevent import Settings
from picoevent.store import open_bulk_store, open_store
from picoevent.store.base import DuplicateKey, LoadForbidden, Purpose
from picoevent.store.mysql_bulk import INSERT_PENDING, LOAD_DATA, LOAD_EVENTS, FormattedBatch, framed
from picoevent.store.pending import unpack_batch

HOSTILE = [
    "",
    " ",
    "x ",
    "\0",
    "\x1a\x1b\x7f\x80\x9f",
    "\r\b\f\v",
    "\\",
    "\\\\N",
    "\\N",
    "\\t\\n\\0\\Z",
    "NULL",
    "'\"`;--/*",
    "\u0000\u00ff\u07ff\u0800\ufffd\uffff",
    "\ud7ff\ue000\ufeff\u2028\u202e",
    "\U00010000\U0001f600\U0010ffff",
    "\u20ac" * 3 + "\U0001d11e",
    "e\u0301",
    "{}",
]
ids = count(1)


@pytest.fixture
def tables(loading_url, initialise):
    """The URL of a server that allows loads, with the tables in place."""
    initialise(loading_url)
    return loading_url


@pytest.fixture
def loads(tables):
    """A bulk store on them."""
    store = open_bulk_store(tables, Settings(url=tables))
    yield store
    store.close()


@pytest.fixture
def ask(tables):
    """`ask("SELECT ...")` returns all rows."""
    store = open_store(tables, Settings(url=tables), Purpose.READ)

    def ask(question):
        with store.reading() as connection:
            return [tuple(row) for row in connection.execute(text(question))]

    yield ask
    store.close()


def load(store, rows, new_users=None):
    with store.loading() as transaction:
        transaction.load(store.format(rows), new_users or {})


def rows_of(*payloads, user=None):
    return [(next(ids), 1, 2, user, payload, place) for place, payload in enumerate(payloads)]


texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\t\n"), max_size=40)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@example(HOSTILE)
@given(st.lists(texts | st.sampled_from(HOSTILE), min_size=1, max_size=20))
def test_payloads_are_read_back_to_the_bit(loads, ask, payloads):
    rows = rows_of(*[payload.encode() for payload in payloads])

    load(loads, rows)

    begin, end = rows[0][0], rows[-1][0]
    found = ask(f"SELECT HEX(event_data) FROM event_data WHERE event_id BETWEEN {begin} AND {end} ORDER BY event_id")
    assert [bytes.fromhex(row[0]) for row in found] == [row[4] for row in rows]


@pytest.mark.parametrize("payload", [b"a\tb", b"a\nb", b"\n", b"\t", b"\xff", b"\xed\xa0\x80"])
def test_what_would_end_a_field_or_a_line_or_is_no_text_is_not_loaded_at_all(loads, payload):
    assert loads.format(rows_of(b"{}", payload)) is None


def test_narrow_rows_and_the_pending_row_are_those_of_an_ordinary_insert(loads, ask):
    users = [None, 0, 1, 2**62 - 1, 2**63 - 1]
    rows = [(2**63 - 9 + n, 65_535, 1, user, None, n) for n, user in enumerate(users)]

    load(loads, rows)

    narrow = [row[:4] for row in rows]
    assert ask("SELECT event_id, event_type_id, source_id, user_id FROM event_log ORDER BY event_id") == narrow
    [(events, packed)] = ask("SELECT events, packed FROM pending")
    batch = unpack_batch(packed)
    assert (events, batch.event_ids, batch.user_numbers) == (5, tuple(row[0] for row in rows), tuple(users))


def test_texts_of_users_go_in_with_their_first_events(loads, ask):
    load(loads, rows_of(b"{}", user=2**62 + 1), {2**62 + 1: "ann\t\\N'"})

    assert ask("SELECT user_id, user_key FROM user_key") == [(2**62 + 1, "ann\t\\N'")]


def test_payloads_of_many_packets_and_beyond_the_packet_limit_are_loaded(loads, ask):
    payloads = [b"x" * size for size in (65_534, 65_535, 65_536, 4_000_000, 20_000_000, 1)]

    load(loads, rows_of(*payloads))

    found = ask("SELECT LENGTH(event_data) FROM event_data ORDER BY event_id")
    assert [row[0] for row in found] == [len(payload) for payload in payloads]


@pytest.mark.parametrize(
    "spoil",
    [
        lambda row: (*row[:4], b"\xff", row[5]),
        lambda row: (*row[:4], b"\xf4\x90\x80\x80", row[5]),
        lambda row: (*row[:3], 2**64, *row[4:]),
        lambda row: (row[0], 65_536, *row[2:]),
        lambda row: (7, *row[1:]),
    ],
    ids=["no UTF-8", "beyond Unicode", "a user too large", "a type too large", "a key that is taken"],
)
@pytest.mark.parametrize("warnings_kept", [64, 0])
def test_one_row_that_the_server_would_bend_or_skip_keeps_the_whole_batch_out(loads, ask, spoil, warnings_kept):
    load(loads, [(7, 1, 2, None, b"{}", 0)])
    good = rows_of(*[b"{}"] * 10)
    rows = sorted([*good[:5], spoil((next(ids), 1, 2, None, b"{}", 5)), *good[6:]], key=lambda row: row[0])
    with loads.loading() as transaction:
        transaction._connection.exec_driver_sql(f"SET SESSION max_error_count = {warnings_kept}")

    with pytest.raises(DuplicateKey, match="LOAD DATA stored"), loads.loading() as transaction:
        transaction.load(_unchecked(rows), {})

    assert ask("SELECT COUNT(*) FROM event_log") == ask("SELECT COUNT(*) FROM pending") == [(1,)]


def _unchecked(rows):
    """Return rows as they would be sent if nothing looked at them before."""
    narrow = b"".join(b"%d\t%d\t%d\t%b\n" % (*row[:3], b"\\N" if row[3] is None else b"%d" % row[3]) for row in rows)
    wide = b"".join(b"%d\t%b\n" % (row[0], row[4]) for row in rows)
    loads = (framed(LOAD_EVENTS, len(rows), narrow), framed(LOAD_DATA, len(rows), wide))
    return FormattedBatch(loads, INSERT_PENDING % (len(rows), b"00"))


def test_a_server_that_forbids_loads_says_so_and_keeps_nothing(mysql_url, initialise):
    initialise(mysql_url)
    store = open_bulk_store(mysql_url, Settings(url=mysql_url))

    with pytest.raises(LoadForbidden, match="does not allow LOAD DATA LOCAL"):
        load(store, rows_of(b"{}"))

    store.close()


def test_sqlite_has_no_loads(sqlite_url):
    assert open_bulk_store(sqlite_url, Settings(url=sqlite_url)) is None
