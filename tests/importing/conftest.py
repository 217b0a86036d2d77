"""An event log on each kind of database, and files to import into it."""

from __future__ import annotations

import pytest

from picoevent import EventLog, Settings
from picoevent.store import open_store
from picoevent.store.base import Purpose

# Long enough for a machine that runs other tests meanwhile.
DEADLINE_MS = 30_000


@pytest.fixture(params=["sqlite", "mysql", "loading"])
def store_url(request):
    """The URL of an empty database: once for each kind, and on MariaDB with LOAD DATA forbidden and allowed."""
    return request.getfixturevalue(f"{request.param}_url")


@pytest.fixture
def open_log():
    """`open_log(url)` makes the schema where it is missing, and opens the event log."""
    opened = []

    def open_log(url):
        store = open_store(url, Settings(url=url), Purpose.ADMIN)
        store.init()
        store.close()
        opened.append(EventLog(url, deadline_ms=DEADLINE_MS))
        return opened[-1]

    yield open_log
    for events in opened:
        events.close()


@pytest.fixture
def events(store_url, open_log):
    """An empty event log; the test runs once for each kind of database."""
    return open_log(store_url)


@pytest.fixture
def embedded(sqlite_url, open_log):
    """An empty event log for what does not depend on the database."""
    return open_log(sqlite_url)


@pytest.fixture
def write_lines(tmp_path):
    """`write_lines("a", "b", name="x.ndjson")` makes a file of these lines."""

    def write_lines(*lines, name="events.ndjson"):
        path = tmp_path / name
        path.write_text("".join(line + "\n" for line in lines))
        return path

    return write_lines
