"""The reading side of one folder: batches, oldest first, and the checkpoint behind them. Not about who may read it."""

from __future__ import annotations

import logging
import os
import threading
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import msgspec

from picoevent.spool.cancelled import read_cancelled
from picoevent.spool.checkpoint import Checkpoint, CheckpointFile, read_checkpoint
from picoevent.spool.folders import HeldFolder
from picoevent.spool.frames import CHUNK, DAMAGED, TORN, SpooledEvent, decode_event, scan
from picoevent.spool.segment import START_BYTES, Segment, list_segments
from picoevent.spool.set_aside import Aside, SetAside

logger = logging.getLogger("picoevent")

UNREADABLE = "illegible: the record is damaged"


@dataclass(frozen=True, slots=True)
class SpoolBatch:
    """Some events of one segment, to be stored and then handed to `done()`; there may be none, only counts.

    `fresh`: no attempt at any of them was begun before. `corrupt` (set aside as bytes) and `lost` are met between
    these events for the first time, to be counted once. `again` of the events were not in `pending`: copies of
    records that were read before.
    """

    events: list[SpooledEvent]
    fresh: bool
    corrupt: int = 0
    lost: int = 0
    again: int = 0
    offsets: dict[int, int] = field(default_factory=dict, repr=False)
    after: Checkpoint = field(default=Checkpoint(0, 0, 0), repr=False)


class Survey:
    """What a folder holds that nobody in this process reads yet; raises `NewerFormat` and `OSError`."""

    def __init__(self, folder: Path) -> None:
        found = list_segments(folder)
        oldest = found[0].first if found else 1
        # Without a checkpoint, nobody knows what was begun.
        self.checkpoint = read_checkpoint(folder) or Checkpoint(oldest, START_BYTES, oldest, begun=True)
        self.finished = [segment for segment in found if segment.first < self.checkpoint.segment]
        self.segments = deque(segment for segment in found if segment.first >= self.checkpoint.segment)
        self.limit = max((segment.end[1] for segment in self.segments), default=self.checkpoint.number)
        self.cancelled = {n for n in read_cancelled(folder) if self.checkpoint.number <= n < self.limit}

    @property
    def pending(self) -> int:
        """How many events wait."""
        left = max(0, self.limit - self.checkpoint.number)
        return left + self.checkpoint.missing - len(self.cancelled)


