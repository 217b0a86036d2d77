"""The spool of one process: events are appended in calls, brought to the disk by a thread, and read in batches.

Safe under threads, in signal handlers and finalizers, and across a fork. It knows nothing of any database.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from picoevent.errors import SpoolUnavailable
from picoevent.forks import hold_at_fork
from picoevent.spool.backlog import Backlog, SpoolBatch, Survey
from picoevent.spool.cancelled import write_cancelled
from picoevent.spool.checkpoint import Checkpoint
from picoevent.spool.failures import full, stalled, unavailable
from picoevent.spool.folders import HeldFolder, check_owner, hold, list_folders, make_folder, prepare, segment_bytes
from picoevent.spool.frames import SpooledEvent
from picoevent.spool.journal import Journal
from picoevent.spool.retrying import retry_folder
from picoevent.spool.segment import START_BYTES, NewerFormat
from picoevent.spool.syncing import Syncer

logger = logging.getLogger("picoevent")

SEGMENT_BYTES = 8_000_000
ADOPTED_AT_ONCE = 4
"""Each adopted folder costs a descriptor; the others follow when these are done."""
FORK_SECONDS = 1.0
SYNC_SECONDS = 5.0
CLOSE_SECONDS = 0.5
MAX_DEPTH = 8
"""How deep appends may interrupt each other; signals that come faster than they are handled have no other end."""
ROOM_SECONDS = 1.0
"""How often a full spool looks again whether others have made room."""


class Lane(NamedTuple):
    """A folder of this process: its appending and its reading side."""

    journal: Journal
    backlog: Backlog


class Spool:
    """The spool of this process in the folder of all processes' spools.

    Nothing touches the disk before the first `append()` or `adopt()`. `stall_ms`: for how long a disk may hold a
    sync before appends are refused. `parents`: whether missing folders above are made; one that somebody has named may
    lie on a disk that is not mounted now.
    """

    def __init__(  # noqa: PLR0913  # the last four are for tests
        self,
        folder: Path,
        max_bytes: int,
        *,
        database: str = "",
        parents: bool = False,
        segment_bytes: int = SEGMENT_BYTES,
        sync_ms: int = 100,
        stall_ms: int = 5000,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._folder = Path(folder)
        self._max_bytes = max_bytes
        self._parents = parents
        self._database = database
        self._segment_bytes = segment_bytes
        self._sync_ms = sync_ms
        self._stall_seconds = stall_ms / 1000
        self._clock = clock
        self._closed = False
        self._start_anew()
        hold_at_fork(self)

    def _start_anew(self) -> None:
        # Reentrant: a signal handler may append within an append.
        self._lock = threading.RLock()
        self._reading = threading.RLock()
        # A call that interrupts another one in its own thread has a journal of its own, by how deep it stands.
        self._depth = 0
        self._lanes: dict[int, Lane] = {}
        self._adopted: list[Backlog] = []
        self.more_to_adopt = False
        """Whether the last `adopt()` had to leave some for the next one."""
        self._handed: Backlog | None = None
        self._syncer = Syncer(self._open_journals, self._sync_ms, self._clock)
        self._room = self._look_again_at = 0
        self._room_known = -ROOM_SECONDS
        self._forking = (False, False)
        self._warned: set[Path] = set()

    def append(self, events: Sequence[SpooledEvent], seconds: float = 1.0) -> int:
        """Append all of these or none, and return a position for `wait_synced`; at least one event.

        On return they survive the death of this process, and within `sync_ms` that of the machine. Raises
        `SpoolFull` and `SpoolUnavailable`; the latter also where another call has been writing for so many seconds.
        """
        syncer = self._syncer
        if syncer.began is not None:
            self._check_stall(syncer.began)
        # By its name here: a child of a fork in the middle of this has another one.
        lock = self._lock
        if not lock.acquire(timeout=max(0.0, min(seconds, self._stall_seconds))):
            raise stalled(self._folder, seconds)
        try:
            depth = self._depth
            try:
                self._depth = depth + 1
                lane = self._lanes.get(depth)
                journal, backlog = self._open_lane(depth) if lane is None or lane.journal.is_gone else lane
                if not journal.append(events, self._look_again_at + backlog.freed):
                    self._append_in_need(journal, backlog, events)
            finally:
                self._depth = depth
        finally:
            lock.release()
        position = next(syncer.positions)
        if not syncer.dirty:
            syncer.mark_dirty()
        return position

    def wait_synced(self, position: int, seconds: float) -> bool:
        """Return True once fdatasync has covered the position; False when it failed or the time is over."""
        return self._syncer.wait(position, seconds)

    def cancel(self, event_ids: Sequence[int]) -> set[int]:
        """Take back events whose sync did not end in time, and return which: reading skips these.

        The others were handed out by `next_batch` or synced meanwhile: they are on their way to the database. Never
        raises.
        """
        wanted, taken = set(event_ids), set()
        for journal, backlog in list(self._lanes.values()):
            ids = journal.unsynced(wanted)
            numbers = backlog.cancel(list(ids))
            taken |= {ids[number] for number in numbers}
            if numbers:
                try:
                    write_cancelled(journal.folder, numbers)
                except OSError as error:
                    logger.warning("PicoEvent: can't note what was taken back (%s).", error.strerror)
        return taken

    @property
    def pending(self) -> int:
        """How many events wait, of this process and of those that it has adopted."""
        return sum([backlog.pending for backlog in self._all_backlogs()])

    def adopt(self) -> int:
        """Take over the spools of dead processes; return how many events they hold. Never raises.

        At most four at once: what it returns may be 0 and there may still be more, while adopted ones are pending.
        """
        with self._reading:
            if self._closed:
                return 0
            self.more_to_adopt = False
            try:
                check_owner(self._folder, self._database)
                mine = {held.path for held in self._held()}
                found = [path for path in list_folders(self._folder) if path not in mine]
            except OSError as error:
                logger.warning("PicoEvent: the spool in %s can't be listed (%s).", self._folder, error.strerror)
                return 0
            except SpoolUnavailable as error:
                self._warn_once(self._folder, error)
                return 0
            return sum(self._try_to_adopt(path) for path in found)

    def next_batch(self, max_events: int = 1000, max_bytes: int = 4_000_000) -> SpoolBatch | None:
        """Return the oldest events that wait, and the same batch again until `done()`; None where nothing waits.

        A batch without events is one of counts alone.
        """
        with self._reading:
            for backlog in [self._handed] if self._handed else self._all_backlogs():
                batch = backlog.next_batch(max_events, max_bytes)
                if batch is not None:
                    self._handed = backlog
                    return batch
                self._drop_if_finished(backlog)
            return None

    def done(self, batch: SpoolBatch) -> None:
        """Say that each event of the batch is stored, refused or set aside: reading goes on behind it."""
        with self._reading:
            if self._handed is not None:
                backlog, self._handed = self._handed, None
                backlog.done(batch)
                self._drop_if_finished(backlog)

    def set_aside(self, batch: SpoolBatch, failed: Sequence[tuple[SpooledEvent, str]]) -> None:
        """Keep events of this batch that can't be stored, each with its reason; on disk on return.

        Call `done()` behind it. Raises `SpoolUnavailable`.
        """
        with self._reading:
            if self._handed is not None:
                try:
                    self._handed.set_aside(batch, failed)
                except OSError as error:
                    raise unavailable(self._folder, error) from error

    def retry_set_aside(self) -> int:
        """Append the events that were set aside by dead processes or this one again; return how many.

        What is not an event stays. Raises `SpoolUnavailable`; what was not appended then stays set aside.
        """
        with self._reading:
            held = {folder.path: folder for folder in self._held()}
            return sum(retry_folder(path, held.get(path), self) for path in list_folders(self._folder))

    def sync(self, seconds: float = SYNC_SECONDS) -> None:
        """Return when everything that was appended is on the disk; raise `SpoolUnavailable` where it is not in time."""
        if self._lanes and not self._syncer.wait(next(self._syncer.positions), seconds):
            raise stalled(self._folder, seconds)

    def close(self) -> None:
        """Sync, stop the thread, and let others adopt what waits. A disk that stalls costs a second."""
        self._closed = True
        stopped = self._syncer.stop()
        if not self._reading.acquire(timeout=CLOSE_SECONDS):
            # The thread that reads hangs in this disk: the folder's lock goes with the process.
            return
        try:
            if self._lock.acquire(timeout=CLOSE_SECONDS):
                try:
                    self._let_all_go(stopped=stopped)
                finally:
                    self._lock.release()
        finally:
            self._reading.release()

    def _let_all_go(self, *, stopped: bool) -> None:
        for journal, backlog in self._lanes.values():
            if stopped:
                journal.close()
            backlog.end_appending()
        for backlog in self._all_backlogs():
            self._let_go(backlog)
        self._lanes, self._adopted, self._handed = {}, [], None

    def before_fork(self) -> None:
        """Let what is under way come to its end."""
        self._forking = self._reading.acquire(timeout=FORK_SECONDS), self._lock.acquire(timeout=FORK_SECONDS)

    def after_fork(self, *, in_child: bool) -> None:
        """Go on; in the child with nothing: what waits is the parent's."""
        if not in_child:
            reading, appending = self._forking
            if appending:
                self._lock.release()
            if reading:
                self._reading.release()
            return
        for backlog in self._all_backlogs():
            backlog.close()
            backlog.held.release()
        for journal in self._open_journals():
            journal.abandon(interrupted=self._depth > 0)
        self._start_anew()

    def _check_stall(self, began: float) -> None:
        seconds = self._clock() - began
        if seconds > self._stall_seconds:
            raise stalled(self._folder, seconds)

    def _open_lane(self, depth: int) -> Lane:
        if self._closed:
            raise SpoolUnavailable(f"The spool in {self._folder} is closed.", hint="Append before close().")
        if depth >= MAX_DEPTH:
            message = f"{MAX_DEPTH} signal handlers that interrupt each other append to the spool in {self._folder}."
            raise SpoolUnavailable(message, hint="Send signals less often.")
        self._find_room(0)
        if self._room < START_BYTES:
            raise full(self._folder, self._max_bytes)
        try:
            prepare(self._folder, self._database, parents=self._parents)
            held = make_folder(self._folder)
        except OSError as error:
            raise unavailable(self._folder, error) from error
        try:
            journal = Journal(held, self._segment_bytes)
            backlog = Backlog(held, journal.segments, Checkpoint(1, START_BYTES, 1), live=True)
            backlog.write_checkpoint()
        except OSError as error:
            with suppress(OSError):
                held.remove()
            raise unavailable(held.path, error) from error
        except BaseException:
            # A signal handler raised: nobody must wait for a folder that nobody uses.
            held.release()
            raise
        if f"-{os.getpid()}-" not in held.path.name:
            # A fork came into this very call: the folder is the parent's.
            held.release()
            raise SpoolUnavailable(f"The process forked while it opened {held.path}.", hint="Log again.")
        gone = self._lanes.get(depth)
        if gone is not None:
            # What can still be read of it is; the numbers of the rest are counted as lost.
            self._adopted.append(gone.backlog)
            gone.backlog.end_appending()
        self._lanes[depth] = lane = Lane(journal, backlog)
        return lane

    def _append_in_need(self, journal: Journal, backlog: Backlog, events: Sequence[SpooledEvent]) -> None:
        """Look again how much room there is: at each new segment, and each second while there is none."""
        if self._look_again_at < self._room or self._clock() - self._room_known >= ROOM_SECONDS:
            self._find_room(journal.appended - backlog.freed)
        if not journal.append(events, self._room + backlog.freed):
            raise full(self._folder, self._max_bytes)

    def _find_room(self, held_bytes: int) -> None:
        """Look how much the segments of all others hold."""
        lane = self._lanes.get(0)
        own = lane.journal.folder if lane else None
        others = sum(segment_bytes(path) for path in list_folders(self._folder) if path != own)
        self._room = self._max_bytes - others
        self._look_again_at = min(self._room, held_bytes + self._segment_bytes)
        self._room_known = self._clock()

    def _open_journals(self) -> list[Journal]:
        return [lane.journal for lane in list(self._lanes.values())]

    def _all_backlogs(self) -> list[Backlog]:
        return [*self._adopted, *[lane.backlog for lane in list(self._lanes.values())]]

    def _held(self) -> Iterator[HeldFolder]:
        return (backlog.held for backlog in self._all_backlogs())

    def _try_to_adopt(self, path: Path) -> int:
        if len(self._adopted) >= ADOPTED_AT_ONCE:
            self.more_to_adopt = True
            return 0
        held = None
        try:
            held = hold(path)
            if held is None:
                return 0
            survey = Survey(path)
            held.sign()
            for segment in survey.finished:
                segment.unlink()
            backlog = Backlog(held, survey.segments, survey.checkpoint, survey.cancelled, live=False)
        except (OSError, NewerFormat) as error:
            if held is not None:
                held.release()
            self._warn_once(path, error)
            return 0
        if survey.pending or survey.segments:
            self._adopted.append(backlog)
            self._adopted.sort(key=_age)
        else:
            self._let_go(backlog)
        return survey.pending

    def _warn_once(self, path: Path, error: Exception) -> None:
        if path not in self._warned:
            self._warned.add(path)
            logger.warning("PicoEvent: the spool %s is left alone (%s).", path, error)

    def _drop_if_finished(self, backlog: Backlog) -> None:
        if backlog.finished:
            self._adopted.remove(backlog)
            self._let_go(backlog)

    def _let_go(self, backlog: Backlog) -> None:
        """Close a folder, and delete it where nothing is left in it."""
        held = backlog.held
        backlog.close()
        try:
            if backlog.pending == 0:
                backlog.delete_segments()
                held.remove()
        except OSError as error:
            logger.warning("PicoEvent: the folder %s can't be deleted (%s).", held.path, error.strerror)
        held.release()


def _age(backlog: Backlog) -> str:
    return backlog.held.path.name
