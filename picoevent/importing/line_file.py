"""The lines of a file, plain or gzip, or of standard input, in constant memory. It knows no formats."""

from __future__ import annotations

import gzip
import io
import os
import stat
import sys
import time
import zlib
from collections.abc import Callable, Iterator
from functools import partial
from itertools import chain
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from picoevent.importing.faults import BadLine, UnreadableFile

STANDARD_INPUT = "-"
MAX_LINE_BYTES = 4 * 1024 * 1024

QUIET_SECONDS = 60
"""A file that was not modified for so long is taken to be complete, with or without a last line feed."""

Line = tuple[int, bytes]
"""The number of a line, from 1, and its bytes without the line feed."""


class UnfinishedLine(bytes):
    """A last line without a line feed in a file that may still be written: perhaps only a part of a line."""


class GrowingLine(UnfinishedLine):
    """The same in a file that was written to while it was read."""


_CHUNK_BYTES = 256 * 1024
_GZIP = b"\x1f\x8b"
_UTF8_BOM = b"\xef\xbb\xbf"
_NOT_READ = {
    b"\x28\xb5\x2f\xfd": "compressed by zstd",
    b"BZh": "compressed by bzip2",
    b"\xfd7zXZ": "compressed by xz",
    b"PK\x03\x04": "a zip archive",
    b"\xff\xfe": "text in UTF-16",
    b"\xfe\xff": "text in UTF-16",
}
_HEAD_BYTES = max(map(len, _NOT_READ))
_MAX_BLANK_LINES_PEEKED = 1000


class LineFile:
    """Iterate once over the numbered lines of an open binary file, which is closed with this.

    A line longer than `MAX_LINE_BYTES` comes shortened, yet longer than that, so that `check_length` refuses
    it. Where the file turns out to be damaged or cut off, iteration ends before the unfinished line and
    `cut_off` tells why; otherwise that is empty.

    `last_line`, asked at the end of the file, says what a last line without a line feed is: whole (`bytes`), an
    `UnfinishedLine` or a `GrowingLine`. A gzip file that is not cut off is complete. `bytes_given` counts the bytes
    of the lines that the iteration gave so far, uncompressed.
    """

    def __init__(self, raw: BinaryIO, name: str, last_line: Callable[[], type[bytes]] = lambda: bytes) -> None:
        self.name = name
        self.cut_off = ""
        self.lines_read = 0
        self.bytes_given = 0
        self._last_line = last_line
        self._raw = raw
        self._counted = _CountedBytes(raw)
        _check_readable(self._counted.head)
        self._chunks = io.BufferedReader(self._counted, _CHUNK_BYTES)
        self._compressed = self._counted.head.startswith(_GZIP)
        self._stream = gzip.GzipFile(fileobj=self._chunks) if self._compressed else self._chunks
        self._peeked: list[Line] = []
        self._rest = self._split()

    @property
    def bytes_read(self) -> int:
        """How many bytes of the file, as it lies on the disk, were read."""
        return self._counted.count

    def peek(self, lines: int) -> list[bytes]:
        """Return the first lines that are not blank, finished or not, without taking them from the iteration."""
        found: list[bytes] = []
        for number, line in self._rest:
            self._peeked.append((number, line))
            if not line.isspace() and line:
                found.append(bytes(line))
            if len(found) == lines or number - len(found) > _MAX_BLANK_LINES_PEEKED:
                break
        return found

    def __iter__(self) -> Iterator[Line]:
        """Iterate over all lines, those peeked at too."""
        for line in chain(self._peeked, self._rest):
            self.bytes_given += len(line[1])
            yield line

    def _split(self) -> Iterator[Line]:
        tail = b""
        while chunk := self._read_chunk():
            lines = (tail + chunk).split(b"\n")
            # Cutting an overlong line again and again, as it grows, keeps it overlong and the memory small.
            tail = lines.pop()[: MAX_LINE_BYTES + 1]
            yield from self._numbered(lines)
        if tail and not self.cut_off:
            kind = bytes if self._compressed else self._last_line()
            for number, line in self._numbered([tail]):
                yield number, kind(line)

    def _numbered(self, lines: list[bytes]) -> Iterator[Line]:
        if not self.lines_read and lines:
            lines[0] = lines[0].removeprefix(_UTF8_BOM)
        for line in lines:
            self.lines_read += 1
            yield self.lines_read, line

    def _read_chunk(self) -> bytes:
        try:
            return self._stream.read1(_CHUNK_BYTES)
        except EOFError:
            self.cut_off = "the gzip file is cut off: it ends in the middle"
        except (zlib.error, gzip.BadGzipFile) as error:
            self.cut_off = f"the gzip file is damaged ({error})"
        except OSError as error:
            self.cut_off = f"reading failed ({error.strerror or error})"
        return b""

    def close(self) -> None:
        """Close the file, but not standard input; a second call does nothing."""
        if self._raw is not sys.stdin.buffer:
            self._raw.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def open_lines(path: str | Path, clock: Callable[[], float] = time.time) -> LineFile:
    """Open a file, or standard input for `-`; raise `UnreadableFile`.

    A file may grow until it was not modified for `QUIET_SECONDS` of the clock (Unix time in seconds); standard
    input and pipes are complete where they end.
    """
    if path == STANDARD_INPUT:
        return LineFile(sys.stdin.buffer, name_of(path))
    try:
        return _open_or_close(Path(path).open("rb", buffering=0), name_of(path), clock)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise UnreadableFile(f"cannot be opened: {reason}.") from error


