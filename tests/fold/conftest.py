"""What tests of the fold share: a database with a zone, an event log on it, and one that folds it."""

from __future__ import annotations

import pytest

from picoevent import EventLog, Settings
from picoevent.fold.worker import Folder
from picoevent.store import open_store
from picoevent.store.base import Purpose

from .past import fold_past


@pytest.fixture
def ready_url(store_url):
    """The URL of an initialised database in UTC: the test runs once for each kind."""
    init(store_url)
    return store_url


def init(url, zone="UTC"):
    """Make the tables."""
    store = open_store(url, Settings(url=url, timezone=zone), Purpose.ADMIN)
    store.init()
    store.close()


@pytest.fixture
def events(ready_url):
    """An event log on it."""
    with EventLog(ready_url, strict=True) as events:
        yield events


@pytest.fixture
def folder(ready_url):
    """One that folds it, by the clock of the database."""
    folder = Folder(Settings(url=ready_url))
    yield folder
    folder.close()


@pytest.fixture
def folded(events, folder):
    """One that has folded events of `past.DAYS_BACK`."""
    fold_past(events, folder)
    return folder
