"""The checkpoint: where reading a folder goes on; a file of fixed size, overwritten in place.

It may be torn or rubbish: then reading begins at the oldest segment, and what was stored is found to be stored.
"""

from __future__ import annotations

import os
import struct
from pathlib import Path
from typing import NamedTuple
from zlib import crc32

from picoevent.spool.segment import VERSION, NewerFormat

LAYOUT = struct.Struct("<4sHHQQQQQ")
MAGIC = b"PiCp"
FILE = "checkpoint"


class Checkpoint(NamedTuple):
    """Everything before `offset` of the segment named `segment` is done.

    `number` is the next one expected, `missing` how many below it were skipped and `pieces` how many damaged pieces
    were met, neither counted yet. `begun`: a batch of this segment may have been sent to the database.
    """

    segment: int
    offset: int
    number: int
    missing: int = 0
    pieces: int = 0
    begun: bool = False


def read_checkpoint(folder: Path) -> Checkpoint | None:
    """Return the checkpoint of a folder, None where it is not there or rubbish; raise `NewerFormat`."""
    try:
        raw = (folder / FILE).read_bytes()
    except FileNotFoundError:
        return None
    if len(raw) != LAYOUT.size + 4 or crc32(raw[:-4]) != int.from_bytes(raw[-4:], "little"):
        return None
    magic, version, begun, *rest = LAYOUT.unpack(raw[:-4])
    if magic != MAGIC:
        return None
    if version > VERSION:
        raise NewerFormat(f"format {version}, and this release knows {VERSION}")
    segment, offset, number, missing, pieces = rest
    return Checkpoint(segment, offset, number, missing, pieces, begun=bool(begun))


class CheckpointFile:
    """The file, opened at its first write."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE
        self._fd = -1

    def write(self, checkpoint: Checkpoint, *, durable: bool = False) -> None:
        """Replace the content; raise `OSError`."""
        if self._fd < 0:
            self._fd = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
        *rest, begun = checkpoint
        raw = LAYOUT.pack(MAGIC, VERSION, begun, *rest)
        os.pwrite(self._fd, raw + crc32(raw).to_bytes(4, "little"), 0)
        if durable:
            os.fdatasync(self._fd)

    def close(self) -> None:
        """Close the descriptor."""
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)
