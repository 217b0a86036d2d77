"""Where events come in: accepts them one by one, hands them to the writer's thread, and answers for each of them."""

from __future__ import annotations

import sys
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from picoevent.accept import ACCEPT_STEPS, Draft, Rules, accept
from picoevent.errors import Rejected, RejectReason, StoreUnavailable
from picoevent.event import NewEvent
from picoevent.write.batch import MAX_BATCH_BYTES, MAX_BATCH_EVENTS
from picoevent.write.counters import Counters
from picoevent.write.job import Job, Outcome, count_abandoned
from picoevent.write.rejects import RejectedKeeper
from picoevent.write.spooling import Spooling
from picoevent.write.thread import WriterThread

SPOOL_SHARE = 0.2
MIN_SPOOL_SECONDS, MAX_SPOOL_SECONDS = 0.05, 0.2
"""This part of a deadline is kept for the spool where the database has not answered; of a short one up to a half."""
JOBS_AHEAD = 4
"""How many batches of one call are handed in before the first is answered: the next is accepted meanwhile."""
ANNOUNCED_SECONDS = 1.0
"""An answer that is claimed comes within microseconds; this only bounds what can't happen."""


@dataclass(slots=True)
class Call:
    """A batch of one call: the events as they came in, what accepting them led to, and the job of the good ones."""

    events: list[NewEvent]
    accepted: list[Draft | Rejected]
    job: Job
    begun: float