class Backlog:
    """Read one folder that this process holds; not safe under threads, but for `pending` and `cancel`."""

    def __init__(
        self,
        held: HeldFolder,
        segments: deque[Segment],
        checkpoint: Checkpoint,
        cancelled: Iterable[int] = (),
        *,
        live: bool,
    ) -> None:
        self.held = held
        self._segments = segments
        self._done = checkpoint
        self._live = live
        self._limit = 0 if live else max((segment.end[1] for segment in segments), default=checkpoint.number)
        self._cancelled = set(cancelled)
        self._handed = checkpoint.number
        # Reentrant: a signal handler may cancel within a call that holds it. Never held while a disk may stall.
        self._lock = threading.RLock()
        self._file = CheckpointFile(held.path)
        self._aside = SetAside(held.path, (checkpoint.segment, checkpoint.offset))
        self._reading: Segment | None = None
        self._fd = -1
        self._fresh = False
        self._batch: SpoolBatch | None = None
        self.freed = 0
        """Bytes of the segments that were deleted."""

    @property
    def pending(self) -> int:
        """How many events wait, those of the batch that is handed out included."""
        with self._lock:
            done = self._done
            limit = self._segments[-1].end[1] if self._live else self._limit
            return max(0, limit - done.number) + done.missing - len(self._cancelled)

    @property
    def finished(self) -> bool:
        """Whether everything is done, and nobody will append."""
        return not self._live and not self._segments

    def write_checkpoint(self) -> None:
        """Say in a new folder that its first record is number 1, so that a missing one is noticed."""
        self._file.write(self._done)

    def cancel(self, numbers: Sequence[int]) -> list[int]:
        """Take back records; return those that no batch holds yet, and none will."""
        with self._lock:
            taken = [number for number in numbers if number >= self._handed]
            self._cancelled.update(taken)
            return taken

    def next_batch(self, max_events: int, max_bytes: int) -> SpoolBatch | None:
        """Return the next batch, the same one until it is done; None where nothing waits."""
        if self._batch is not None:
            self._batch = replace(self._batch, fresh=False, corrupt=0, lost=0, again=0)
            return self._batch
        while self._segments:
            segment = self._segments[0]
            last = len(self._segments) == 1
            self._enter(segment)
            if self._has_more(segment):
                self._batch = self._read(segment, max_events, max_bytes)
                if self._batch is not None:
                    return self._batch
            elif last and self._live:
                return None
            else:
                self._leave(segment)
        return None

    def done(self, batch: SpoolBatch) -> None:
        """Go on behind this batch; a batch that is not the one handed out last changes nothing."""
        if self._batch is None or batch.after != self._batch.after:
            return
        self._batch = None
        self._advance(batch.after)
        if self._segments and not (self._live and len(self._segments) == 1):
            segment = self._segments[0]
            if not self._has_more(segment):
                self._leave(segment)

    def set_aside(self, batch: SpoolBatch, failed: Sequence[tuple[SpooledEvent, str]]) -> None:
        """Write events that can't be stored into the set-aside file, fsynced; raise `OSError`."""
        self._aside.add(
            [
                Aside(batch.after.segment, batch.offsets.get(event.event_id, 0), reason, event, None)
                for event, reason in failed
            ]
        )

    def close(self) -> None:
        """Close the descriptors; the lock stays."""
        self._stop_reading()
        self._file.close()

    def end_appending(self) -> None:
        """Nobody will append here any more."""
        self._limit = self._segments[-1].end[1] if self._segments else self._done.number
        self._live = False

    def delete_segments(self) -> None:
        """Delete the files of a folder in which everything is done; raise `OSError`."""
        while self._segments:
            self._segments.popleft().unlink()

    def _has_more(self, segment: Segment) -> bool:
        """Return whether bytes are left in a segment, or records are missing at its end and not counted yet."""
        end, limit = segment.end
        return self._done.offset < end or self._done.number < limit or self._done.missing > 0

    def _enter(self, segment: Segment) -> None:
        if self._reading is segment:
            return
        self._stop_reading()
        if self._done.segment != segment.first:
            self._done = self._done._replace(segment=segment.first, offset=START_BYTES, begun=False)
        self._fresh = False
        self._reading = segment
        try:
            self._fd = segment.open_to_read()
        except OSError as error:
            logger.warning("PicoEvent: %s can't be read (%s); its records are counted.", segment.path, error.strerror)
            segment.end = START_BYTES, segment.end[1]
            self._done = self._done._replace(offset=START_BYTES)

    def _begin(self) -> None:
        """Make durable that this segment is begun, before its first batch is handed out."""
        if self._done.begun:
            return
        self._done = self._done._replace(begun=True)
        try:
            self._file.write(self._done, durable=True)
        except OSError as error:
            logger.warning("PicoEvent: the checkpoint in %s can't be written (%s).", self.held.path, error.strerror)
        else:
            self._fresh = True

    def _read(self, segment: Segment, max_events: int, max_bytes: int) -> SpoolBatch | None:
        """Return a batch of this segment; None where only cancelled events were met, which are done then."""
        reading = Reading(self._done, segment, self._fd)
        reading.run(max_events, max_bytes)
        self._set_aside_raw(reading)
        after = reading.after
        with self._lock:
            # In this order: who cancels in between is told that it is too late, and the event stays in the batch.
            self._handed = max(self._handed, after.number)
            cancelled = self._cancelled
            kept = [(n, at, event) for n, at, event in reading.found if n not in cancelled] if cancelled else None
            unread = self._passed(after) - (len(reading.found) - len(kept)) if kept is not None else 0
        found = reading.found if kept is None else kept
        lost = max(0, reading.lost - unread)
        if not (found or reading.corrupt or lost or reading.again):
            self._advance(after)
            return None
        self._begin()
        events = [event for _, _, event in found]
        offsets = {event.event_id: at for _, at, event in found}
        after = after._replace(begun=True)
        return SpoolBatch(events, self._fresh, reading.corrupt, lost, reading.again, offsets, after)

    def _passed(self, after: Checkpoint) -> int:
        return sum(1 for number in self._cancelled if number < after.number)

    def _advance(self, after: Checkpoint) -> None:
        with self._lock:
            self._done = after
            if self._cancelled:
                self._cancelled = {number for number in self._cancelled if number >= after.number}
        self._try_to_write(durable=False)

    def _leave(self, segment: Segment) -> None:
        """Delete a segment that is read to its end."""
        following = self._segments[1].first if len(self._segments) > 1 else None
        with self._lock:
            if following is not None:
                self._done = Checkpoint(following, START_BYTES, self._done.number)
            self._segments.popleft()
        self._stop_reading()
        # First the checkpoint: one that named a deleted segment would call its records lost.
        if following is None or self._try_to_write(durable=True):
            try:
                segment.unlink()
            except OSError as error:
                logger.warning("PicoEvent: %s can't be deleted (%s).", segment.path, error.strerror)
            else:
                self.freed += segment.end[0]

    def _try_to_write(self, *, durable: bool) -> bool:
        try:
            self._file.write(self._done, durable=durable)
        except OSError as error:
            logger.warning("PicoEvent: the checkpoint in %s can't be written (%s).", self.held.path, error.strerror)
            return False
        return True

    def _set_aside_raw(self, reading: Reading) -> None:
        asides = []
        try:
            for start, stop in reading.raw:
                for at in range(start, stop, CHUNK):
                    raw = os.pread(self._fd, min(CHUNK, stop - at), at)
                    asides.append(Aside(reading.after.segment, at, UNREADABLE, None, raw))
                    # One at a time where they are large.
                    if len(raw) == CHUNK:
                        self._aside.add(asides)
                        asides = []
            self._aside.add(asides)
        except OSError as error:
            logger.warning("PicoEvent: damaged records in %s can't be set aside (%s).", self.held.path, error.strerror)

    def _stop_reading(self) -> None:
        fd, self._fd, self._reading = self._fd, -1, None
        if fd >= 0:
            os.close(fd)


