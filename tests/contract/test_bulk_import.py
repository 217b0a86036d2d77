"""Imports by LOAD DATA: each event once, whatever is there already, and whatever happens to server and connection."""

from __future__ import annotations

import logging
import os
import select
import socket
import sys
import threading
import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from picoevent import EventLog, NewEvent, Settings, StoreUnavailable
from picoevent.importing.occurrences import OccurrenceCounter
from picoevent.store import open_bulk_store
from picoevent.store.mysql_bulk import LoadTransaction

AT = datetime(2015, 5, 18, 10, tzinfo=UTC)


@pytest.fixture
def events(loading_url, initialise):
    """An event log on a server that allows loads."""
    initialise(loading_url)
    with EventLog(loading_url, deadline_ms=20_000) as event_log:
        yield event_log


@pytest.fixture
def loaded(monkeypatch):
    """The sizes of the batches that were loaded to their end."""
    sizes = []
    plain_load = LoadTransaction.load

    def load(transaction, formatted, new_users):
        plain_load(transaction, formatted, new_users)
        sizes.append(formatted.loads[0].rows)

    monkeypatch.setattr(LoadTransaction, "load", load)
    return sizes


def numbered(*numbers, **fields):
    return [NewEvent("a", {"n": n}, at=AT + timedelta(seconds=n), **fields) for n in numbers]


def import_all(events, *batches):
    with events.open_import() as bulk:
        counter = OccurrenceCounter()
        results = [bulk.submit(batch, counter.count) for batch in batches]
    return [result.result() for result in results]


def pending_events(events):
    with events._parts.reading_store.reading() as connection:
        return connection.execute(text("SELECT SUM(events) FROM pending")).scalar()


def stored_numbers(events):
    return sorted(event.data["n"] for event in events.iter_events())


def test_batches_are_loaded(events, loaded):
    results = import_all(events, numbered(*range(10)), numbered(*range(10, 30)))

    assert ([result.stored for result in results], loaded) == ([10, 20], [10, 20])
    assert stored_numbers(events) == list(range(30))
    assert events.counters()["stored"] == 30


def test_what_is_there_in_part_is_completed_by_the_one_rule(events, loaded):
    import_all(events, numbered(*range(5)))

    [result] = import_all(events, numbered(*range(8)))

    assert (result.stored, result.already, loaded) == (3, 5, [5])
    assert stored_numbers(events) == list(range(8))
    assert pending_events(events) == 8


def test_behind_a_batch_that_was_there_loads_begin_again_where_new_events_do(events, loaded):
    import_all(events, numbered(*range(4)))
    with events.open_import() as bulk:
        for numbers in ([0, 1], [2, 3], [4, 5], [6, 7], [8, 9]):
            bulk.submit(numbered(*numbers), OccurrenceCounter().count).result()

    assert loaded == [4, 2, 2]
    assert stored_numbers(events) == list(range(10))


def test_different_events_that_meet_in_one_id_are_both_stored(events, loaded):
    pair = [NewEvent("a", {"n": n}, at=AT) for n in (1494, 2295)]

    first, second = import_all(events, pair), import_all(events, pair)

    assert [(result.stored, result.already) for result in first + second] == [(2, 0), (0, 2)]
    assert loaded == []


def test_equal_events_of_many_batches_are_all_stored_and_never_twice(events):
    batch = [NewEvent("a", {"n": 1}, user_id="ann", at=AT)] * 3_000

    first, second = import_all(events, batch, batch), import_all(events, batch, batch)

    assert [(result.stored, result.already) for result in first + second] == [(3_000, 0)] * 2 + [(0, 3_000)] * 2
    assert pending_events(events) == 6_000


