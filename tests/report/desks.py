"""A desk of one's own for a test: reports are asked there with any clock, any settings and exact arguments."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import UTC, datetime

from picoevent import Settings
from picoevent.ids import unix_ms
from picoevent.read.names import NameDirectory
from picoevent.report.desk import Reports
from picoevent.report.frame import Arguments
from picoevent.store import open_store
from picoevent.store.base import Purpose
from picoevent.store.installation import InstallationKey

BEGIN, END = datetime(2024, 3, 1, tzinfo=UTC), datetime(2024, 3, 15, tzinfo=UTC)


@contextmanager
def open_desk(url, *, now=END, **settings):
    """Open a reading transaction on a database, at some time."""
    settings = Settings(url=url, **settings)
    store = open_store(url, settings, Purpose.READ)
    try:
        with Reports(store, NameDirectory(), InstallationKey(), settings, clock_ms=lambda: unix_ms(now)).desk() as desk:
            yield desk
    finally:
        store.close()


def ask(url, report, *, now=END, settings=None, **arguments):
    """Return the answer of a report about the first two weeks of March 2024, unless the arguments say otherwise."""
    since, until = arguments.pop("since", BEGIN), arguments.pop("until", END)
    options = {name: arguments.pop(name) for name in report.options if name in arguments}
    asked = Arguments(unix_ms(since), unix_ms(until), **arguments, options=options)
    with open_desk(url, now=now, **(settings or {})) as desk:
        return report.answer(desk, asked)
