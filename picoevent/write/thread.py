"""The one thread of a process that writes: it gathers what callers hand in into batches, and drains the spool between.

It owns the connection, so that no caller can hang in a socket: callers wait for their answer, until their deadline.
"""

from __future__ import annotations

import logging
import queue
import sys
import threading
import time
from collections.abc import Callable, Sequence

from picoevent.accept import Draft
from picoevent.errors import PicoEventError, SettingsError, StoreNotReady, StoreUnavailable
from picoevent.store.base import StoreBusy
from picoevent.store.record import Record
from picoevent.write.batch import MAX_BATCH_BYTES, MAX_BATCH_EVENTS, BatchWriter, Result
from picoevent.write.breaker import Breaker
from picoevent.write.counters import Counters
from picoevent.write.drain import Drain
from picoevent.write.job import Job, count_abandoned

logger = logging.getLogger("picoevent")

IDLE_SECONDS = 30.0
LONG_SECONDS = 0.2
"""Who sleeps for longer than this is woken where an event is spooled; else it looks soon enough by itself."""


class Chore:
    """Something else that needs the store, and somebody who waits for it."""

    def __init__(self, work: Callable[[], None]) -> None:
        self._work = work
        self._done = threading.Lock()
        self._done.acquire()

    def run(self) -> None:
        """Do it; log what it raises."""
        try:
            self._work()
        except Exception:
            logger.exception("A chore of the writer's thread failed")
        finally:
            self._done.release()

    def wait(self, seconds: float) -> bool:
        """Wait until it is done, this long at most; return whether it is."""
        return self._done.acquire(timeout=max(0.0, seconds))