def test_hostile_texts_come_back_as_they_went_in(events, loaded):
    data = [{"t\t\n": text} for text in ("\t", "\n", "\0", "\\N", "\\", "'\"", "\x1a", "\U0001f600\uffff\x7f")]
    users = [f"{number}\t\n\\N'" for number in range(len(data))]
    batch = [NewEvent("a\t\n", d, user, "s\\N", AT) for d, user in zip(data, users, strict=True)]

    import_all(events, batch)

    found = [(event.event_type, event.source, event.user_id, event.data) for event in events.iter_events()]
    assert sorted(found, key=str) == sorted(
        [("a\t\n", "s\\N", *pair) for pair in zip(users, data, strict=True)], key=str
    )
    assert loaded == [len(data)]


def test_a_key_in_an_open_transaction_is_waited_for(events, loaded):
    import_all(events, numbered(0))
    [event] = events.iter_events()
    with events._parts.store.transaction() as connection:
        connection.execute(text("DELETE FROM event_log"))
        importing = threading.Thread(target=import_all, args=(events, numbered(0)))
        importing.start()
        importing.join(0.3)
        waits = importing.is_alive()
        connection.rollback()
    importing.join()

    assert (waits, events.count(), loaded) == (True, 1, [1])
    assert events.get(event.event_id) == event


def test_a_server_that_forbids_loads_is_asked_once_and_noted_once(ready_url, caplog):
    caplog.set_level(logging.INFO, "picoevent")
    with EventLog(ready_url, deadline_ms=20_000) as events, events.open_import() as bulk:
        for number in range(3):
            assert bulk.submit(numbered(number), OccurrenceCounter().count).result().stored == 1
        note = bulk.note

    said = [record for record in caplog.records if "LOAD DATA" in record.message]
    forbids = ready_url.startswith("mysql")
    assert ("LOAD DATA LOCAL" in note, len(said)) == (forbids, int(forbids))


def test_no_connection_of_ours_gives_a_file_away(events):
    loads = open_bulk_store(events.settings.url, events.settings)
    with loads.loading() as bulk, events._parts.store.transaction() as ordinary:
        drivers = [connection.connection.driver_connection for connection in (bulk._connection, ordinary)]

        assert [driver._local_infile for driver in drivers] == [False, False]
        assert [bool(driver.client_flag & 128) for driver in drivers] == [True, False]
    loads.close()


class Relay(threading.Thread):
    """Hands bytes on between a client and a server, and lets a test change what the server says."""

    def __init__(self, port, change):
        super().__init__(daemon=True)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.said_by_client = []
        self._port = port
        self.change = change

    def run(self):
        with suppress(OSError):
            while True:
                client, _ = self.listener.accept()
                server = socket.create_connection(("127.0.0.1", self._port))
                threading.Thread(target=self._hand_on, args=(client, server), daemon=True).start()

    def _hand_on(self, client, server):
        with suppress(OSError), client, server:
            while True:
                readable, _, _ = select.select([client, server], [], [])
                for end in readable:
                    said = end.recv(1 << 16)
                    if not said:
                        return
                    if end is client:
                        self.said_by_client.append(said)
                        server.sendall(said)
                    else:
                        client.sendall(self.change(said))


@pytest.fixture
def relay_to(loading_mariadb):
    """`relay_to(url, change)` returns the URL of the same database behind a `Relay`, and the relay."""
    relays = []

    def relay_to(url, change):
        relay = Relay(loading_mariadb.port, change)
        relay.start()
        relays.append(relay)
        port = relay.listener.getsockname()[1]
        return url.replace(f":{loading_mariadb.port}/", f":{port}/"), relay

    yield relay_to
    for relay in relays:
        relay.listener.close()


@pytest.mark.parametrize("wanted", [b"/etc/./././host", b"picoevent-batcH"])
def test_a_server_that_asks_for_another_file_gets_nothing(events, relay_to, wanted):
    url, relay = relay_to(events.settings.url, lambda said: said.replace(b"\xfbpicoevent-batch", b"\xfb" + wanted))

    with EventLog(url, deadline_ms=20_000) as behind, behind.open_import() as bulk:
        result = bulk.submit(numbered(1), OccurrenceCounter().count).result()
        note = bulk.note

    assert (result.stored, note) == (1, "The server asked for a file that was not offered; nothing was sent.")
    loads = b"".join(relay.said_by_client).count(b"LOAD DATA LOCAL")
    assert loads == 1
    assert pending_events(events) == 1


