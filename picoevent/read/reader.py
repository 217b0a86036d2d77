"""Reading events: one by id, a page by key, all of them in constant memory, and a count of raw rows."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import TypeVar

import sqlalchemy
from sqlalchemy import Connection, func, select

from picoevent.cache import Cache
from picoevent.errors import EventNotFound, InvalidQuery, StoreUnavailable
from picoevent.event import Event, Page, deserialize, serialize
from picoevent.ids import MAX_EVENT_ID, id_time, id_unix_ms
from picoevent.payload import decode_payload
from picoevent.read.conditions import Numbers, candidates, filters
from picoevent.read.names import NameDirectory
from picoevent.read.query import Query, make_cursor
from picoevent.store.base import ReadingStore
from picoevent.store.names import list_event_types, list_sources
from picoevent.store.record import EventType, RejectedEvent, Source
from picoevent.store.rejected import list_rejected
from picoevent.store.tables import event_data, event_log, user_key
from picoevent.users import TEXT_USER_BIT

SCANNED_ROWS = 20_000
"""How many rows one statement looks at, at most, for a filter that no index answers."""
SCAN_SECONDS = 1.0
"""How long a page is searched for with such a filter before it is returned as it is."""
STREAMED_ROWS = 1000

Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class Row:
    """A narrow row, as it is stored."""

    event_id: int
    event_type_id: int
    source_id: int
    user_number: int | None


class Reader:
    """Answer queries from one store; safe under threads, not across a fork."""

    def __init__(
        self,
        store: ReadingStore,
        cache: Cache,
        names: NameDirectory,
        *,
        fallback: ReadingStore | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._cache = cache
        self._names = names
        self._fallback = fallback
        self._clock = clock

    def get(self, event_id: int | str) -> Event:
        """Return one event: from the cache, which has it before a replica does, or from the store."""
        number = read_event_id(event_id)
        cached = self._cache.get_many([number]).get(number)
        event = deserialize(number, cached) if cached else None
        return event or self._get_stored(number)

    def page(self, query: Query) -> Page:
        """Return a page, sorted by time; see `Page` for what an incomplete one is."""
        return self._read(lambda connection: self._page(connection, query, through_cache=True))

    def stream(self, query: Query) -> Iterator[Event]:
        """Yield every matching event, a short reading transaction for each thousand of them."""
        step: Query | None = replace(query, limit=STREAMED_ROWS)
        while step is not None:
            wanted = step
            page = self._read(partial(self._page, query=wanted, through_cache=False))
            yield from page.events
            step = None if page.next_cursor is None else step.following(int(page.next_cursor[1:]))

    def count(self, query: Query) -> int:
        """Count the raw rows that match."""
        return self._read(lambda connection: self._count(connection, query))

    def event_types(self) -> list[EventType]:
        """Return every event type, by name."""
        return self._read(list_event_types)

    def sources(self) -> list[Source]:
        """Return every source, by name."""
        return self._read(list_sources)

    def rejected_events(self, limit: int) -> list[RejectedEvent]:
        """Return the newest refused events, newest first."""
        return self._read(partial(list_rejected, limit=limit))

    def _read(self, ask: Callable[[Connection], Answer]) -> Answer:
        try:
            with self._store.reading() as connection:
                return ask(connection)
        except StoreUnavailable:
            if self._fallback is None:
                raise
            with self._fallback.reading() as connection:
                return ask(connection)

    def _get_stored(self, event_id: int) -> Event:
        event = self._read(lambda connection: self._find(connection, event_id))
        if event is None and self._fallback is not None:
            with self._fallback.reading() as connection:
                event = self._find(connection, event_id)
        if event is None:
            raise EventNotFound(f"There is no event {event_id}.")
        return event

    def _find(self, connection: Connection, event_id: int) -> Event | None:
        row = connection.execute(select(event_log).where(event_log.c.event_id == event_id)).first()
        return None if row is None else self._load(connection, [_to_row(row)], through_cache=True)[0]

    def _count(self, connection: Connection, query: Query) -> int:
        numbers = self._names.numbers_of(connection, query)
        if numbers is None:
            return 0
        rows = select(func.count()).select_from(event_log).where(*filters(query, numbers))
        return int(connection.execute(rows).scalar() or 0)

    def _page(self, connection: Connection, query: Query, *, through_cache: bool) -> Page:
        numbers = self._names.numbers_of(connection, query)
        if numbers is None:
            return Page(())
        rows, following, complete = self._find_rows(connection, query, numbers)
        events = self._load(connection, rows, through_cache=through_cache)
        events.sort(key=lambda event: (id_unix_ms(event.event_id), event.event_id), reverse=query.newest_first)
        cursor = None if following is None else make_cursor(following, newest_first=query.newest_first)
        searched_to: datetime | None = None if complete or following is None else id_time(following)
        return Page(tuple(events), cursor, complete, searched_to)

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

    def _load(self, connection: Connection, rows: Sequence[Row], *, through_cache: bool) -> list[Event]:
        """Return the events of these rows: from the cache where it holds them, the rest with one query each table."""
        cached = self._cache.get_many([row.event_id for row in rows]) if through_cache else {}
        events = {row.event_id: self._from_cache(connection, row, cached.get(row.event_id)) for row in rows}
        missing = [row for row in rows if events[row.event_id] is None]
        if missing:
            serialized = self._from_store(connection, missing, events)
            if through_cache:
                self._cache.put_many(serialized)
        return [event for event in events.values() if event is not None]

    def _from_cache(self, connection: Connection, row: Row, serialized: bytes | None) -> Event | None:
        """Return a cached event where it agrees with its row; a cache may hold rubbish, or another database's."""
        event = deserialize(row.event_id, serialized) if serialized else None
        if event is None or (event.event_type, event.source) != self._names.of_row(
            connection, row.event_type_id, row.source_id
        ):
            return None
        return event if _same_user(event.user_id, row.user_number) else None

    def _from_store(
        self, connection: Connection, rows: Sequence[Row], events: dict[int, Event | None]
    ) -> dict[int, bytes]:
        ids = [row.event_id for row in rows]
        data = connection.execute(select(event_data).where(event_data.c.event_id.in_(ids)))
        payloads = {event_id: text.encode() for event_id, text in data}
        texts = {row.user_number for row in rows if row.user_number is not None and row.user_number & TEXT_USER_BIT}
        keys: dict[int, str] = {}
        if texts:
            found = connection.execute(select(user_key).where(user_key.c.user_id.in_(texts)))
            keys = {row.user_id: row.user_key for row in found}
        serialized: dict[int, bytes] = {}
        for row in rows:
            names = self._names.of_row(connection, row.event_type_id, row.source_id)
            user = keys.get(row.user_number, row.user_number) if row.user_number is not None else None
            payload = payloads.get(row.event_id)
            events[row.event_id] = Event(row.event_id, *names, user, decode_payload(payload))
            serialized[row.event_id] = serialize(row.event_id, names, user, payload)
        return serialized


def read_event_id(event_id: int | str) -> int:
    """Return an event id that may be a text, as JSON has it; raise `InvalidQuery` for anything else."""
    text = str(event_id)
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


def _same_user(user_id: int | str | None, stored: int | None) -> bool:
    if isinstance(user_id, str):
        return stored is not None and bool(stored & TEXT_USER_BIT)
    return user_id == stored