class Reading:
    """One walk along a segment, from the checkpoint to the end of a batch or of the file."""

    def __init__(self, begin: Checkpoint, segment: Segment, fd: int) -> None:
        self._begin = begin
        self._segment = segment
        self._fd = fd
        self._end, self._limit = segment.end
        self._number, self._missing, self._pieces = begin.number, begin.missing, begin.pieces
        self.found: list[tuple[int, int, SpooledEvent]] = []
        self.raw: list[tuple[int, int]] = []
        self.corrupt = self.lost = self.again = 0
        self.after = begin

    def run(self, max_events: int, max_bytes: int) -> None:
        """Read until the batch is full or the file ends; at its end, count what is missing."""
        offset, size = self._begin.offset, 0
        found = self.found
        for start, stop, number, body in scan(self._fd, offset, self._end) if self._fd >= 0 else ():
            if number <= 0:
                self._meet_damage(start, stop, number)
            else:
                size += len(body)
                if found and size > max_bytes:
                    break
                if number == self._number < self._limit:
                    self._number = number + 1
                else:
                    self._meet_out_of_order(number)
                try:
                    found.append((number, start, decode_event(body)))
                except msgspec.DecodeError:
                    self.raw.append((start, stop))
                    self.corrupt += 1
            offset = stop
            if len(found) >= max_events:
                break
        else:
            offset = self._end
            self._count_missing()
        self.after = self._begin._replace(
            offset=offset, number=self._number, missing=self._missing, pieces=self._pieces
        )

    def _meet_damage(self, start: int, stop: int, number: int) -> None:
        # What was never written to its end was never acknowledged, unless the numbers say that it was.
        if number == DAMAGED or (number == TORN and self._number < self._limit):
            self.raw.append((start, stop))
            self._pieces += 1

    def _meet_out_of_order(self, number: int) -> None:
        if self._segment.first <= number < self._limit:
            if number > self._number:
                self._missing += number - self._number
                self._number = number + 1
                return
            if self._missing:
                self._missing -= 1
                return
        # A copy of a segment: its events may come twice, and are found to be stored.
        self.again += 1

    def _count_missing(self) -> None:
        if self._limit > self._number:
            self._missing += self._limit - self._number
            self._number = self._limit
        corrupt = min(self._pieces, self._missing)
        self.corrupt += corrupt
        self.lost += self._missing - corrupt
        self._missing = self._pieces = 0
