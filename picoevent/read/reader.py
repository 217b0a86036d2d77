"""Reading events: one by id, a page by key, all of them in constant memory, and a count of raw rows."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import TypeVar

import sqlalchemy
from sqlalchemy import Connection, func, select

from picoevent.errors import EventNotFound, InvalidQuery, StoreNotReady, StoreUnavailable
from picoevent.event import Event, Page
from picoevent.ids import MAX_EVENT_ID, id_time, id_unix_ms
from picoevent.read.conditions import Numbers, candidates, filters
from picoevent.read.loading import EventLoader, Row
from picoevent.read.query import Query, make_cursor
from picoevent.store.base import ReadingStore
from picoevent.store.declarations import Declaration, list_declarations
from picoevent.store.names import list_event_types, list_sources
from picoevent.store.record import EventType, RejectedEvent, Source
from picoevent.store.rejected import list_rejected
from picoevent.store.tables import event_log

SCANNED_ROWS = 20_000
"""How many rows one statement looks at, at most, for a filter that no index answers."""
SCAN_SECONDS = 1.0
"""How long a page is searched for with such a filter before it is returned as it is."""
STREAMED_ROWS = 1000
STREAMED_BYTES = 4_000_000
"""How many bytes of payload a stream holds at once, roughly."""

Answer = TypeVar("Answer")


class Reader:
    """Answer queries from one store; safe under threads, not across a fork.

    The fallback is asked where the store does not answer, or is unfit: a replica that is too far behind.
    """

    def __init__(
        self,
        store: ReadingStore,
        loader: EventLoader,
        *,
        fallback: ReadingStore | None = None,
        is_unfit: Callable[[], bool] = lambda: False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._loader = loader
        self._fallback = fallback
        self._is_unfit = is_unfit
        self._clock = clock

    def get(self, event_id: int | str) -> Event:
        """Return one event: from the cache, which has it before a replica does, or from the store."""
        number = read_event_id(event_id)
        cached = self._loader.cached(number, self._key())
        return cached or self._get_stored(number)

    def page(self, query: Query) -> Page:
        """Return a page, sorted by time; see `Page` for what an incomplete one is."""
        return self._read(lambda connection: self._page(connection, query, through_cache=True)[0])

    def stream_page(self, query: Query) -> tuple[Page, Query | None]:
        """Return the next events of a stream and what to ask for behind them, None at the end.

        Each asks for as many events as will take about `STREAMED_BYTES`, going by those before.
        """
        page, size = self._read(lambda connection: self._page(connection, query, through_cache=False))
        if page.next_cursor is None:
            return page, None
        fitting = len(page.events) * STREAMED_BYTES // max(size, 1)
        limit = max(1, min(fitting, query.limit * 4, STREAMED_ROWS))
        return page, replace(query, after=int(page.next_cursor[1:]), limit=limit)

    def count(self, query: Query) -> int:
        """Count the raw rows that match."""
        return self._read(lambda connection: self._count(connection, query))

    def event_types(self) -> list[EventType]:
        """Return every event type, by name."""
        return self._read(list_event_types)

    def sources(self) -> list[Source]:
        """Return every source, by name."""
        return self._read(list_sources)

    def declarations(self) -> list[Declaration]:
        """Return what event types declare, by their names."""
        return self._read(list_declarations)

    def rejected_events(self, limit: int) -> list[RejectedEvent]:
        """Return the newest refused events, newest first."""
        if type(limit) is not int or limit < 0:
            raise InvalidQuery(f"The limit {limit!r} is wrong.", hint="Use a whole number.")
        return self._read(partial(list_rejected, limit=limit))

    def _read(self, ask: Callable[[Connection], Answer]) -> Answer:
        if self._fallback is not None and self._is_unfit():
            return self._ask(self._fallback, ask)
        try:
            return self._ask(self._store, ask)
        except (StoreUnavailable, StoreNotReady):
            if self._fallback is None:
                raise
            return self._ask(self._fallback, ask)

    def _ask(self, store: ReadingStore, ask: Callable[[Connection], Answer]) -> Answer:
        self._loader.key.of(store)
        with store.reading() as connection:
            return ask(connection)

    def _key(self) -> bytes:
        try:
            return self._loader.key.of(self._store)
        except (StoreUnavailable, StoreNotReady):
            if self._fallback is None:
                raise
            return self._loader.key.of(self._fallback)

    def _get_stored(self, event_id: int) -> Event:
        event = self._read(lambda connection: self._find(connection, event_id))
        if event is None and self._fallback is not None:
            event = self._ask(self._fallback, lambda connection: self._find(connection, event_id))
        if event is None:
            raise EventNotFound(f"There is no event {event_id}.")
        return event

    def _find(self, connection: Connection, event_id: int) -> Event | None:
        row = connection.execute(select(event_log).where(event_log.c.event_id == event_id)).first()
        if row is None:
            return None
        return self._loader.load(connection, [_to_row(row)], self._key(), through_cache=True).events[0]

    def _count(self, connection: Connection, query: Query) -> int:
        numbers = self._loader.names.numbers_of(connection, query, self._key())
        if numbers is None:
            return 0
        rows = select(func.count()).select_from(event_log).where(*filters(query, numbers))
        return int(connection.execute(rows).scalar() or 0)

    def _page(self, connection: Connection, query: Query, *, through_cache: bool) -> tuple[Page, int]:
        """Return a page, and how many bytes of payload the store sent for it."""
        numbers = self._loader.names.numbers_of(connection, query, self._key())
        if numbers is None:
            return Page(()), 0
        rows, following, complete = self._find_rows(connection, query, numbers)
        loaded = self._loader.load(connection, rows, self._key(), through_cache=through_cache)
        events = loaded.events
        events.sort(key=lambda event: (id_unix_ms(event.event_id), event.event_id), reverse=query.newest_first)
        cursor = None if following is None else make_cursor(following, newest_first=query.newest_first)
        searched_to: datetime | None = None if complete or following is None else id_time(following)
        return Page(tuple(events), cursor, complete, searched_to), loaded.payload_bytes

    def _find_rows(self, connection: Connection, query: Query, numbers: Numbers) -> tuple[list[Row], int | None, bool]:
        """Return the rows of a page, the id behind which the next one begins, and whether the page is complete."""
        if not numbers.residual:
            found = connection.execute(candidates(query, numbers, query.limit + 1))
            rows = [_to_row(row) for row in found]
            return (
                rows[: query.limit],
                rows[query.limit - 1].event_id if len(rows) > query.limit else None,
                True,
            )
        return self._scan(connection, query, numbers)

    def _scan(self, connection: Connection, query: Query, numbers: Numbers) -> tuple[list[Row], int | None, bool]:
        """Walk the index in bounded steps, and keep what the residual filters let through."""
        rows: list[Row] = []
        give_up = self._clock() + SCAN_SECONDS
        step = query.limit + 1
        while True:
            scanned = connection.execute(candidates(query, numbers, step)).all()
            rows += [row for row in map(_to_row, scanned) if _passes(row, numbers)]
            if len(rows) > query.limit:
                return rows[: query.limit], rows[query.limit - 1].event_id, True
            if len(scanned) < step:
                return rows, None, True
            # A filter that keeps most rows is done after one small step; a rare one needs long ones.
            step = min(step * 4, SCANNED_ROWS)
            query = query.following(scanned[-1].event_id)
            if self._clock() >= give_up:
                return rows, query.after, False


def read_event_id(event_id: int | str) -> int:
    """Return an event id that may be a text, as JSON has it; raise `InvalidQuery` for anything else."""
    # Not str() of any integer: one of ten thousand digits has no text in Python.
    text = event_id if isinstance(event_id, str) else f"{min(event_id, MAX_EVENT_ID + 1)}"
    plain = text.isascii() and text.isdigit() and len(text) <= 19 and not isinstance(event_id, bool)  # noqa: PLR2004
    if not plain or int(text) > MAX_EVENT_ID:
        raise InvalidQuery(f"{text[:40]!r} is not an event id.", hint="An event id has up to 19 digits.")
    return int(text)


def _to_row(row: sqlalchemy.Row[tuple[int, int, int, int | None]]) -> Row:
    return Row(row.event_id, row.event_type_id, row.source_id, row.user_id)


def _passes(row: Row, numbers: Numbers) -> bool:
    if numbers.source_id is not None and row.source_id != numbers.source_id:
        return False
    return numbers.event_type_ids is None or row.event_type_id in numbers.event_type_ids
