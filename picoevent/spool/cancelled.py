"""The numbers of records that were taken back: their callers refused them, since the disk stalled. A file a folder."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import msgspec

from picoevent.spool.frames import encode, frame, scan
from picoevent.spool.segment import START_BYTES, start_bytes

FILE = "cancelled.spool"

_decode = msgspec.msgpack.Decoder(list[int]).decode


def write_cancelled(folder: Path, numbers: Sequence[int]) -> None:
    """Add numbers; raise `OSError`. Not synced: this is about a disk that does not answer."""
    fd = os.open(folder / FILE, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    try:
        start = b"" if os.fstat(fd).st_size else start_bytes()
        os.write(fd, start + frame(1, encode(numbers)))
    finally:
        os.close(fd)


def read_cancelled(folder: Path) -> set[int]:
    """Return the numbers, none where there is no such file; raise `OSError`."""
    try:
        fd = os.open(folder / FILE, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return set()
    numbers: set[int] = set()
    try:
        for _, _, number, body in scan(fd, START_BYTES, os.fstat(fd).st_size):
            if number > 0:
                try:
                    numbers.update(_decode(body))
                except msgspec.DecodeError:
                    continue
    finally:
        os.close(fd)
    return numbers
