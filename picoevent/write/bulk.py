"""Imports: batches under ids made of their content, each event once; loaded at once where the store can do that.

Whatever a load does not store to the last row is rolled back and goes by the one rule of `picoevent.write.writer`.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Self

from picoevent.accept import Rules
from picoevent.errors import PicoEventError, Rejected, RejectReason
from picoevent.event import NewEvent
from picoevent.forks import opened_once
from picoevent.store.base import BulkStore, DuplicateKey, LoadForbidden, TransactionAborted
from picoevent.store.record import Record
from picoevent.write.batch import MAX_BATCH_BYTES, MAX_BATCH_EVENTS, BatchWriter
from picoevent.write.counters import Counters
from picoevent.write.imported import Count, Importable, Importer, ReadyBatch
from picoevent.write.rejects import RejectedKeeper
from picoevent.write.switching import QuickSwitching

logger = logging.getLogger("picoevent")

MAX_FAILURES = 3
"""How many loads may fail for a reason of their own before an import leaves them alone."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """An event of an import that was refused: its place in the batch, the reason, and which part of it."""

    index: int
    reason: RejectReason
    detail: str


@dataclass(frozen=True, slots=True)
class ImportResult:
    """What became of a batch of an import."""

    stored: int
    already: int
    refused: list[Refusal]


@dataclass(frozen=True, slots=True)
class BulkParts:
    """What imports share with the rest of the write path."""

    rules: Rules
    batches: BatchWriter
    counters: Counters
    rejects: RejectedKeeper
    open_bulk_store: Callable[[], BulkStore | None]


class BulkIntake:
    """Where imports come in; safe under threads, not across a fork. Nothing connects before it is used."""

    def __init__(self, parts: BulkParts) -> None:
        self._parts = parts

    def import_batch(self, batch: Sequence[tuple[NewEvent, int]]) -> ImportResult:
        """Store events, each with the number of equal events of its second before it; see `EventLog.import_batch`."""
        before = 0

        def events() -> Iterator[NewEvent]:
            nonlocal before
            for event, before in batch:  # noqa: B007  # it is the count of the event that is just looked at
                yield event

        return Storing(self._parts, None).store(self._importer().make_ready(events(), lambda _second, _key: before))

    def open(self) -> BulkImport:
        """Return an import of many batches, for `with`."""
        return BulkImport(self._parts, self._importer)

    def _importer(self) -> Importer:
        return Importer(self._parts.rules, self._parts.batches.resolve)


class BulkImport:
    """Makes one batch ready while the one before is loaded in a thread of its own, where the store has bulk loads.

    At the end of its block, all that was submitted is stored; after an error, no more than was begun, and that is
    given up.
    """

    def __init__(self, parts: BulkParts, open_importer: Callable[[], Importer]) -> None:
        self._open_importer = open_importer
        self._loads = parts.open_bulk_store()
        self._storing = Storing(parts, self._loads)
        self._thread = ThreadPoolExecutor(1, "picoevent-import") if self._loads else None
        self._switching = QuickSwitching()

    @property
    def note(self) -> str:
        """Why batches are not loaded although this kind of database can do that; empty where they are."""
        return self._storing.note

    def submit(self, events: Iterable[Importable], count: Count) -> Future[ImportResult]:
        """Accept events now, and return what will have become of them; `count` tells equal ones apart.

        The result, or this call, raises `StoreUnavailable` or `StoreNotReady`.
        """
        ready = self._importer.make_ready(events, count)
        formatted = self._loads.format(ready.rows) if self._loads and ready.rows and self._storing.wants_loads else None
        if self._thread is not None:
            return self._thread.submit(self._storing.store, ready, formatted)
        done: Future[ImportResult] = Future()
        done.set_result(self._storing.store(ready))
        return done

    @opened_once
    def _importer(self) -> Importer:
        return self._open_importer()

    def __enter__(self) -> Self:
        if self._thread is not None:
            self._switching.__enter__()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if self._thread is None or self._loads is None:
            return
        try:
            if kind is not None:
                self._storing.given_up = True
                self._loads.close()
            self._thread.shutdown(wait=True, cancel_futures=kind is not None)
        finally:
            self._switching.__exit__()
            self._loads.close()


class Storing:
    """Stores batches that are ready, one after the other, and answers for each of their events."""

    def __init__(self, parts: BulkParts, loads: BulkStore | None) -> None:
        self._parts = parts
        self._loads = loads
        self._repeats = False
        self._failures = 0
        self.note = ""
        self.given_up = False

    @property
    def wants_loads(self) -> bool:
        """Whether the next batch should be loaded; one behind a batch that was there before most likely was, too."""
        return self._loads is not None and not self.note and not self._repeats

    def store(self, ready: ReadyBatch, formatted: object | None = None) -> ImportResult:
        """Store a batch, each event once; raise `StoreUnavailable` or `StoreNotReady`."""
        result = self._load(ready, formatted) if formatted is not None and self.wants_loads else None
        if result is None:
            result = self._store_by_rule(ready)
        self._repeats = result.already > 0
        kept = result.stored + result.already
        self._parts.counters.add(sent=kept, stored=kept, already_stored=result.already)
        return result

    def _load(self, ready: ReadyBatch, formatted: object) -> ImportResult | None:
        """Load a batch; None where it has to go the other way, wholly: nothing of it was kept."""
        users = self._parts.batches.users
        named = [Record(0, 0, 0, number, text, None) for number, text in ready.texts.items()]
        try:
            with self._loads.loading() as transaction:  # type: ignore[union-attr]  # `wants_loads`
                transaction.load(formatted, users.new_in(named, transaction))
        except (DuplicateKey, TransactionAborted, Rejected) as problem:
            logger.debug("A batch goes the ordinary way: %s", problem)
            return None
        except PicoEventError as problem:
            if self.given_up:
                raise
            self._note_failure(problem)
            return None
        users.remember(named)
        return self._answer(ready, len(ready.rows), 0, {})

    def _note_failure(self, problem: PicoEventError) -> None:
        """Leave loads alone where they are forbidden, or fail again and again."""
        self._failures += 1
        if isinstance(problem, LoadForbidden) or self._failures == MAX_FAILURES:
            self.note = problem.message
            said = ascii(problem.message)[1:-1]
            logger.info("The rest of this import is stored by INSERT, since LOAD DATA failed: %s", said)

    def _store_by_rule(self, ready: ReadyBatch) -> ImportResult:
        refused: dict[int, Rejected] = {}
        inserted = 0
        records = ready.records()
        for begin, end in _parts(records):
            result = self._parts.batches.write(records[begin:end])
            inserted += len(result.inserted)
            refused |= {begin + place: rejected for place, rejected in result.refused.items()}
        return self._answer(ready, inserted, len(records) - inserted - len(refused), refused)

    def _answer(self, ready: ReadyBatch, stored: int, already: int, refused: dict[int, Rejected]) -> ImportResult:
        """Count and keep what was refused, at once or by the store, and return it in the order of the batch."""
        late = {ready.rows[row][5]: (ready.event_of(ready.rows[row]), why) for row, why in refused.items()}
        every = sorted({**ready.refused, **late}.items())
        if every:
            self._parts.counters.refuse([why.reason for _, (_, why) in every], out_of="sent")
            until = time.monotonic() + self._parts.rules.settings.deadline_ms / 1000
            self._parts.rejects.reject([pair for _, pair in every], keep_until=until)
        return ImportResult(stored, already, [Refusal(place, why.reason, why.detail) for place, (_, why) in every])


def _parts(records: Sequence[Record]) -> Iterator[tuple[int, int]]:
    """Cut records into spans of bounded count and bytes."""
    begin = size = 0
    for place, record in enumerate(records):
        weight = len(record.payload or b"")
        if place > begin and (place - begin == MAX_BATCH_EVENTS or size + weight > MAX_BATCH_BYTES):
            yield begin, place
            begin, size = place, 0
        size += weight
    if begin < len(records):
        yield begin, len(records)
