"""The set-aside file of a folder: what can't be stored or can't be read, kept with its reason until somebody decides.

Not deleted by any process on its own.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from picoevent.spool.folders import list_folders
from picoevent.spool.frames import SpooledEvent, encode, frame, scan
from picoevent.spool.segment import START_BYTES, start_bytes, write_all

FILE = "set-aside.spool"


class Aside(msgspec.Struct, frozen=True, array_like=True):
    """A record of the file: where in the spool it stood, why it is here, and the event or the bytes."""

    segment: int
    offset: int
    reason: str
    event: SpooledEvent | None
    raw: bytes | None

    @property
    def position(self) -> tuple[int, int]:
        """Where it stood: segment and offset."""
        return self.segment, self.offset


_decode = msgspec.msgpack.Decoder(Aside).decode


class SetAside:
    """The file of one folder, for the process that holds the folder."""

    def __init__(self, folder: Path, read_from: tuple[int, int]) -> None:
        self._path = folder / FILE
        self._read_from = read_from
        self._known: set[tuple[int, int]] | None = None

    def add(self, asides: Sequence[Aside]) -> None:
        """Write and fsync these, but for those that an earlier reading of the same place wrote; raise `OSError`."""
        if self._known is None:
            # Whoever read this folder before may have died behind this and before its checkpoint.
            self._known = {a.position for a in read_asides(self._path) if a.position >= self._read_from}
        new = [aside for aside in asides if aside.position not in self._known]
        if new:
            _append(self._path, b"".join([frame(1, encode(aside)) for aside in new]))
            self._known.update(aside.position for aside in new)


def replace_asides(folder: Path, asides: Iterator[Aside]) -> None:
    """Replace the content by these records, at once; without any, delete the file. Raises `OSError`."""
    path, beside = folder / FILE, folder / f"{FILE}.new"
    beside.unlink(missing_ok=True)
    kept = False
    for aside in asides:
        _append(beside, frame(1, encode(aside)))
        kept = True
    if kept:
        beside.replace(path)
    else:
        path.unlink(missing_ok=True)
    _sync_folder(folder)


def read_asides(path: Path) -> Iterator[Aside]:
    """Yield the records of a set-aside file; nothing where it is not there."""
    try:
        # What somebody else has put here may lead anywhere, or wait for ever.
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError:
        return
    try:
        for _, _, number, body in scan(fd, START_BYTES, os.fstat(fd).st_size):
            if number > 0:
                try:
                    yield _decode(body)
                except msgspec.DecodeError:
                    continue
    finally:
        os.close(fd)


def iter_set_aside(folder: Path) -> Iterator[tuple[SpooledEvent | bytes, str]]:
    """Yield everything that was set aside in the spools of a folder: the event, or bytes that are none; the reason."""
    for process in list_folders(folder):
        for aside in read_asides(process / FILE):
            yield aside.event if aside.event is not None else aside.raw or b"", aside.reason


def _append(path: Path, data: bytes) -> None:
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK, 0o600)
    try:
        size = os.fstat(fd).st_size
        if size == 0:
            data = start_bytes() + data
        try:
            write_all(fd, data)
        except OSError:
            os.ftruncate(fd, size)
            raise
        os.fsync(fd)
    finally:
        os.close(fd)
    if size == 0:
        _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
