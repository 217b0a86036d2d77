"""A desk of one's own for a test: reports are asked there with any clock, any settings and exact arguments."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import UTC, datetime

from picoevent import Settings
from picoevent.ids import unix_ms
from picoevent.read.names import NameDirectory
from picoevent.report.frame import Arguments, Desk
from picoevent.rollup.tiers import Calendar
from picoevent.store import open_store
from picoevent.store.base import Purpose
from picoevent.store.fold_state import read_state

BEGIN, END = datetime(2024, 3, 1, tzinfo=UTC), datetime(2024, 3, 15, tzinfo=UTC)


@contextmanager
def open_desk(url, *, now=END, **settings):
    """Open a reading transaction on a database, at some time."""
    store = open_store(url, Settings(url=url, **settings), Purpose.READ)
    try:
        key = bytes.fromhex(store.installation_value("user_hash_key"))
        calendar = Calendar(store.installation_value("timezone"))
        with store.reading() as connection:
            state = read_state(connection)
            yield Desk(connection, state, calendar, NameDirectory(), key, Settings(url=url, **settings), unix_ms(now))
    finally:
        store.close()


def ask(url, report, *, now=END, settings=None, **arguments):
    """Return the answer of a report about the first two weeks of March 2024, unless the arguments say otherwise."""
    since, until = arguments.pop("since", BEGIN), arguments.pop("until", END)
    options = {name: arguments.pop(name) for name in report.options if name in arguments}
    asked = Arguments(unix_ms(since), unix_ms(until), **arguments, options=options)
    with open_desk(url, now=now, **(settings or {})) as desk:
        return report.answer(desk, asked)
