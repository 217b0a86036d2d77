"""The queue `pending` as the fold reads it: some batches at a time, whoever committed late included."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy import Connection, delete, select

from picoevent.errors import StoreCorrupt
from picoevent.store.pending import PendingBatch, unpack_batch
from picoevent.store.tables import pending

logger = logging.getLogger("picoevent")

MAX_BATCHES = 2000
"""How many batches one round takes at most."""
LATE_BATCHES = 10_000
"""How far below the last deleted batch one that commits late is looked for; below that, once a minute."""
FULL_LOOK_MS = 60_000


@dataclass(slots=True)
class Taken:
    """Batches of one round, and their numbers in the queue; `more` says that others wait behind them."""

    seqs: list[int] = field(default_factory=list)
    batches: list[PendingBatch] = field(default_factory=list)
    more: bool = False


class Queue:
    """Take batches from the queue. What can't be read stays there, is named in the log once, and stops nothing."""

    def __init__(self) -> None:
        self._unreadable: set[int] = set()
        self._looked_fully_ms = 0

    @property
    def unreadable(self) -> int:
        """How many batches can't be read."""
        return len(self._unreadable)

    def take(self, connection: Connection, floor: int, now_ms: int, max_events: int) -> Taken:
        """Return the next batches, one at least; they are gone when the transaction that deletes them commits."""
        # Old delete marks make a scan from the beginning slow: that is done seldom.
        if now_ms - self._looked_fully_ms >= FULL_LOOK_MS:
            self._looked_fully_ms = now_ms
            floor = 0
        sizes = select(pending.c.seq, pending.c.events).where(pending.c.seq > floor).order_by(pending.c.seq)
        found = connection.execute(sizes.limit(MAX_BATCHES + len(self._unreadable))).all()
        readable = [(seq, events) for seq, events in found if seq not in self._unreadable]
        wanted = self._choose(readable, max_events)
        taken = Taken(more=len(wanted) < len(readable) or len(found) >= MAX_BATCHES)
        if wanted:
            packed = select(pending.c.seq, pending.c.packed).where(pending.c.seq.in_(wanted))
            for seq, content in connection.execute(packed):
                self._add(taken, seq, content)
        return taken

    @staticmethod
    def _choose(found: Sequence[tuple[int, int]], max_events: int) -> list[int]:
        chosen: list[int] = []
        events = 0
        for seq, count in found:
            if chosen and events + count > max_events:
                break
            chosen.append(seq)
            events += count
        return chosen

    def _add(self, taken: Taken, seq: int, content: bytes) -> None:
        try:
            batch = unpack_batch(content)
        except StoreCorrupt as error:
            logger.error("PicoEvent: batch %d of pending is left out of the rollups: %s", seq, error)  # noqa: TRY400
            self._unreadable.add(seq)
        else:
            taken.seqs.append(seq)
            taken.batches.append(batch)

    @staticmethod
    def delete(connection: Connection, taken: Taken) -> int:
        """Delete what was taken; return the floor from which the next look begins."""
        connection.execute(delete(pending).where(pending.c.seq.in_(taken.seqs)))
        return max(0, max(taken.seqs) - LATE_BATCHES)
