"""Brings what waits in the spool into the store: oldest first, a batch at a time, by the same rule as everything."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence

from picoevent.errors import Rejected, RejectReason, SettingsError, StoreNotReady, StoreUnavailable
from picoevent.spool import Spool, SpoolBatch
from picoevent.store.record import Record
from picoevent.write.batch import MAX_BATCH_BYTES, MAX_BATCH_EVENTS, BatchWriter, Result
from picoevent.write.counters import Counters

logger = logging.getLogger("picoevent")

GATHER_SECONDS = 0.1
"""How old a batch of the spool may get before it is written although it is not full."""
MAX_EMPTY_LOOKS = 100
PAUSE_SECONDS = 2.0
ADOPT_SECONDS = 30.0
"""How often a process looks for spools of processes that have ended."""


class Drain:
    """Drain one process's spool, and those that it adopts; for the writer's thread alone."""

    def __init__(
        self, spool: Spool, batches: BatchWriter, counters: Counters, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._spool = spool
        self._batches = batches
        self._counters = counters
        self._clock = clock
        self._adopt_at = 0.0
        self._may_adopt_more = False
        self._empty_looks = 0
        self._paused_until = 0.0
        self._waiting_since: float | None = None
        self.hurry = False
        """Set while somebody waits: then no batch is left to grow."""

    @property
    def is_done(self) -> bool:
        """Whether nothing waits, here and in the spools of processes that have ended."""
        return self._spool.pending == 0 and not self._may_adopt_more

    @property
    def pending(self) -> int:
        """How many events wait, here and in what was adopted."""
        return self._spool.pending

    @property
    def is_paused(self) -> bool:
        """Whether it is left alone for a while."""
        return self._clock() < self._paused_until

    def pause(self) -> None:
        """Leave the spool alone for a while: its disk fails, or something else that is not the database's fault."""
        self._paused_until = self._clock() + PAUSE_SECONDS

    def adopt(self) -> None:
        """Take over the spools of processes that have ended."""
        self._adopt_at = self._clock() + ADOPT_SECONDS
        adopted = self._spool.adopt()
        # Not all of them are taken over at once: there may be more when these are done. Empty ones count as nothing.
        self._empty_looks = 0 if adopted else self._empty_looks + 1
        self._may_adopt_more = adopted > 0 or (self._spool.more_to_adopt and self._empty_looks < MAX_EMPTY_LOOKS)
        if adopted:
            self._counters.add(adopted=adopted, spooled=adopted)

    def seconds_until_due(self) -> float:
        """Return how long the next step can wait; 0 where there is a batch to write, or spools to look for."""
        now = self._clock()
        if now < self._paused_until:
            return self._paused_until - now
        adopt_in = max(0.0, self._adopt_at - now)
        pending = self._spool.pending
        if pending == 0:
            self._waiting_since = None
            return 0 if self._may_adopt_more else adopt_in
        if pending >= MAX_BATCH_EVENTS or self.hurry:
            return 0
        if self._waiting_since is None:
            self._waiting_since = now
        return min(adopt_in, max(0.0, self._waiting_since + GATHER_SECONDS - now))

    def step(self) -> bool:
        """Take one batch, and return whether the database has taken events of it.

        Raises `StoreUnavailable` and `StoreNotReady`, and `SpoolUnavailable` where the spool's own disk fails: the same
        batch comes again then.
        """
        if self._clock() >= self._adopt_at or (self._may_adopt_more and self._spool.pending == 0):
            self.adopt()
        batch = self._spool.next_batch(MAX_BATCH_EVENTS, MAX_BATCH_BYTES)
        if batch is None:
            return False
        self._waiting_since = None
        self._count_damage(batch)
        return self._store(batch)

    def _count_damage(self, batch: SpoolBatch) -> None:
        """Count what was met before this batch; it is told once, however often the batch is tried.

        `again` are copies: they were not counted when their spool was taken over.
        """
        damaged = batch.corrupt + batch.lost
        if damaged or batch.again:
            logger.warning(
                "PicoEvent: a spool was damaged: %d records are illegible, %d are missing", batch.corrupt, batch.lost
            )
            self._counters.add(
                adopted=batch.again, spooled=batch.again - damaged, set_aside=batch.corrupt, lost=batch.lost
            )

    def _store(self, batch: SpoolBatch) -> bool:
        resolved = self._batches.resolve_all(batch.events)
        for event, found in zip(batch.events, resolved, strict=True):
            if isinstance(found, Record):
                # What was begun before, sent before it was spooled, or copied, may be there already.
                found.repeated = event.attempted or not batch.fresh or batch.again > 0
        records = [found for found in resolved if isinstance(found, Record)]
        # Ids may change in the rule; the order of `records` may not, since the result speaks of places.
        result = Result()
        self._write(records, 0, result)
        for place, rejected in result.refused.items():
            resolved = [rejected if found is records[place] else found for found in resolved]
        pairs = list(zip(batch.events, resolved, strict=True))
        stored = [(event, found.event_id) for event, found in pairs if isinstance(found, Record)]
        failed = [(event, str(found)) for event, found in pairs if isinstance(found, Rejected)]
        self._batches.remember(stored)
        if failed:
            self._spool.set_aside(batch, failed)
            logger.warning(
                "PicoEvent: %d spooled events were refused, and are set aside: %s", len(failed), failed[0][1]
            )
        self._spool.done(batch)
        self._counters.add(
            spooled=-len(batch.events),
            stored=len(stored),
            replayed=len(stored),
            already_stored=sum(event_id not in result.inserted for _, event_id in stored),
            given_another_id=sum(event.event_id != event_id for event, event_id in stored),
            set_aside=len(failed),
        )
        return bool(stored)

    def _write(self, records: Sequence[Record], first: int, result: Result) -> None:
        """Store records; those with which anything else than the database goes wrong are refused, one by one."""
        try:
            part = self._batches.write(records)
        except (StoreUnavailable, StoreNotReady, SettingsError):
            raise
        except Exception as error:  # Whatever a spool's file holds, the events behind it must not wait for ever.
            if len(records) == 1:
                logger.exception("PicoEvent: a spooled event can't be stored")
                detail = f"storing it raised {type(error).__name__}"
                result.refused[first] = Rejected(RejectReason.STORE_UNAVAILABLE, detail)
                return
            middle = len(records) // 2
            self._write(records[:middle], first, result)
            self._write(records[middle:], first + middle, result)
        else:
            result.inserted |= part.inserted
            result.refused |= {first + place: rejected for place, rejected in part.refused.items()}
