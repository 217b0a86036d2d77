"""The one rule for every insert, first or repeated: plain INSERT, and on a taken key look what is there.

The same content is an earlier commit of ours and counts as stored; other content is a collision, and the event gets
another id of the same second; the remainder goes in with a `pending` row for the remainder alone.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from picoevent.errors import Rejected, RejectReason, StoreUnavailable
from picoevent.ids import IdMinter, next_id_of_second
from picoevent.store.base import DuplicateKey, TransactionAborted, WritingStore, WritingTransaction
from picoevent.store.record import Content, Record
from picoevent.write.user_keys import UserKeys

MAX_ABORTS = 5
MAX_ROUNDS = 10_000
"""How many ids of one second are tried for a batch before it counts as full."""


@dataclass(frozen=True, slots=True)
class Written:
    """What became of a batch: its final ids in order, and which of them this call inserted."""

    event_ids: tuple[int, ...]
    inserted: frozenset[int]


@dataclass(frozen=True, slots=True)
class Attempt:
    """A batch on its way into the store; `origins` are the ids it was repeated with, None for a first one."""

    records: Sequence[Record]
    origins: Sequence[int] | None
    repeated: bool

    def from_its_origins(self) -> Sequence[Record]:
        """Return the records, under the ids that a repeated batch came with.

        A first batch keeps the ids that a collision gave it: under these it may have been stored meanwhile.
        """
        if self.origins is not None:
            for record, event_id in zip(self.records, self.origins, strict=True):
                record.event_id = event_id
        return self.records


class Writer:
    """Write batches into one store; safe under threads, not across a fork."""

    def __init__(
        self,
        store: WritingStore,
        users: UserKeys,
        minter: IdMinter,
        deadline_ms: int,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._users = users
        self._minter = minter
        self._deadline = deadline_ms / 1000
        self._clock = clock

    def write(self, records: Sequence[Record], *, repeated: bool = False) -> Written:
        """Store each record once, and return under which ids.

        `repeated` says that these very ids may have been sent before (a replay, an import): equal content under an
        id is this event then. Without it, the first attempt can't have stored anything: whatever is there, even
        equal, is another event, and both are kept. Raises `StoreUnavailable` when it is not known to be stored
        by the deadline, and `Rejected` for the whole batch.
        """
        give_up = self._clock() + self._deadline
        # Whoever repeats a batch looks in the same places in the same order, and so does each attempt at it.
        origins = [record.event_id for record in records] if repeated else None
        aborts = 0
        while True:
            try:
                return self._attempt(Attempt(records, origins, repeated=repeated))
            except TransactionAborted as aborted:
                aborts += 1
                if aborts == MAX_ABORTS:
                    raise StoreUnavailable(aborted.message, hint="Many writers wait for the same rows.") from aborted
            except StoreUnavailable:
                # A reply that is lost does not mean a statement that failed: from here on it may be stored.
                if repeated or self._clock() >= give_up:
                    raise
                repeated = True

    def _attempt(self, attempt: Attempt) -> Written:
        records = attempt.from_its_origins()
        if len({record.event_id for record in records}) == len(records):
            try:
                with self._store.writing() as transaction:
                    self._insert(transaction, records)
            except DuplicateKey:
                pass
            else:
                self._users.remember(records)
                return Written(tuple(r.event_id for r in records), frozenset(r.event_id for r in records))
        return self._settle_and_insert(attempt)

    def _insert(self, transaction: WritingTransaction, records: Sequence[Record]) -> None:
        transaction.insert(records, self._users.new_in(records, transaction))

    def _settle_and_insert(self, attempt: Attempt) -> Written:
        """Look at what is stored, and insert the rest; again where another writer was faster."""
        for _ in range(MAX_ABORTS):
            records = attempt.from_its_origins()
            try:
                with self._store.writing() as transaction:
                    remainder = Settlement(transaction, self._minter, repeated=attempt.repeated).settle(records)
                    if remainder:
                        self._insert(transaction, remainder)
            except DuplicateKey:
                continue
            self._users.remember(records)
            return Written(tuple(r.event_id for r in records), frozenset(r.event_id for r in remainder))
        raise TransactionAborted("Other writers took every id that was tried.")


class Settlement:
    """Decide within one transaction which records are stored already, and which get another id."""

    def __init__(self, transaction: WritingTransaction, minter: IdMinter, *, repeated: bool) -> None:
        self._transaction = transaction
        self._minter = minter
        self._repeated = repeated
        self._stored: dict[int, Content] = {}
        self._asked: set[int] = set()
        self._placed: set[int] = set()
        self._drawn = False

    def settle(self, records: Sequence[Record]) -> list[Record]:
        """Return the records to insert; the id of one that met other content is changed in place."""
        remainder: list[Record] = []
        open_records = list(records)
        for _ in range(MAX_ROUNDS):
            if not open_records:
                return remainder
            self._look_up({record.event_id for record in open_records})
            open_records = [record for record in open_records if not self._place(record, remainder)]
        raise Rejected(RejectReason.SECOND_FULL, "the ids of this second that were tried are all taken")

    def _look_up(self, event_ids: set[int]) -> None:
        unknown = event_ids - self._asked
        self._stored.update(self._transaction.find_events(unknown))
        self._asked |= unknown

    def _place(self, record: Record, remainder: list[Record]) -> bool:
        """Return whether the record's id is settled; give it another id where it is not."""
        stored = self._stored.get(record.event_id)
        if record.event_id not in self._placed:
            if stored is None:
                self._placed.add(record.event_id)
                remainder.append(record)
                return True
            if self._repeated and stored == record.content:
                # One stored event answers for one record only: an equal one behind it needs its own.
                self._placed.add(record.event_id)
                return True
        record.event_id = self._another_id(record.event_id)
        return False

    def _another_id(self, event_id: int) -> int:
        if self._repeated:
            # Whoever repeats this looks in the same places, in the same order.
            return next_id_of_second(event_id)
        if not self._drawn:
            self._minter.draw_tag()
            self._drawn = True
        return self._minter.remint(event_id)
