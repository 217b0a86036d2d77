"""An event log that is looked into, and a logger of the test's own."""

from __future__ import annotations

import logging
from uuid import uuid4

import pytest

from picoevent import EventLog


@pytest.fixture
def embedded(sqlite_url):
    """An event log on a file of the test's own."""
    with EventLog(sqlite_url) as events:
        yield events


@pytest.fixture
def only(embedded):
    """`only()` is the one event that was logged."""

    def only():
        (event,) = embedded.iter_events()
        return event

    return only


@pytest.fixture
def make_logger():
    """`make_logger(handler)` is a logger with this handler alone."""
    made = []

    def make_logger(handler, name=None):
        logger = logging.getLogger(name or f"app.{uuid4().hex}")
        logger.setLevel(logging.DEBUG)
        logger.propagate = False
        logger.addHandler(handler)
        made.append((logger, handler))
        return logger

    yield make_logger
    for logger, handler in made:
        logger.removeHandler(handler)
        logger.propagate = True
        handler.close()
