"""Where events come in: accepts them one by one, writes them a batch at a time, and answers for each of them."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

from picoevent.accept import ACCEPT_STEPS, Draft, Rules, accept
from picoevent.cache import Cache
from picoevent.errors import PicoEventError, Rejected, RejectReason, SettingsError, StoreCorrupt, StoreNotReady
from picoevent.event import Names, NewEvent, serialize
from picoevent.forks import opened_once
from picoevent.ids import IdMinter
from picoevent.settings import Settings
from picoevent.store.base import BulkStore, WritingStore
from picoevent.store.installation import InstallationKey
from picoevent.store.names import EVENT_TYPES, SOURCES
from picoevent.store.record import Record
from picoevent.write.bulk import BulkParts
from picoevent.write.counters import Counters
from picoevent.write.names import NameRegistry
from picoevent.write.rejects import RejectedKeeper
from picoevent.write.user_keys import UserKeys
from picoevent.write.writer import Writer, Written

logger = logging.getLogger("picoevent")

MAX_BATCH_EVENTS = 1000
MAX_BATCH_BYTES = 4_000_000
"""How many bytes of payload one transaction takes at most; well under the smallest usual `max_allowed_packet`."""

Outcome = int | Rejected
Taken = tuple[NewEvent, Draft | Rejected]
"""An event that came in, and what accepting it led to."""
Item = TypeVar("Item")


class Intake:
    """The write path of one process; safe under threads, not across a fork. Nothing connects before it is used."""

    def __init__(
        self, settings: Settings, store: WritingStore, cache: Cache, minter: IdMinter, key: InstallationKey
    ) -> None:
        self._settings = settings
        self._store = store
        self._cache = cache
        self._minter = minter
        self._key = key
        self._rules = Rules(settings, minter)
        self._event_types = NameRegistry(store, EVENT_TYPES, settings.max_auto_event_types)
        self._sources = NameRegistry(store, SOURCES, settings.max_auto_sources)
        self.counters = Counters()
        self._rejects = RejectedKeeper(store, settings.max_rejected_events, self.counters)

    def submit(self, events: Iterable[NewEvent | Mapping[str, Any]], *, closed: bool = False) -> list[Outcome]:
        """Store events, and return for each, in order, its id or why it was refused; raises nothing of its own.

        With `closed` every event is refused. Where the store is away, the batches behind the first one that it
        cost its deadline are refused at once.
        """
        outcomes: list[Outcome] = []
        stop = Rejected(RejectReason.CLOSED, "the event log was closed") if closed else None
        for batch in _batches(events, self._accept):
            if stop is None:
                results, _ = self._store_batch(batch, repeated=False)
                stop = next((r for r in results if isinstance(r, Rejected) and r.reason in AWAY), None)
            else:
                results = [stop] * len(batch)
                self._reject(batch, results)
            outcomes += results
        return outcomes

    def bulk_parts(self, open_bulk_store: Callable[[], BulkStore | None]) -> BulkParts:
        """Return what imports share with this."""
        return BulkParts(
            self._settings,
            self._rules,
            self._event_types,
            self._sources,
            lambda: self._users,
            lambda: self._writer,
            self.counters,
            self._rejects,
            open_bulk_store,
        )

    def _accept(self, given: NewEvent | Mapping[str, Any]) -> Taken:
        try:
            event = given if type(given) is NewEvent else NewEvent(**given)  # type: ignore[arg-type]  # tried
        except Exception:  # noqa: BLE001  # a mapping's own code may raise anything
            fields = ", ".join(NewEvent.__slots__)
            return NewEvent(""), Rejected(RejectReason.UNREADABLE, f"the event is no mapping with keys of {fields}")
        try:
            return event, accept(event, self._rules, ACCEPT_STEPS)
        except Rejected as rejected:
            return event, rejected

    def _store_batch(
        self, batch: Sequence[Taken], *, repeated: bool, raising: bool = False
    ) -> tuple[list[Outcome], Written]:
        """Resolve, write and cache one batch; with `raising` a store that is away is the caller's matter.

        Where the store refuses a batch, its halves are tried, down to the one event that it refuses.
        """
        outcomes: list[Outcome] = [found if isinstance(found, Rejected) else 0 for _, found in batch]
        written = Written((), frozenset())
        try:
            written = self._write(batch, outcomes, repeated=repeated)
        except (Rejected, StoreCorrupt) as refusal:
            if len(batch) > 1:
                return self._store_halves(batch, repeated=repeated, raising=raising)
            outcomes = [outcome or _refused(refusal) for outcome in outcomes]
        except PicoEventError as error:
            if raising:
                raise
            outcomes = [outcome or _refused(error) for outcome in outcomes]
        except Exception as error:  # log() stands in somebody's hottest path: whatever goes wrong here is ours alone.
            if raising:
                raise
            logger.exception("Events could not be stored")
            unknown = Rejected(RejectReason.STORE_UNAVAILABLE, f"storing it raised {type(error).__name__}")
            outcomes = [outcome or unknown for outcome in outcomes]
        self.counters.count_stored(len(written.inserted), len(written.event_ids) - len(written.inserted))
        if written.event_ids and not repeated:
            self._put_into_cache(batch, outcomes)
        self._reject(batch, outcomes)
        return outcomes, written

    def _store_halves(self, batch: Sequence[Taken], *, repeated: bool, raising: bool) -> tuple[list[Outcome], Written]:
        middle = len(batch) // 2
        first, left = self._store_batch(batch[:middle], repeated=repeated, raising=raising)
        second, right = self._store_batch(batch[middle:], repeated=repeated, raising=raising)
        return first + second, Written(left.event_ids + right.event_ids, left.inserted | right.inserted)

    def _write(self, batch: Sequence[Taken], outcomes: list[Outcome], *, repeated: bool) -> Written:
        places: list[int] = []
        records: list[Record] = []
        for place, (_, draft) in enumerate(batch):
            if isinstance(draft, Draft):
                try:
                    records.append(self._to_record(draft))
                    places.append(place)
                except Rejected as rejected:
                    outcomes[place] = rejected
        if not records:
            return Written((), frozenset())
        written = self._writer.write(records, repeated=repeated)
        for place, event_id in zip(places, written.event_ids, strict=True):
            outcomes[place] = event_id
        return written

    def _to_record(self, draft: Draft) -> Record:
        return Record(
            draft.event_id,
            self._event_types.number_of(draft.event_type),
            self._sources.number_of(draft.source),
            self._users.number_of(draft.user_id),
            draft.user_id if isinstance(draft.user_id, str) else None,
            draft.payload,
        )

    def _put_into_cache(self, batch: Sequence[Taken], outcomes: Sequence[Outcome]) -> None:
        """After the commit, never before: what was rolled back must not be read."""
        key = self._key.of(self._store)
        sealed: dict[int, bytes] = {}
        for (_, draft), event_id in zip(batch, outcomes, strict=True):
            if isinstance(draft, Draft) and isinstance(event_id, int):
                names = Names(event_id, draft.event_type, draft.source, draft.user_id)
                sealed[event_id] = serialize(names, draft.payload, key)
        self._cache.put_many(sealed)

    def _reject(self, batch: Sequence[Taken], outcomes: Sequence[Outcome]) -> None:
        pairs = zip(batch, outcomes, strict=True)
        refused = [(event, outcome) for (event, _), outcome in pairs if isinstance(outcome, Rejected)]
        away = any(rejected.reason in UNKEPT for _, rejected in refused)
        if refused:
            self._rejects.reject(refused, self._settings.source, keep=not away)

    @opened_once
    def _users(self) -> UserKeys:
        return UserKeys(self._key.of(self._store))

    @opened_once
    def _writer(self) -> Writer:
        return Writer(self._store, self._users, self._minter, self._settings.deadline_ms)


AWAY = frozenset({RejectReason.STORE_UNAVAILABLE, RejectReason.STORE_NOT_READY})
UNKEPT = AWAY | {RejectReason.CLOSED}
"""Reasons with which nothing can be kept in the store."""


def _refused(error: PicoEventError) -> Rejected:
    if isinstance(error, Rejected):
        return error
    not_ready = isinstance(error, (StoreNotReady, SettingsError))
    reason = RejectReason.STORE_NOT_READY if not_ready else RejectReason.STORE_UNAVAILABLE
    return Rejected(reason, str(error))


def _batches(items: Iterable[Item], take: Callable[[Item], Taken]) -> Iterator[list[Taken]]:
    """Accept items one by one, and hand them on in batches of bounded count and bytes."""
    batch: list[Taken] = []
    size = 0
    for item in items:
        event, draft = take(item)
        weight = len(draft.payload or b"") if isinstance(draft, Draft) else 0
        if batch and (len(batch) == MAX_BATCH_EVENTS or size + weight > MAX_BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append((event, draft))
        size += weight
    if batch:
        yield batch
