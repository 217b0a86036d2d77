"""A piece of one call on its way: up to a thousand accepted events, and a caller that waits for their answer."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from picoevent.accept import Draft
from picoevent.errors import PicoEventError, Rejected, RejectReason
from picoevent.store.record import Record
from picoevent.write.counters import Counters

Outcome = int | Rejected
"""The id under which an event is kept, or why it was refused."""


class Job:
    """What the writer's thread and a caller share.

    It is answered by whoever claims it: the writer, with what became of the events, or the caller, who takes them
    back when its deadline is near. `claim()` lets only one of them win; no lock is held, so that a signal handler
    may come in between.
    """

    __slots__ = ("_blame", "_claim", "_done", "abandoned", "drafts", "error", "outcomes", "resolved", "sent", "size")

    def __init__(self, drafts: Sequence[Draft], size: int) -> None:
        self.drafts = drafts
        self.size = size
        """Bytes of the payloads."""
        self.resolved: Sequence[Record | Rejected] = ()
        """The drafts as the store keeps them, once the writer has looked at them."""
        self.sent = False
        """Whether the events may have been sent to the database."""
        self.outcomes: list[Outcome] = []
        """The answer, a place for each draft; empty where there is an error, or none yet."""
        self.error: PicoEventError | None = None
        """Why the database could not take it; the events may be stored all the same where they were sent."""
        self.abandoned = False
        """Whether its caller was interrupted, and waits no more."""
        self._claim = [True]
        self._blame = [True]
        self._done = threading.Lock()
        self._done.acquire()

    @property
    def is_open(self) -> bool:
        """Whether nobody has answered it yet."""
        return bool(self._claim)

    def claim(self) -> bool:
        """Return True to the first one who asks, and to nobody else."""
        try:
            return self._claim.pop()
        except IndexError:
            return False

    def blame(self) -> bool:
        """Return True to the first one who asks: whoever counts an abandoned job that failed."""
        try:
            return self._blame.pop()
        except IndexError:
            return False

    def wait(self, seconds: float) -> bool:
        """Wait for the answer, this long at most; return whether it is there."""
        return self._done.acquire(timeout=max(0.0, seconds))

    def answer(self, inserted: set[int], counters: Counters) -> None:
        """Tell the caller what became of each event, once the batch is committed; only whoever has claimed it."""
        outcomes: list[Outcome] = [found.event_id if isinstance(found, Record) else found for found in self.resolved]
        sent = [draft.event_id for draft in self.drafts]
        if outcomes == sent and inserted.issuperset(sent):
            counters.add(in_flight=-len(sent), stored=len(sent))
        else:
            self._count(outcomes, inserted, counters)
        self.outcomes = outcomes
        self._done.release()

    def _count(self, outcomes: Sequence[Outcome], inserted: set[int], counters: Counters) -> None:
        refused = [found.reason for found in outcomes if isinstance(found, Rejected)]
        if refused:
            counters.refuse(refused, out_of="in_flight")
        stored = [
            (draft.event_id, event_id)
            for draft, event_id in zip(self.drafts, outcomes, strict=True)
            if isinstance(event_id, int)
        ]
        counters.add(
            in_flight=-len(stored),
            stored=len(stored),
            already_stored=sum(event_id not in inserted for _, event_id in stored),
            given_another_id=sum(before != event_id for before, event_id in stored),
        )

    def fail(self, error: PicoEventError) -> None:
        """Tell the caller that the database can't take the events; only whoever has claimed it."""
        self.error = error
        self._done.release()

    def event_id_at(self, place: int) -> int:
        """Return the id under which an event was sent last: a collision may have changed it."""
        found = self.resolved[place] if self.resolved else None
        return found.event_id if isinstance(found, Record) else self.drafts[place].event_id


def count_abandoned(job: Job, counters: Counters) -> None:
    """Count the events of a job that failed, and whose caller waits no more; the caller or the writer, not both."""
    if job.abandoned and job.blame():
        counters.refuse([RejectReason.STORE_UNAVAILABLE] * len(job.drafts), out_of="in_flight")
