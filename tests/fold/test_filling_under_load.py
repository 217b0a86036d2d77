"""Declaring while others log, fold and are killed: in the end each event was counted once.

PICOEVENT_FILLING_KILLS says how many workers are killed; 5 without it.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from picoevent import EventLog, NewEvent, Settings
from picoevent.fold.declaring import declare
from picoevent.fold.filling import fill_in
from picoevent.fold.worker import Folder
from picoevent.rollup.tiers import Calendar
from picoevent.store.fold_state import FOR_EVER

from .conftest import init
from .declared import count_cells, count_measure, read_cells, read_index, read_measure

KILLS = int(os.environ.get("PICOEVENT_FILLING_KILLS", "5"))
LIVES_SECONDS = 0.7
"""Longer than it takes to begin: what is killed was at work."""

WORKER = """
import sys, threading
from picoevent import Settings
from picoevent.fold import filling
from picoevent.fold.worker import Folder
filling.EVENTS_AT_ONCE = 40
folder = Folder(Settings(url=sys.argv[1]))
folder.fold_round()
print("ready", flush=True)
folder.run(threading.Event())
"""


class Writer(threading.Thread):
    """Logs events, new and old ones, until it is told to stop."""

    def __init__(self, url, seed):
        super().__init__()
        self.known = []
        self.stop = threading.Event()
        self._url = url
        self._rng = random.Random(seed)

    def run(self):
        with EventLog(self._url, strict=True) as events:
            while not self.stop.wait(0.02):
                batch = [self._event() for _ in range(10)]
                events.log_many([NewEvent("visit", data, user, at=at) for at, user, data in batch])
                self.known += [(int(at.timestamp() * 1000), user, data) for at, user, data in batch]

    def _event(self):
        ago = timedelta(seconds=self._rng.choice((0, 0, self._rng.randrange(90 * 86_400))))
        data = {"path": f"/{self._rng.randrange(9)}", "amount": self._rng.randrange(100)}
        return datetime.now(UTC).replace(microsecond=0) - ago, self._rng.randrange(30), data


@pytest.fixture
def writers(mysql_url):
    """Two threads that log."""
    init(mysql_url)
    writers = [Writer(mysql_url, seed) for seed in range(2)]
    for writer in writers:
        writer.start()
    yield writers
    stop(writers)


def stop(writers):
    """Let them come to an end."""
    for writer in writers:
        writer.stop.set()
        writer.join()


@pytest.mark.timeout(60 + 5 * KILLS)
def test_each_event_is_counted_once_whoever_is_killed_meanwhile(mysql_url, writers, record_property):
    folder = Folder(Settings(url=mysql_url))
    wishes = {1: {"searchable": ["path"], "measures": ["amount"]}, 2: {"distinct": ["amount"]}}
    for place in range(KILLS):
        forget_leader(folder.store)
        with subprocess.Popen([sys.executable, "-c", WORKER, mysql_url], stdout=subprocess.PIPE) as worker:
            assert worker.stdout.readline() == b"ready\n"
            if place in wishes:
                declare(folder.store, "visit", wishes[place])
            writers[0].stop.wait(LIVES_SECONDS)
            worker.kill()
    filled = fill_in(folder.store, "visit", 200)
    stop(writers)
    forget_leader(folder.store)
    folder.fold_all()
    folder.keep_up()

    known = [event for writer in writers for event in writer.known]
    record_property("note", f"{KILLS} workers killed, {len(known)} events, {filled} of them filled in at last")
    check(folder.store, known)
    folder.close()


def forget_leader(store):
    """Let the next one lead at once: who was killed can't resign."""
    with store.transaction() as connection:
        connection.execute(text("UPDATE fold_state SET leader = ''"))


def check(store, known):
    """Compare all that was declared with what was logged."""
    ever = (store, Calendar("UTC"), 0, FOR_EVER, "visit")
    distinct = [("amount", lambda data: str(data["amount"]))]
    assert read_cells(*ever, "path") == count_cells(known, lambda data: data["path"], distinct)
    cell = read_measure(*ever, "amount")
    assert (cell.count, cell.total, cell.least, cell.greatest) == count_measure(known, "amount")
    assert sum(len(found) for found in read_index(store, "path").values()) == len(known)
    with store.transaction() as connection:
        assert connection.execute(text("SELECT COUNT(*) FROM event_log")).scalar() == len(known)
