"""The thread that brings appended records to the disk: one fdatasync for all that wait. Not about what they hold.

It never takes the lock of those who append: a signal handler may wait for it while its own thread holds that lock.
"""

from __future__ import annotations

import _thread
import logging
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from itertools import count
from pathlib import Path
from queue import Empty, SimpleQueue

from picoevent.spool.journal import Journal
from picoevent.spool.segment import Segment

logger = logging.getLogger("picoevent")

THREAD_NAME = "picoevent-spool"
STOP_SECONDS = 1.0
SOON, NOW = False, True
"""What the thread is woken with: something was appended; somebody waits."""


class Syncer:
    """Sync the journals at once where somebody waits, else some milliseconds after the first append."""

    def __init__(self, journals: Callable[[], Sequence[Journal]], sync_ms: int, clock: Callable[[], float]) -> None:
        self._journals = journals
        self._seconds = sync_ms / 1000
        self._clock = clock
        self.positions = count(1)
        """Each append takes one behind its write, and each pass one before it begins."""
        self._synced = 0
        self._failed = (0, 0)
        # Unlike Event and Condition, both may be used by a signal handler that interrupts their own methods.
        self._wake: SimpleQueue[bool] = SimpleQueue()
        self._waiters: deque[_thread.LockType] = deque()
        self.dirty = False
        self._stopping = False
        self._running = False
        self._thread_id = 0
        self._ended = _thread.allocate_lock()
        self.began: float | None = None
        """When the fdatasync under way began."""

    def mark_dirty(self) -> None:
        """Say that something was appended: it is synced within `sync_ms`."""
        self.dirty = True
        self._start()
        self._wake.put(SOON)

    def wait(self, position: int, seconds: float) -> bool:
        """Return True once a pass has covered the position; False when it failed, or the time is over."""
        give_up = time.monotonic() + seconds
        while position >= self._synced:
            left = give_up - time.monotonic()
            if left <= 0:
                return False
            if not self._running or self._thread_id == _thread.get_ident():
                self._pass(seal=False)
                continue
            gate = _thread.allocate_lock()
            gate.acquire()
            self._waiters.append(gate)
            self._wake.put(NOW)
            gate.acquire(timeout=left)
        low, high = self._failed
        return not low <= position < high

    def stop(self) -> bool:
        """Sync what is left and end the thread; return False where it has not ended within a second."""
        self._stopping = True
        self._wake.put(NOW)
        if not self._running:
            self._pass(seal=False)
            return True
        return self._ended.acquire(timeout=STOP_SECONDS)

    def _start(self) -> None:
        if self._running or self._stopping:
            return
        self._running = True
        self._ended.acquire(blocking=False)
        try:
            # Not threading.Thread: its start() takes a lock that the interrupted code may hold.
            _thread.start_new_thread(self._run, ())
        except RuntimeError:
            # The interpreter is ending: those who wait sync by themselves.
            self._running = False

    def _run(self) -> None:
        threading.current_thread().name = THREAD_NAME
        self._thread_id = _thread.get_ident()
        try:
            while not self._stopping:
                if self._wake.get() is SOON:
                    self._linger()
                self.dirty = False
                self._round()
            self._round()
        finally:
            self._running = False
            self._ended.release()
            self._release_waiters()

    def _linger(self) -> None:
        try:
            while self._wake.get(timeout=self._seconds) is SOON:
                pass
        except Empty:
            return

    def _round(self) -> None:
        try:
            self._pass(seal=True)
        except Exception:
            # Whatever it is, those who append must not wait for a thread that is dead.
            logger.exception("PicoEvent: a pass of the spool's thread failed.")
        self._release_waiters()

    def _release_waiters(self) -> None:
        while self._waiters:
            self._waiters.popleft().release()

    def _pass(self, *, seal: bool) -> None:
        """Sync everything that was appended before now."""
        while not self._wake.empty():
            try:
                self._wake.get_nowait()
            except Empty:
                break
        journals = list(self._journals())
        recent = [len(journal.recent) for journal in journals]
        mark = next(self.positions)
        # All of them, also behind one that fails.
        succeeded = [self._sync(journal, seal=seal) for journal in journals]
        if all(succeeded):
            if seal:
                _forget(journals, recent)
        else:
            low, high = self._failed
            self._failed = (low if high >= self._synced else self._synced), mark
        self._synced = max(self._synced, mark)

    def _sync(self, journal: Journal, *, seal: bool) -> bool:
        done = True
        for segment in list(journal.unsealed):
            done &= self._sync_segment(journal, segment)
            if seal and segment is not journal.segments[-1] and segment is journal.unsealed[0]:
                journal.unsealed.popleft()
                journal.seal(segment)
        if journal.names_changed:
            journal.names_changed = False
            done &= self._sync_folder(journal.folder) and self._sync_folder(journal.folder.parent)
        return done

    def _sync_segment(self, journal: Journal, segment: Segment) -> bool:
        size = segment.end[0]
        if segment.synced >= size:
            return True
        segment.synced = size
        # Those before the last one are deleted by who reads them.
        if segment is journal.segments[-1] and segment.is_deleted:
            journal.is_gone = True
            logger.warning("PicoEvent: the spool %s was removed while it was in use; another is made.", journal.folder)
            return False
        try:
            self._timed(os.fdatasync, segment.fd)
        except OSError as error:
            # The kernel tells once, and then calls the same pages clean: never trust this file again.
            segment.limit = 0
            logger.exception("PicoEvent: %s can't be brought to its disk (%s).", segment.path, error.strerror)
            return False
        return True

    def _sync_folder(self, folder: Path) -> bool:
        try:
            fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError:
            return False
        try:
            self._timed(os.fsync, fd)
        except OSError as error:
            logger.exception("PicoEvent: the folder %s can't be brought to its disk (%s).", folder, error.strerror)
            return False
        finally:
            os.close(fd)
        return True

    def _timed(self, sync: Callable[[int], None], fd: int) -> None:
        self.began = self._clock()
        try:
            sync(fd)
        finally:
            self.began = None


def _forget(journals: Sequence[Journal], appends: Sequence[int]) -> None:
    for journal, synced in zip(journals, appends, strict=True):
        for _ in range(synced):
            journal.recent.popleft()