def _open_or_close(raw: BinaryIO, name: str, clock: Callable[[], float]) -> LineFile:
    try:
        return LineFile(raw, name, partial(_last_line, raw, os.fstat(raw.fileno()).st_mtime_ns, clock))
    except BaseException:
        raw.close()
        raise


def _last_line(raw: BinaryIO, modified_ns: int, clock: Callable[[], float]) -> type[bytes]:
    """Return what a last line without a line feed is, in a file that was last modified then when it was opened."""
    found = os.fstat(raw.fileno())
    if not stat.S_ISREG(found.st_mode):
        return bytes
    if found.st_mtime_ns != modified_ns:
        return GrowingLine
    return UnfinishedLine if clock() - found.st_mtime < QUIET_SECONDS else bytes


def name_of(path: str | Path) -> str:
    """Return what people call a file."""
    return "standard input" if path == STANDARD_INPUT else str(path)


def size_on_disk(path: str | Path) -> int | None:
    """Return the bytes of a file, None for standard input and pipes, 0 for what is not there."""
    if path == STANDARD_INPUT:
        return None
    try:
        found = Path(path).stat()
    except (OSError, ValueError):
        return 0
    return found.st_size if stat.S_ISREG(found.st_mode) else None


def check_length(line: bytes) -> None:
    """Raise `BadLine` for a line that is longer than `MAX_LINE_BYTES`."""
    if len(line) > MAX_LINE_BYTES:
        raise BadLine(f"the line is longer than {MAX_LINE_BYTES // 1024 // 1024} MB")


def check_finished(line: bytes) -> None:
    """Raise `BadLine` for an `UnfinishedLine`, in a format in which a part of a line can look whole."""
    if isinstance(line, UnfinishedLine):
        raise BadLine("the last line has no end: import the file again when it is complete")


class _CountedBytes(io.RawIOBase):
    """Reads through to another file, counts, and knows the first bytes."""

    def __init__(self, raw: BinaryIO) -> None:
        super().__init__()
        # A pipe gives what is there with read1, and all that was asked for, however late, with read.
        self._read: Callable[[int], bytes] = getattr(raw, "read1", raw.read)
        self.head = b""
        while len(self.head) < _HEAD_BYTES and (more := self._read(_HEAD_BYTES - len(self.head))):
            self.head += more
        self.count = len(self.head)
        self._unread = self.head

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # all that BufferedReader gives
        found = self._unread or self._read(len(buffer))
        if self._unread:
            self._unread = b""
        else:
            self.count += len(found)
        buffer[: len(found)] = found
        return len(found)


def _check_readable(head: bytes) -> None:
    for magic, words in _NOT_READ.items():
        if head.startswith(magic):
            raise UnreadableFile(
                f"this is {words}; only plain text in UTF-8 and gzip are read.",
                hint="Convert it, and pipe it in: picoevent import -",
            )
