"""Imports: events under ids that are made of their content, each once, however often this is repeated."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from picoevent.accept import CHECK_STEPS, Rules, accept
from picoevent.errors import Rejected, RejectReason
from picoevent.event import NewEvent
from picoevent.store.record import Record
from picoevent.write.batch import MAX_BATCH_EVENTS, BatchWriter
from picoevent.write.counters import Counters
from picoevent.write.imported import imported_id
from picoevent.write.rejects import RejectedKeeper


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


class BulkIntake:
    """Where imports come in; they write in the caller's thread."""

    def __init__(self, rules: Rules, batches: BatchWriter, counters: Counters, rejects: RejectedKeeper) -> None:
        self._rules = rules
        self._batches = batches
        self._counters = counters
        self._rejects = rejects

    def import_batch(self, batch: Sequence[tuple[NewEvent, int]]) -> ImportResult:
        """Store events, each with the number of equal events of its second before it; see `EventLog.import_batch`."""
        stored = already = 0
        refused: dict[int, Rejected] = {}
        records: list[Record] = []
        places: list[int] = []
        for place, (event, occurrence) in enumerate(batch):
            found = self._accept(event, occurrence)
            if isinstance(found, Rejected):
                refused[place] = found
            else:
                records.append(found)
                places.append(place)
        for first in range(0, len(records), MAX_BATCH_EVENTS):
            part = records[first : first + MAX_BATCH_EVENTS]
            result = self._batches.write(part)
            stored += len(result.inserted)
            already += len(part) - len(result.inserted) - len(result.refused)
            refused |= {places[first + place]: rejected for place, rejected in result.refused.items()}
        self._counters.add(sent=stored + already, stored=stored + already, already_stored=already)
        self._reject(batch, refused)
        return ImportResult(
            stored, already, [Refusal(place, r.reason, r.detail) for place, r in sorted(refused.items())]
        )

    def _accept(self, event: NewEvent, occurrence: int) -> Record | Rejected:
        try:
            draft = accept(event, self._rules, CHECK_STEPS)
            draft.event_id = imported_id(draft, occurrence)
        except Rejected as rejected:
            return rejected
        found = self._batches.resolve(draft)
        if isinstance(found, Record):
            found.repeated = True
        return found

    def _reject(self, batch: Sequence[tuple[NewEvent, int]], refused: dict[int, Rejected]) -> None:
        if refused:
            self._counters.refuse([rejected.reason for rejected in refused.values()], out_of="sent")
            until = time.monotonic() + self._rules.settings.deadline_ms / 1000
            self._rejects.reject([(batch[place][0], r) for place, r in refused.items()], keep_until=until)