class Intake:
    """The way in for callers; safe under threads, in signal handlers and in finalizers, not across a fork."""

    def __init__(
        self, rules: Rules, writer: WriterThread, spooling: Spooling, counters: Counters, rejects: RejectedKeeper
    ) -> None:
        self._rules = rules
        self._writer = writer
        self._spooling = spooling
        self._counters = counters
        self._rejects = rejects
        self._deadline = rules.settings.deadline_ms / 1000
        spool_seconds = min(MAX_SPOOL_SECONDS, max(self._deadline * SPOOL_SHARE, MIN_SPOOL_SECONDS), self._deadline / 2)
        self._commit_seconds = self._deadline - (spool_seconds if spooling.is_possible else 0)

    def submit(
        self, events: Iterable[NewEvent | Mapping[str, Any]], *, spooled: bool = False, closed: bool = False
    ) -> list[Outcome]:
        """Store events, and return for each, in order, its id or why it was refused; raises nothing of its own.

        With `spooled` they go into the spool, and to the database in the background. With `closed` every event is
        refused. Each batch has the deadline for itself.
        """
        if closed:
            return self._refuse_all(events)
        outcomes: list[Outcome] = []
        answered = 0.0
        ahead: deque[Call] = deque()
        try:
            for given, accepted, size in _batches(events, self._accept):
                ahead.append(self._send(given, accepted, size, spooled=spooled))
                if len(ahead) > JOBS_AHEAD:
                    outcomes += self._finish(ahead.popleft(), answered)
                    answered = time.monotonic()
            while ahead:
                outcomes += self._finish(ahead.popleft(), answered)
                answered = time.monotonic()
        except BaseException:
            # The host's iterator raised, or a signal's handler: nobody waits for what was handed in ahead.
            for call in ahead:
                self._abandon(call.job)
            raise
        return outcomes

    def spool(self, event: NewEvent) -> Outcome:
        """Put one event into the spool: as `submit` with `spooled`, in a third of the time."""
        try:
            outcome = self._spooling.keep_one(accept(event, self._rules, ACCEPT_STEPS))
            self._writer.wake_to_drain()
            if type(outcome) is int:
                return outcome
        except Rejected as rejected:
            outcome = rejected
            self._counters.refuse([rejected.reason], out_of="sent")
        self._reject([event], [outcome], time.monotonic() + self._deadline)
        return outcome

    def _accept(self, given: NewEvent | Mapping[str, Any]) -> tuple[NewEvent, Draft | Rejected]:
        try:
            event = given if type(given) is NewEvent else NewEvent(**given)  # type: ignore[arg-type]  # tried
        except Exception:  # noqa: BLE001  # a mapping's own code may raise anything
            fields = ", ".join(NewEvent.__struct_fields__)
            return NewEvent(""), Rejected(RejectReason.UNREADABLE, f"the event is no mapping with keys of {fields}")
        try:
            return event, accept(event, self._rules, ACCEPT_STEPS)
        except Rejected as rejected:
            return event, rejected

    def _send(self, events: list[NewEvent], accepted: list[Draft | Rejected], size: int, *, spooled: bool) -> Call:
        """Hand in the good ones of a batch, or spool them at once where nobody could wait for the writer."""
        drafts = [found for found in accepted if type(found) is Draft]
        if len(drafts) < len(accepted):
            self._counters.refuse([found.reason for found in accepted if isinstance(found, Rejected)], out_of="sent")
        job = Job(drafts, size)
        call = Call(events, accepted, job, time.monotonic())
        if not drafts:
            return call
        self._counters.add(sent=len(drafts), in_flight=len(drafts))
        if spooled or not self._writer.can_be_waited_for():
            job.claim()
            # Who asked for the spool alone gets it, whatever the database says.
            job.error = None if spooled else self._writer.breaker.error
            job.outcomes = self._spool(call, synced=not spooled)
        else:
            self._writer.submit(job)
        return call

    def _finish(self, call: Call, answered: float) -> list[Outcome]:
        """Wait for the answer to a batch, and return it with the refused ones in their places.

        Its time begins when the batch before it is answered: it was handed in ahead, and had to wait for that.
        """
        call.begun = max(call.begun, answered)
        answers = self._answer(call) if call.job.drafts else []
        if len(answers) < len(call.accepted):
            following = iter(answers)
            answers = [found if isinstance(found, Rejected) else next(following) for found in call.accepted]
        self._reject(call.events, answers, call.begun + self._deadline)
        return answers

    def _answer(self, call: Call) -> list[Outcome]:
        job = call.job
        if job.outcomes:
            return job.outcomes
        # Where the batch before it has waited in vain, this one does not begin to.
        until = 0.0 if self._writer.breaker.is_open else call.begun + self._commit_seconds
        try:
            self._wait(job, until)
        except BaseException:
            self._abandon(job)
            raise
        return job.outcomes or self._spool(call, synced=True)

    def _abandon(self, job: Job) -> None:
        """Wait no more for an answer; the writer goes on, and counts what becomes of the events."""
        job.abandoned = True
        if job.error is not None and not job.outcomes:
            count_abandoned(job, self._counters)

    def _wait(self, job: Job, until: float) -> None:
        """Return when the job is answered, or taken back since the time is over."""
        if job.wait(until - time.monotonic()):
            return
        if job.claim():
            job.error = StoreUnavailable("The database did not answer within the deadline.")
            self._writer.breaker.trip(job.error)
        else:
            job.wait(ANNOUNCED_SECONDS)

    def _spool(self, call: Call, *, synced: bool) -> list[Outcome]:
        left = call.begun + self._deadline - time.monotonic()
        # At the end of the interpreter, no thread is left that could sync.
        outcomes = self._spooling.keep(call.job, left, synced=synced and not sys.is_finalizing())
        self._writer.wake_to_drain()
        return outcomes

    def _reject(self, events: list[NewEvent], outcomes: list[Outcome], keep_until: float) -> None:
        if set(map(type, outcomes)) == {int}:
            return
        pairs = zip(events, outcomes, strict=True)
        refused = [(event, outcome) for event, outcome in pairs if isinstance(outcome, Rejected)]
        keep = not any(rejected.reason in UNKEPT for _, rejected in refused)
        self._rejects.reject(refused, keep_until=keep_until if keep else None)

    def _refuse_all(self, events: Iterable[NewEvent | Mapping[str, Any]]) -> list[Outcome]:
        closed = Rejected(RejectReason.CLOSED, "the event log was closed")
        refused = [(self._accept(event)[0], closed) for event in events]
        self._counters.refuse([closed.reason] * len(refused), out_of="sent")
        self._rejects.reject(refused, keep_until=None)
        return [closed] * len(refused)


UNKEPT = frozenset(
    {
        RejectReason.STORE_UNAVAILABLE,
        RejectReason.STORE_NOT_READY,
        RejectReason.SPOOL_FULL,
        RejectReason.SPOOL_UNAVAILABLE,
    }
)
"""Reasons with which nothing can be kept in the store."""

Accept = Callable[[NewEvent | Mapping[str, Any]], tuple[NewEvent, Draft | Rejected]]


def _batches(
    items: Iterable[NewEvent | Mapping[str, Any]], accept_one: Accept
) -> Iterator[tuple[list[NewEvent], list[Draft | Rejected], int]]:
    """Accept items one by one, and hand them on in batches of bounded count and bytes."""
    events: list[NewEvent] = []
    accepted: list[Draft | Rejected] = []
    size = 0
    for item in items:
        event, found = accept_one(item)
        weight = len(found.payload) if isinstance(found, Draft) and found.payload else 0
        if events and (len(events) == MAX_BATCH_EVENTS or size + weight > MAX_BATCH_BYTES):
            yield events, accepted, size
            events, accepted, size = [], [], 0
        events.append(event)
        accepted.append(found)
        size += weight
    if events:
        yield events, accepted, size