class WriterThread:
    """Write jobs, in the order in which they came, a batch at a time; started by the first one."""

    def __init__(
        self, batches: BatchWriter, drain: Drain | None, counters: Counters, upkeep: Callable[[], None]
    ) -> None:
        self.breaker = Breaker()
        self._batches = batches
        self._drain = drain
        self._counters = counters
        self._upkeep = upkeep
        # Its put() may be interrupted by a signal handler that calls it, too.
        self._queue: queue.SimpleQueue[Job | Chore | None] = queue.SimpleQueue()
        self._held: Job | None = None
        # Whoever takes what is in here starts the thread. No lock: the new thread itself may log, in a finalizer.
        self._not_started = [True]
        self._starters: set[int] = set()
        self._thread: threading.Thread | None = None
        self._stopping = False
        self._idle = False
        self._has_stored = False

    def submit(self, job: Job) -> None:
        """Write a job as soon as it is its turn."""
        self._put(job)

    @property
    def is_running(self) -> bool:
        """Whether it was started, and has not ended."""
        return self._thread is not None and self._thread.is_alive()

    def run(self, work: Callable[[], None], until: float) -> None:
        """Do something in this thread, and wait for it until a moment of `time.monotonic()`; nothing in an outage."""
        if self.can_be_waited_for():
            chore = Chore(work)
            self._put(chore)
            chore.wait(until - time.monotonic())

    def can_be_waited_for(self) -> bool:
        """Whether an answer may come: not where the database is away, nor in this thread itself.

        A finalizer that logs may run in any thread, and at the end of the interpreter the others are gone.
        """
        return not (self._is_here() or self.breaker.is_open or self._stopping or sys.is_finalizing())

    def wake(self) -> None:
        """Look now what is due."""
        self._put(None)

    def wake_to_drain(self) -> None:
        """Look soon at the spool; costs nothing where this thread is awake."""
        if self._idle or self._thread is None:
            self._idle = False
            self._put(None)

    def stop(self, seconds: float) -> bool:
        """End the thread after its batch; return whether it ended in time. It can't be started again."""
        self._stopping = True
        self._queue.put(None)
        thread = self._thread
        # One that is just being started by another thread can't be waited for, and ends by itself.
        if thread is None or self._is_here() or not thread.is_alive():
            return True
        thread.join(max(0.0, seconds))
        return not thread.is_alive()

    def _put(self, item: Job | Chore | None) -> None:
        self._queue.put(item)
        if self._thread is None:
            self._start()

    def _start(self) -> None:
        me = threading.get_ident()
        if me in self._starters:
            return
        # A finalizer that logs in the middle of this must not wait for what it holds up, nor must the next one.
        self._starters.add(me)
        try:
            self._start_once()
        finally:
            self._starters.discard(me)

    def _start_once(self) -> None:
        try:
            self._not_started.pop()
        except IndexError:
            return
        thread = threading.Thread(target=self._run, name="picoevent-writer", daemon=True)
        self._thread = thread
        try:
            thread.start()
        except RuntimeError as error:
            # No thread is left to be had: callers spool at their deadline, and the next one tries again.
            logger.warning("PicoEvent: the writer's thread can't be started: %s", error)
            self._thread = None
            self._not_started.append(True)

    def _is_here(self) -> bool:
        me = threading.get_ident()
        return me in self._starters or (self._thread is not None and self._thread.ident == me)

    def _run(self) -> None:
        while not self._stopping:
            try:
                # First: who spools an event behind this line wakes this thread, and one before it is seen here.
                self._idle = True
                patience = self._patience()
                self._idle = patience >= LONG_SECONDS
                jobs = self._gather(patience)
                if jobs:
                    self._commit(jobs)
                self._tend()
            except Exception:
                # This thread must not end while anybody waits for it; the jobs were answered by whoever failed.
                logger.exception("The writer's thread goes on after an error")
                time.sleep(0.1)
        closed = StoreUnavailable("The event log was closed.")
        while jobs := self._gather(0):
            self._fail(jobs, closed)

    def _patience(self) -> float:
        if self._held is not None:
            return 0
        if self.breaker.is_open:
            return self.breaker.seconds_to_probe()
        return self._drain.seconds_until_due() if self._drain else IDLE_SECONDS

    def _gather(self, patience: float) -> list[Job]:
        """Take the jobs that are there, up to a batch; wait for the first one."""
        jobs: list[Job] = []
        events = size = 0
        job = self._held or self._next(patience)
        self._held = None
        while job is not None:
            events += len(job.drafts)
            size += job.size
            if jobs and (events > MAX_BATCH_EVENTS or size > MAX_BATCH_BYTES):
                self._held = job
                break
            jobs.append(job)
            job = self._next(0)
        return jobs

    def _next(self, patience: float) -> Job | None:
        try:
            item = self._queue.get(timeout=patience) if patience else self._queue.get_nowait()
        except queue.Empty:
            return None
        if isinstance(item, Chore):
            item.run()
            return None
        return item

    def _commit(self, jobs: Sequence[Job]) -> None:
        if self.breaker.error is not None:
            self._fail(jobs, self.breaker.error)
            return
        taken = [job for job in jobs if _take(job)]
        try:
            result = self._write(taken)
        except StoreBusy as error:
            self._fail(taken, error)
        except PicoEventError as error:
            self._fail(taken, self._note_failure(error))
        except Exception as error:  # log() stands in somebody's hottest path: whatever goes wrong here is ours alone.
            logger.exception("Events could not be stored")
            self._fail(taken, StoreUnavailable(f"Storing it raised {type(error).__name__}."))
        else:
            self._has_stored = True
            self.breaker.reset()
            self._answer(taken, result)

    def _write(self, jobs: Sequence[Job]) -> Result:
        for job in jobs:
            job.resolved = self._batches.resolve_all(job.drafts)
        records = [found for job in jobs for found in job.resolved if type(found) is Record]
        # In the order of their ids, a batch fills the pages of the tables one after the other.
        records.sort(key=_event_id)
        result = self._batches.write(records)
        for place, rejected in result.refused.items():
            refused = records[place]
            for job in jobs:
                job.resolved = [rejected if found is refused else found for found in job.resolved]
        return result

    def _answer(self, jobs: Sequence[Job], result: Result) -> None:
        stored = [
            (draft, found.event_id)
            for job in jobs
            for draft, found in zip(job.drafts, job.resolved, strict=True)
            if type(found) is Record
        ]
        self._remember(stored)
        for job in jobs:
            if job.claim():
                job.answer(result.inserted, self._counters)

    def _remember(self, stored: Sequence[tuple[Draft, int]]) -> None:
        try:
            self._batches.remember(stored)
        except PicoEventError as error:
            logger.info("Events could not be put into the cache: %s", error)

    def _fail(self, jobs: Sequence[Job], error: PicoEventError) -> None:
        for job in jobs:
            if job.claim():
                job.fail(error)
                count_abandoned(job, self._counters)

    def _note_failure(self, error: PicoEventError) -> PicoEventError:
        """Open the breaker where the database is away; return the error as callers are to take it.

        A schema that is missing from the start is a mistake, and events are refused. One that was there is being
        restored, renamed or upgraded: it is as good as away, and events are spooled.
        """
        self._batches.forget()
        if self._has_stored and isinstance(error, StoreNotReady):
            error = StoreUnavailable(error.message, hint=error.hint)
        if isinstance(error, StoreUnavailable):
            self.breaker.trip(error)
        return error

    def _note_away(self, error: PicoEventError) -> None:
        error = self._note_failure(error)
        if self.breaker.is_open:
            self.breaker.extend(error)
        else:
            self.breaker.trip(error)

    def _tend(self) -> None:
        """Do what is due between two batches: the upkeep, a batch of the spool, a probe."""
        self._upkeep()
        away = self.breaker.is_open
        if (self.breaker.seconds_to_probe() if away else self._patience()) > 0:
            return
        try:
            # A batch of the spool is the better probe: it writes, and nobody waits for it.
            drained = self._drain_a_batch()
            if away and not drained:
                self._batches.probe()
        except StoreBusy as error:
            logger.info("The spool is drained later: %s", error)
        except PicoEventError as error:
            self._note_away(error)
        else:
            if away or drained:
                self._has_stored = self._has_stored or drained
                self.breaker.reset()

    def _drain_a_batch(self) -> bool:
        """Return whether the database has taken something; whatever else goes wrong is the spool's own matter."""
        if self._drain is None or self._drain.is_paused:
            return False
        try:
            return self._drain.step()
        except (StoreUnavailable, StoreNotReady, SettingsError):
            raise
        except Exception:
            logger.exception("PicoEvent: the spool can't be drained, and is left alone for a moment")
            self._drain.pause()
            return False


def _take(job: Job) -> bool:
    # In this order: a caller that takes the job back reads `sent` afterwards.
    job.sent = True
    return job.is_open


def _event_id(record: Record) -> int:
    return record.event_id
