"""The one rule for every insert, first or repeated: plain INSERT, and on a taken key look what is there.

The same content is an earlier commit of ours and counts as stored; other content is a collision, and the event gets
the next free place of the same millisecond; the remainder goes in with a `pending` row for the remainder alone.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from picoevent.errors import Rejected, RejectReason, StoreUnavailable
from picoevent.ids import IdMinter, next_place
from picoevent.store.base import DuplicateKey, StoreBusy, TransactionAborted, WritingStore, WritingTransaction
from picoevent.store.record import Content, Record
from picoevent.write.user_keys import UserKeys

MAX_ABORTS = 5
PAUSE_SECONDS = 0.004
"""How long, at most, the first retry of an aborted transaction waits; each further one up to so much more."""
MAX_ROUNDS = 10_000
"""How many places are tried for a batch before its millisecond counts as full."""


@dataclass(frozen=True, slots=True)
class Written:
    """What became of a batch: its final ids in order, and which of them this call inserted."""

    event_ids: tuple[int, ...]
    inserted: frozenset[int]


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
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._store = store
        self._users = users
        self._minter = minter
        self._deadline = deadline_ms / 1000
        self._clock = clock
        self._sleep = sleep

    def write(self, records: Sequence[Record], *, repeated: bool = False) -> Written:
        """Store each record once, and return under which ids; a record that had to move has its id changed.

        `repeated` says of all, and `Record.repeated` of one, that its id may have been sent before (a replay, an
        import): equal content under an id is this event then. Without it, the first attempt can't have stored
        anything: whatever is there, even equal, is another event, and both are kept. Raises `StoreUnavailable`
        where it is not known to be stored by the deadline, `StoreBusy` where other writers stay in the way, and
        `Rejected` for the whole batch.
        """
        give_up = self._clock() + self._deadline
        if repeated:
            for record in records:
                record.repeated = True
        # Whoever repeats an event looks in the same places in the same order, and so does each attempt at it.
        # One that is sent first keeps the id that a collision gave it: under this it may have been stored meanwhile.
        origins = [(record, record.event_id) for record in records if record.repeated]
        aborts = 0
        tried_again = False
        while True:
            try:
                return self._attempt(records)
            except TransactionAborted as aborted:
                aborts += 1
                if aborts == MAX_ABORTS:
                    raise StoreBusy(aborted.message, hint="Many writers wait for the same rows.") from aborted
                self._sleep(random.uniform(0, PAUSE_SECONDS * aborts))
            except StoreUnavailable:
                if tried_again or self._clock() >= give_up:
                    raise
                tried_again = True
                # A reply that is lost does not mean a statement that failed: from here on it may be stored.
                for record in records:
                    record.repeated = True
            for record, event_id in origins:
                record.event_id = event_id

    def _attempt(self, records: Sequence[Record]) -> Written:
        event_ids = tuple([record.event_id for record in records])
        distinct = frozenset(event_ids)
        if len(distinct) == len(event_ids):
            try:
                with self._store.writing() as transaction:
                    self._insert(transaction, records)
            except DuplicateKey:
                pass
            else:
                self._users.remember(records)
                return Written(event_ids, distinct)
        return self._settle_and_insert(records)

    def _insert(self, transaction: WritingTransaction, records: Sequence[Record]) -> None:
        transaction.insert(records, self._users.new_in(records, transaction))

    def _settle_and_insert(self, records: Sequence[Record]) -> Written:
        """Look at what is stored, and insert the rest; again where another writer was faster."""
        for _ in range(MAX_ABORTS):
            before = [record.event_id for record in records]
            try:
                with self._store.writing() as transaction:
                    remainder = Settlement(transaction, self._minter).settle(records)
                    if remainder:
                        self._insert(transaction, remainder)
            except DuplicateKey:
                for record, event_id in zip(records, before, strict=True):
                    if record.repeated:
                        record.event_id = event_id
                continue
            self._users.remember(records)
            return Written(tuple(r.event_id for r in records), frozenset(r.event_id for r in remainder))
        raise TransactionAborted("Other writers took every id that was tried.")


class Settlement:
    """Decide within one transaction which records are stored already, and which get another id."""

    def __init__(self, transaction: WritingTransaction, minter: IdMinter) -> None:
        self._transaction = transaction
        self._minter = minter
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
        raise Rejected(RejectReason.SECOND_FULL, "the ids of this millisecond that were tried are all taken")

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
            if record.repeated and stored == record.content:
                # One stored event answers for one record only: an equal one behind it needs its own.
                self._placed.add(record.event_id)
                return True
        if not record.repeated and not self._drawn:
            # Another process mints with the same tag: the next ids are to be out of its way.
            self._minter.draw_tag()
            self._drawn = True
        record.event_id = next_place(record.event_id)
        return False