def test_a_server_that_asks_for_a_file_out_of_the_blue_gets_nothing(events, relay_to, tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("nobody may see this")
    url, relay = relay_to(events.settings.url, lambda said: said)
    relay.change = asker = Asker(relay, b"\xfb" + os.fsencode(secret))

    with EventLog(url, deadline_ms=20_000) as behind:
        [result] = import_all(behind, numbered(*range(5)))

    assert asker.asked
    assert b"nobody" not in b"".join(relay.said_by_client)
    assert result.stored + result.already == 5
    assert stored_numbers(events) == list(range(5))
    assert pending_events(events) == 5


class Asker:
    """Asks for a file instead of answering the first COMMIT behind a load."""

    def __init__(self, relay, request):
        self.asked = False
        self._loading = False
        self._relay = relay
        self._packet = len(request).to_bytes(3, "little") + b"\x01" + request

    def __call__(self, said):
        self._loading = self._loading or b"\xfbpicoevent-batch" in said
        if self.asked or not self._loading or b"COMMIT" not in self._relay.said_by_client[-1]:
            return said
        self.asked = True
        return self._packet


@pytest.mark.parametrize("replies", range(1, 12))
def test_whichever_reply_is_lost_each_event_is_stored_once(events, relay_to, replies):
    cut = Cut(replies)
    url, _ = relay_to(events.settings.url, cut)

    with EventLog(url, deadline_ms=20_000) as behind:
        results = import_all(behind, numbered(*range(500)), numbered(*range(500, 1_000)))

    assert sum(result.stored + result.already for result in results) == 1_000
    assert stored_numbers(events) == list(range(1_000))
    assert pending_events(events) == 1_000


class Cut:
    """Breaks the connection instead of handing on the n-th reply behind the first request for rows."""

    def __init__(self, replies):
        self._left = replies
        self._loading = False

    def __call__(self, said):
        self._loading = self._loading or b"\xfbpicoevent-batch" in said
        if self._loading:
            self._left -= 1
            if not self._left:
                raise OSError
        return said


def test_an_import_that_is_given_up_on_a_frozen_server_ends_at_once(own_mariadb, initialise):
    server = own_mariadb(durable=False, local_infile=True)
    url = server.create_database("app")
    initialise(url)
    with EventLog(url, deadline_ms=1_000) as events:
        began = give_up_while_frozen(events, server)

        assert time.monotonic() - began < 5


def give_up_while_frozen(events, server):
    """Return when an import was interrupted that waits for a server."""
    with suppress(KeyboardInterrupt), events.open_import() as bulk:
        bulk.submit(numbered(0), OccurrenceCounter().count).result()
        server.pause()
        bulk.submit(numbered(1), OccurrenceCounter().count)
        began = time.monotonic()
        raise KeyboardInterrupt
    return began


def test_threads_are_switched_as_before_behind_the_last_import(events):
    before = sys.getswitchinterval()

    with events.open_import():
        with events.open_import() as bulk:
            bulk.submit(numbered(1), OccurrenceCounter().count)
        within = sys.getswitchinterval()

    assert (within < before, sys.getswitchinterval()) == (True, before)


def test_a_database_that_is_away_is_told_as_such(initialise, own_mariadb):
    server = own_mariadb(durable=False, local_infile=True)
    url = server.create_database("app")
    initialise(url)
    server.kill()

    with (
        EventLog(Settings(url=url)) as events,
        events.open_import() as bulk,
        pytest.raises(StoreUnavailable, match="does not answer"),
    ):
        bulk.submit(numbered(1), OccurrenceCounter().count).result()
