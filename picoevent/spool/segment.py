"""Segments, the numbered files of one process's spool: their names, their first bytes, what stands in which.

A segment is named by the number of its first record: `.open` while it is written, `.spool` once it never changes again.
"""

from __future__ import annotations

import errno
import os
import re
import struct
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from zlib import crc32

from picoevent.spool.frames import DAMAGED, TORN, Window, scan

VERSION = 1
START = struct.Struct("<8sII")
START_BYTES = START.size
MAGIC = b"PicoSpl\n"
OPEN, SEALED = ".open", ".spool"
NAME = re.compile(r"(0\d{19})\.(?:open|spool)")  # what 64 bits hold


class NewerFormat(Exception):
    """Something in a spool was written by a newer release; it is left as it is."""


@dataclass(slots=True, eq=False)
class Segment:
    """One file. `end` is where its good bytes end, and the number behind its last record.

    Both are one value, replaced at once, so that a reader beside the writer sees a moment that was.
    """

    folder: Path
    first: int
    name: str
    end: tuple[int, int]
    fd: int = -1
    synced: int = 0
    limit: int = 0
    """How many bytes it may hold before another one is begun; 0 once its disk has failed."""

    @property
    def path(self) -> Path:
        """Where it stands now."""
        return self.folder / self.name

    @property
    def is_deleted(self) -> bool:
        """Whether no folder knows the file any more that is still written to."""
        return self.fd >= 0 and os.fstat(self.fd).st_nlink == 0

    def open_to_read(self) -> int:
        """Return a descriptor, also where it is sealed, and renamed, at this moment."""
        for name in (self.name, f"{self.first:020d}{SEALED}", f"{self.first:020d}{OPEN}"):
            try:
                return os.open(self.folder / name, os.O_RDONLY | os.O_CLOEXEC)
            except FileNotFoundError:
                continue
        return os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)

    def unlink(self) -> None:
        """Delete the file, under whichever of its names."""
        for suffix in (OPEN, SEALED):
            (self.folder / f"{self.first:020d}{suffix}").unlink(missing_ok=True)


def open_segment(folder: Path, first: int, limit: int) -> Segment:
    """Make the file that the record of this number will be the first in; raise `OSError` also where it exists."""
    name = f"{first:020d}{OPEN}"
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC
    fd = os.open(folder / name, flags, 0o600)
    try:
        write_all(fd, start_bytes())
    except OSError:
        os.close(fd)
        (folder / name).unlink()
        raise
    return Segment(folder, first, name, (START_BYTES, first), fd, limit=limit)


def write_all(fd: int, data: bytes) -> None:
    """Write by one call; raise `OSError` also where the disk took a part only."""
    if os.write(fd, data) != len(data):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def start_bytes() -> bytes:
    """Return what each file of a spool begins with."""
    start = MAGIC + struct.pack("<I", VERSION)
    return start + struct.pack("<I", crc32(start))


def check_start(fd: int) -> None:
    """Raise `NewerFormat` for a file of a newer version. A damaged start says nothing, and its records are read."""
    start = os.pread(fd, START_BYTES, 0)
    if len(start) == START_BYTES:
        magic, version, checksum = START.unpack(start)
        if magic == MAGIC and version > VERSION and checksum == crc32(start[:-4]):
            raise NewerFormat(f"format {version}, and this release knows {VERSION}")


def list_segments(folder: Path) -> list[Segment]:
    """Return the segments of a folder in order, the last one read to its end; raise `NewerFormat`, `OSError`."""
    files: dict[int, str] = {}
    with os.scandir(folder) as entries:
        for entry in entries:
            match = NAME.fullmatch(entry.name)
            # Both names at once would be one file that somebody copied; the sealed one sorts last, and is kept.
            if match and entry.is_file(follow_symlinks=False):
                files[int(match[1])] = max(files.get(int(match[1]), ""), entry.name)
    segments = [_look_into(folder, first, name) for first, name in sorted(files.items())]
    well_named = [segment for segment in segments if segment.end[1]]
    for segment, following in pairwise(well_named):
        segment.end = segment.end[0], following.first
    if well_named:
        _measure(well_named[-1])
    return segments


def _look_into(folder: Path, first: int, name: str) -> Segment:
    segment = Segment(folder, first, name, (0, 0))
    fd = segment.open_to_read()
    try:
        check_start(fd)
        size = os.fstat(fd).st_size
        found = Window(fd, size).frame_at(START_BYTES)
        # A copy under another number: its name says nothing about which records should be here.
        misnamed = found is not None and found[2] != first
        segment.end = size, 0 if misnamed else first
    finally:
        os.close(fd)
    return segment


def _measure(segment: Segment) -> None:
    """Find the end of a last segment: behind it there is no name that says which numbers it should hold."""
    fd = segment.open_to_read()
    try:
        size, number, damaged = START_BYTES, segment.first, 0
        for _, stop, found, _body in scan(fd, START_BYTES, os.fstat(fd).st_size):
            if found == TORN:
                break
            size = stop
            if found == DAMAGED:
                damaged += 1
            else:
                number, damaged = max(number, found + 1), 0
        segment.end = size, number + damaged
    finally:
        os.close(fd)
