"""Narrow rows to events: from the cache where it holds them, the rest with one query for each table that is needed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgspec
from sqlalchemy import Connection, select

from picoevent.cache import Cache
from picoevent.errors import StoreCorrupt
from picoevent.event import Cached, Event, to_event
from picoevent.read.names import NameDirectory
from picoevent.store.installation import InstallationKey
from picoevent.store.tables import event_data, user_key
from picoevent.users import TEXT_USER_BIT


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
        payloads = self._payloads(connection, missing)
        loaded = self._with_names(connection, missing, payloads)
        for event in loaded:
            events[event.event_id] = _to_event(event)
        if through_cache and loaded:
            self._cache.put(loaded, key)
        return Loaded([events[row.event_id] for row in rows], sum(map(len, payloads.values())))

    def _payloads(self, connection: Connection, rows: Sequence[Row]) -> dict[int, bytes]:
        if not rows:
            return {}
        ids = [row.event_id for row in rows]
        found = connection.execute(select(event_data).where(event_data.c.event_id.in_(ids)))
        return {row.event_id: row.event_data.encode() for row in found}

    def _with_names(self, connection: Connection, rows: Sequence[Row], payloads: Mapping[int, bytes]) -> list[Cached]:
        texts = {row.user_number for row in rows if row.user_number is not None and row.user_number & TEXT_USER_BIT}
        users: dict[int, str] = {}
        if texts:
            found = connection.execute(select(user_key).where(user_key.c.user_id.in_(texts)))
            users = {row.user_id: row.user_key for row in found}
        return [
            Cached(
                row.event_id,
                *self.names.of_row(connection, row.event_type_id, row.source_id),
                None if row.user_number is None else users.get(row.user_number, row.user_number),
                payloads.get(row.event_id),
            )
            for row in rows
        ]


def _to_event(loaded: Cached) -> Event:
    try:
        return to_event(loaded)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        message = f"The payload of event {loaded.event_id} can't be read ({error})."
        raise StoreCorrupt(message, hint="Something else wrote it: compare event_data with a backup.") from error
