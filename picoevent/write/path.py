"""The write path of one process, put together: intake, the writer's thread, the spool and its drain, the counters."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

from picoevent.accept import Rules
from picoevent.cache import Cache
from picoevent.errors import PicoEventError, SettingsError
from picoevent.ids import IdMinter
from picoevent.settings import Settings
from picoevent.spool import Spool, database_name, spool_folder
from picoevent.store import open_bulk_store
from picoevent.store.base import WritingStore
from picoevent.store.installation import InstallationKey
from picoevent.write.batch import BatchWriter
from picoevent.write.bulk import BulkIntake, BulkParts
from picoevent.write.counters import Counters
from picoevent.write.drain import Drain
from picoevent.write.intake import Intake
from picoevent.write.publishing import Publisher, PublishingThread
from picoevent.write.rejects import RejectedKeeper
from picoevent.write.spooling import Spooling
from picoevent.write.thread import WriterThread

logger = logging.getLogger("picoevent")

FOR_EVER = 1e9
LAST_SYNC_SECONDS = 0.2
LOOK_SECONDS = 0.02
"""How often whoever waits for the drain looks how far it is."""


@dataclass(frozen=True, slots=True)
class DrainReport:
    """What became of a spool: events stored (of these, `already_stored` before), set aside, and left in it."""

    stored: int
    already_stored: int
    set_aside: int
    left: int


class WritePath:
    """Everything between `log()` and the store; safe under threads, a child of `fork()` makes its own.

    Nothing connects, and nothing touches the disk, before the first event.
    """

    def __init__(self, settings: Settings, store: WritingStore, cache: Cache, key: InstallationKey) -> None:
        minter = IdMinter()
        self.counters = Counters()
        self._spool, no_spool = _open_spool(settings)
        self._batches = BatchWriter(settings, store, cache, minter, key)
        self._drain = Drain(self._spool, self._batches, self.counters) if self._spool else None
        self._publishing = _open_publishing(settings, self.counters)
        self._no_spool = no_spool
        self._thread = WriterThread(self._batches, self._drain, self.counters, self._keep_up)
        rejects = RejectedKeeper(settings, store, self._thread.run)
        rules = Rules(settings, minter)
        self.intake = Intake(
            rules, self._thread, Spooling(self._spool, self.counters, no_spool), self.counters, rejects
        )
        self.bulk = BulkIntake(
            BulkParts(rules, self._batches, self.counters, rejects, partial(open_bulk_store, settings.url, settings))
        )

    def _keep_up(self) -> None:
        """Do, in the writer's thread, what is due for the process as a whole."""
        if self._no_spool is not None:
            logger.warning("PicoEvent: there is no spool, so that an outage costs events: %s", self._no_spool)
            self._no_spool = None
        if self._publishing is not None:
            self._publishing.notice()

    def count_report(self, what: str) -> None:
        """Count how a report was answered, and have it published; `picoevent.write.counters.OF_REPORTS` says what."""
        self.counters.add(**{f"report_{what}": 1})
        if self._publishing is not None:
            self._publishing.notice()

    def drain(self, on_progress: Callable[[int, int], None] | None = None, timeout: float | None = None) -> DrainReport:
        """Drain the spool, and those of dead processes, within so many seconds; see `EventLog.drain_spool`."""
        before = self.counters.to_dict()
        if self._drain is not None:
            give_up = time.monotonic() + (FOR_EVER if timeout is None else timeout)
            self._ask_the_database(give_up)
            self._thread.run(self._drain.adopt, give_up)
            self._wait_for_drain(self._drain, give_up, on_progress or (lambda _done, _left: None))
        after = self.counters.to_dict()
        gained = {name: after[name] - before[name] for name in ("replayed", "already_stored", "set_aside")}
        left = self._spool.pending if self._spool else 0
        return DrainReport(gained["replayed"], gained["already_stored"], gained["set_aside"], left)

    def _ask_the_database(self, give_up: float) -> None:
        """Where it is known to be away, ask again now; raise what it says."""
        breaker = self._thread.breaker
        known = breaker.error
        breaker.ask_now()
        self._thread.wake()
        while known is not None and breaker.error is known and time.monotonic() < give_up:
            time.sleep(LOOK_SECONDS)
        if breaker.error is not None:
            raise breaker.error

    def _wait_for_drain(self, drain: Drain, give_up: float, tell: Callable[[int, int], None]) -> None:
        """Look every now and then how far the writer's thread is; raise why it can't go on."""
        before = self.counters.to_dict()["replayed"]
        breaker = self._thread.breaker
        known = breaker.error
        drain.hurry = True
        breaker.ask_now()
        self._thread.wake()
        try:
            while not drain.is_done and time.monotonic() < give_up:
                done = self.counters.to_dict()["replayed"] - before
                tell(done, drain.pending)
                error = breaker.error
                if error is not None and error is not known:
                    raise error
                time.sleep(LOOK_SECONDS)
        finally:
            drain.hurry = False
        # The last batch is out of the spool; behind this it is counted, too.
        self._thread.run(lambda: None, give_up)
        tell(self.counters.to_dict()["replayed"] - before, drain.pending)

    def close(self, timeout: float) -> int:
        """Drain what can be drained in so many seconds, end the thread; return how many events stay in the spool."""
        give_up = time.monotonic() + timeout
        self._wait_quietly(timeout)
        self._thread.stop(give_up - time.monotonic())
        # Now, not before: the thread may just have been busy with its last batch.
        left = self._sync(give_up)
        if self._spool is not None:
            self._spool.close()
        if self._publishing is not None:
            self._publishing.close()
        return left

    def end_thread(self, timeout: float) -> None:
        """End the writer's thread within so many seconds."""
        self._thread.stop(timeout)

    def flush(self, timeout: float) -> int:
        """Drain and sync the spool, as far as so many seconds go; return how many events stay in it. Never raises.

        Where the database is known to be away, nobody is held up.
        """
        give_up = time.monotonic() + timeout
        self._wait_quietly(timeout)
        return self._sync(give_up)

    def _wait_quietly(self, timeout: float) -> None:
        if self._drain is not None and self._thread.is_running and not self._thread.breaker.is_open:
            with suppress(PicoEventError):
                self._wait_for_drain(self._drain, time.monotonic() + timeout, lambda _done, _left: None)

    def _sync(self, give_up: float) -> int:
        """Bring what stays in the spool to the disk, say and return how much it is."""
        left = self._spool.pending if self._spool else 0
        if self._spool is not None and left:
            with suppress(PicoEventError):
                self._spool.sync(max(LAST_SYNC_SECONDS, give_up - time.monotonic()))
            events = "1 event stays" if left == 1 else f"{left:,} events stay"
            logger.warning("PicoEvent: %s in the spool, for the next process or `picoevent spool drain`", events)
        return left


def _open_publishing(settings: Settings, counters: Counters) -> PublishingThread | None:
    with suppress(SettingsError):
        return PublishingThread(Publisher(spool_folder(settings), parents=not settings.spool_dir), counters.to_dict)
    return None


def _open_spool(settings: Settings) -> tuple[Spool | None, PicoEventError | None]:
    """Return the spool, or None and, where one is wanted, why there is none: only who has to spool is told."""
    if not settings.spool_max_mb:
        return None, None
    try:
        folder = spool_folder(settings)
    except SettingsError as error:
        return None, error
    size, database = settings.spool_max_mb * 1_000_000, database_name(settings)
    return Spool(folder, size, database=database, parents=not settings.spool_dir), None
