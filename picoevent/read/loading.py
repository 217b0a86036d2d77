"""Narrow rows to events: from the cache where it holds them, the rest with one query for each table that is needed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
from sqlalchemy import Connection, select

from picoevent.cache import Cache
from picoevent.errors import StoreCorrupt
from picoevent.event import Cached, Event, to_event
from picoevent.read.names import NameDirectory, users_of
from picoevent.store.installation import InstallationKey
from picoevent.store.tables import event_data


@dataclass(frozen=True, slots=True)
class Row:
    """A narrow row, as it is stored."""

    event_id: int
    event_type_id: int
    source_id: int
    user_number: int | None


@dataclass(frozen=True, slots=True)
class Loaded:
    """Events in the order of their rows, and how many bytes of payload the store had to send for them."""

    events: list[Event]
    payload_bytes: int


class EventLoader:
    """Load events; safe under threads. `key` must be known before: every reading call asks for it first."""

    def __init__(self, cache: Cache, key: InstallationKey) -> None:
        self._cache = cache
        self.key = key
        self.names = NameDirectory()

    def cached(self, event_id: int, key: bytes) -> Event | None:
        """Return one event where the cache has it."""
        return self._cache.get([event_id], key).get(event_id)

    def load(self, connection: Connection, rows: Sequence[Row], key: bytes, *, through_cache: bool) -> Loaded:
        """Return the events of these rows. Streams do not go through the cache: they would empty it of all else."""
        events = self._cache.get([row.event_id for row in rows], key) if through_cache else {}
        missing = [row for row in rows if row.event_id not in events]
        loaded = read_stored(connection, missing, self.names)
        for event in loaded:
            events[event.event_id] = readable(event)
        if through_cache and loaded:
            self._cache.put(loaded, key)
        return Loaded([events[row.event_id] for row in rows], sum(len(event.payload or b"") for event in loaded))


def read_stored(connection: Connection, rows: Sequence[Row], names: NameDirectory) -> list[Cached]:
    """Return the events of these rows from the store, with one query for each table that is needed."""
    payloads = _payloads(connection, [row.event_id for row in rows])
    users = users_of(connection, {row.user_number for row in rows if row.user_number is not None})
    return [
        Cached(
            row.event_id,
            *names.of_row(connection, row.event_type_id, row.source_id),
            None if row.user_number is None else users[row.user_number],
            payloads.get(row.event_id),
        )
        for row in rows
    ]


def _payloads(connection: Connection, event_ids: Sequence[int]) -> dict[int, bytes]:
    if not event_ids:
        return {}
    found = connection.execute(select(event_data).where(event_data.c.event_id.in_(event_ids)))
    return {row.event_id: row.event_data.encode() for row in found}


def readable(loaded: Cached) -> Event:
    """Return the event that people read; raise `StoreCorrupt` where its payload is none."""
    try:
        return to_event(loaded)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        message = f"The payload of event {loaded.event_id} can't be read ({error})."
        raise StoreCorrupt(message, hint="Something else wrote it: compare event_data with a backup.") from error
