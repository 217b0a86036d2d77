"""The appending side of one folder: records into its last segment. Not safe under threads, and not reentrant.

`picoevent.spool.spool` sees to both: one lock, and another journal for whoever interrupts an append in its own thread.
"""

from __future__ import annotations

import errno
import logging
import os
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from zlib import crc32

from picoevent.spool.failures import FULL, unavailable
from picoevent.spool.folders import HeldFolder
from picoevent.spool.frames import HEAD, MARKER, NUMBER, SpooledEvent, encode, frame
from picoevent.spool.segment import OPEN, SEALED, START_BYTES, Segment, open_segment

logger = logging.getLogger("picoevent")

_pack_head, _pack_number = HEAD.pack, NUMBER.pack


class Journal:
    """Append to the segments of a folder that this process holds."""

    def __init__(self, held: HeldFolder, segment_bytes: int) -> None:
        self.held = held
        self.folder: Path = held.path
        self._segment_bytes = segment_bytes
        self._owner = os.getpid()
        first = open_segment(held.path, 1, segment_bytes)
        self.segments: deque[Segment] = deque([first])
        """All that are not read to their end; the last one is appended to."""
        self.unsealed: deque[Segment] = deque([first])
        self.recent: deque[tuple[int, Sequence[SpooledEvent]]] = deque()
        """What was appended and may not be synced yet, by its first number."""
        self.names_changed = True
        self.is_gone = False
        """Set where somebody has removed the folder: what is appended here, nobody will find."""
        self.appended = START_BYTES
        self._unsettled = False

    @property
    def next_number(self) -> int:
        """The number of the next record."""
        return self.segments[-1].end[1]

    def unsynced(self, event_ids: set[int]) -> dict[int, int]:
        """Return those of these ids that may not be synced yet, by the number of their record."""
        return {
            number: event.event_id
            for first, events in self._recent()
            for number, event in enumerate(events, first)
            if event.event_id in event_ids
        }

    def _recent(self) -> list[tuple[int, Sequence[SpooledEvent]]]:
        while True:
            try:
                return list(self.recent)
            except RuntimeError:
                # Another thread appended meanwhile.
                continue

    def append(self, events: Sequence[SpooledEvent], room: int) -> bool:
        """Write all of these or none; return False where they need more than `room` bytes.

        Raises `SpoolFull` and `SpoolUnavailable`; nothing of the call is kept then.
        """
        if self._unsettled:
            self._settle()
        segment = self.segments[-1]
        size, number = segment.end
        if len(events) == 1:
            body = encode(events[0])
            data = _pack_head(MARKER, len(body), crc32(body, crc32(_pack_number(number))), number) + body
        else:
            data = b"".join([frame(at, encode(event)) for at, event in enumerate(events, number)])
        length = len(data)
        if self.appended + length > room:
            return False
        if size + length > segment.limit and size > START_BYTES:
            segment = self._rotate(segment)
            size = segment.end[0]
        self._unsettled = True
        try:
            written = os.write(segment.fd, data)
        except OSError as error:
            self._settle()
            raise unavailable(self.folder, error) from error
        if written != length:
            self._settle()
            raise unavailable(self.folder, OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)))
        # From here on the records are there: both in one assignment, whoever looks meanwhile.
        segment.end = size + length, number + len(events)
        self._unsettled = False
        self.appended += length
        self.recent.append((number, events))
        return True

    def _settle(self) -> None:
        """Cut off what an append left that failed, or that an exception in a signal handler broke off."""
        segment = self.segments[-1]
        try:
            os.ftruncate(segment.fd, segment.end[0])
        except OSError as error:
            # Its tail holds rubbish now, which readers skip; the next append begins another segment.
            segment.limit = 0
            logger.warning("PicoEvent: can't cut %s to its last good record (%s).", segment.path, error.strerror)
        self._unsettled = False

    def _rotate(self, full: Segment) -> Segment:
        try:
            segment = self._open_next(full.end[1])
        except OSError as error:
            if full.limit and error.errno not in FULL:
                # A segment that grows is better than an event that is refused.
                return full
            raise unavailable(self.folder, error) from error
        self.appended += START_BYTES
        self.names_changed = True
        self.unsealed.append(segment)
        self.segments.append(segment)
        return segment

    def _open_next(self, number: int) -> Segment:
        try:
            return open_segment(self.folder, number, self._segment_bytes)
        except FileExistsError:
            # Left by an attempt that was broken off; or made by the parent, where a fork came into this very call.
            if os.getpid() != self._owner:
                raise
            (self.folder / f"{number:020d}{OPEN}").unlink()
            return open_segment(self.folder, number, self._segment_bytes)

    def seal(self, segment: Segment) -> None:
        """Close a segment that is full, under the name that says so; called once it is synced."""
        name = f"{segment.first:020d}{SEALED}"
        try:
            segment.path.rename(segment.folder / name)
        except FileNotFoundError:
            # Read to its end and deleted meanwhile.
            pass
        except OSError as error:
            logger.warning("PicoEvent: can't rename %s (%s).", segment.path, error.strerror)
        else:
            segment.name = name
            self.names_changed = True
        fd, segment.fd = segment.fd, -1
        if fd >= 0:
            os.close(fd)

    def close(self) -> None:
        """Close the descriptors of all segments."""
        while self.unsealed:
            segment = self.unsealed.popleft()
            fd, segment.fd = segment.fd, -1
            if fd >= 0:
                os.close(fd)

    def abandon(self, *, interrupted: bool) -> None:
        """Close the parent's descriptors in a child.

        Where the fork interrupted an append, the child is still inside it, and the parent alone goes on with it: the
        child's write goes nowhere.
        """
        self.held.release()
        if not interrupted:
            self.close()
            return
        nowhere = os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC)
        for segment in list(self.unsealed):
            if segment.fd >= 0:
                os.dup2(nowhere, segment.fd, inheritable=False)
        os.close(nowhere)
