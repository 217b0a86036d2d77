"""From accepted events to committed ones: numbers for their names, the one rule, and then the cache."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from picoevent.cache import Cache
from picoevent.errors import PicoEventError, Rejected, RejectReason, StoreCorrupt
from picoevent.event import Cached
from picoevent.forks import opened_once
from picoevent.ids import IdMinter
from picoevent.settings import Settings
from picoevent.store.base import WritingStore
from picoevent.store.installation import InstallationKey
from picoevent.store.names import EVENT_TYPES, SOURCES
from picoevent.store.record import Record
from picoevent.write.names import NameRegistry
from picoevent.write.user_keys import UserKeys
from picoevent.write.writer import Writer

REFRESH_SECONDS = 30.0
"""How often the installation's key is asked for again; the names have a time of their own, of the same length."""
MAX_BATCH_EVENTS = 1000
MAX_BATCH_BYTES = 4_000_000
"""How many bytes of payload one transaction takes at most; statements are cut further where the server asks for it."""


class Accepted(Protocol):
    """An event that has passed the steps, on its way from a caller or from a spool."""

    @property
    def event_id(self) -> int: ...  # noqa: D102  # the fields of an event

    @property
    def event_type(self) -> str: ...  # noqa: D102

    @property
    def source(self) -> str: ...  # noqa: D102

    @property
    def user_id(self) -> int | str | None: ...  # noqa: D102

    @property
    def payload(self) -> bytes | None: ...  # noqa: D102


@dataclass(slots=True)
class Result:
    """What became of records: refused ones by their place; of the others, those that this call inserted."""

    inserted: set[int] = field(default_factory=set)
    refused: dict[int, Rejected] = field(default_factory=dict)


class BatchWriter:
    """Store batches of accepted events; for one thread at a time. Nothing connects before it is used."""

    def __init__(
        self, settings: Settings, store: WritingStore, cache: Cache, minter: IdMinter, key: InstallationKey
    ) -> None:
        self._settings = settings
        self._store = store
        self._cache = cache
        self._minter = minter
        self._key = key
        self._refresh_at = 0.0
        self._event_types = NameRegistry(store, EVENT_TYPES, settings.max_auto_event_types)
        self._sources = NameRegistry(store, SOURCES, settings.max_auto_sources)

    def resolve(self, event: Accepted) -> Record | Rejected:
        """Return the event as the store keeps it, or why it is refused; raise where the store can't be asked."""
        user_id = event.user_id
        text = user_id if isinstance(user_id, str) else None
        try:
            return Record(
                event.event_id,
                self._event_types.number_of(event.event_type),
                self._sources.number_of(event.source),
                user_id if text is None else self.users.number_of(text),  # type: ignore[arg-type]  # no text
                text,
                event.payload,
            )
        except (Rejected, StoreCorrupt) as refusal:
            return _refused(refusal)

    def resolve_all(self, events: Sequence[Accepted]) -> list[Record | Rejected]:
        """As `resolve`, for a batch: each name is asked for once, in less than half the time."""
        if time.monotonic() >= self._refresh_at:
            self._refresh()
        event_types: dict[str, int] = {}
        sources: dict[str, int] = {}
        refused: dict[tuple[str, str], Rejected] = {}
        resolved: list[Record | Rejected] = []
        for event in events:
            event_type, source, user_id = event.event_type, event.source, event.user_id
            type_id, source_id = event_types.get(event_type), sources.get(source)
            if type_id is None or source_id is None or isinstance(user_id, str):
                found = refused.get((event_type, source)) or self.resolve(event)
                if isinstance(found, Record):
                    event_types[event_type], sources[source] = found.event_type_id, found.source_id
                else:
                    refused[event_type, source] = found
                resolved.append(found)
            else:
                resolved.append(Record(event.event_id, type_id, source_id, user_id, None, event.payload))
        return resolved

    def forget(self) -> None:
        """Take nothing for known: after a failure, the database may have been restored, or made anew."""
        self._event_types.forget()
        self._sources.forget()
        self._refresh_at = 0.0

    def _refresh(self) -> None:
        if self._key.refresh(self._store):
            for made in ("users", "_writer"):
                self.__dict__.pop(made, None)
        self._refresh_at = time.monotonic() + REFRESH_SECONDS

    def write(self, records: Sequence[Record]) -> Result:
        """Store each record once, by the one rule; a record that met another event has its id changed.

        Where the store refuses a batch, its halves are tried, down to the one record that it refuses. Raises
        `StoreUnavailable` where it is not known what is stored.
        """
        result = Result()
        if records:
            self._write(records, 0, result)
        return result

    def _write(self, records: Sequence[Record], first: int, result: Result) -> None:
        try:
            written = self._writer.write(records)
        except (Rejected, StoreCorrupt) as refusal:
            if len(records) == 1:
                result.refused[first] = _refused(refusal)
                return
            middle = len(records) // 2
            self._write(records[:middle], first, result)
            self._write(records[middle:], first + middle, result)
        else:
            result.inserted |= written.inserted

    def remember(self, stored: Sequence[tuple[Accepted, int]]) -> None:
        """Put events into the cache under their ids; after the commit: what was rolled back must not be read."""
        cached = [Cached(event_id, e.event_type, e.source, e.user_id, e.payload) for e, event_id in stored]
        if cached:
            self._cache.put(cached, self._key.of(self._store))

    def probe(self) -> None:
        """Ask whether the store answers; raise where it does not."""
        with self._store.writing() as transaction:
            transaction.find_events([0])

    @opened_once
    def users(self) -> UserKeys:
        """Know the texts of users."""
        return UserKeys(self._key.of(self._store))

    @opened_once
    def _writer(self) -> Writer:
        return Writer(self._store, self.users, self._minter, self._settings.deadline_ms)


def _refused(error: PicoEventError) -> Rejected:
    return error if isinstance(error, Rejected) else Rejected(RejectReason.STORE_UNAVAILABLE, str(error))
