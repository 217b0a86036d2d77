"""The bytes of one record and back: marker, length, checksum, number, body. Not about which file they stand in.

What can't be read is reported piece by piece; reading goes on at the next record with a valid checksum.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from zlib import crc32

import msgspec

MARKER = b"\xc1\xf5\xfe\xc0"
"""None of these bytes occurs in UTF-8: no name and no payload can look like the begin of a record."""
HEAD = struct.Struct("<4sIIQ")
NUMBER = struct.Struct("<Q")
HEAD_BYTES = HEAD.size
NUMBER_AT = HEAD_BYTES - NUMBER.size
CHUNK = 1 << 20

DAMAGED, TORN = 0, -1
"""In place of a number: bytes that are no record, and bytes of a record whose end was never written."""

Found = tuple[int, int, int, bytes]
"""Begin and end in the file, number, body; where the number is DAMAGED or TORN, the body is empty."""


class SpooledEvent(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """An accepted event on its way to the database, complete: names, not numbers.

    `attempted`: it may have been sent to the database before, and equal content there is this event.
    """

    event_id: int
    event_type: str
    source: str
    user_id: int | str | None
    payload: bytes | None
    attempted: bool = False


encode = msgspec.msgpack.Encoder().encode
decode_event = msgspec.msgpack.Decoder(SpooledEvent).decode


def frame(number: int, body: bytes) -> bytes:
    """Return the record of a body under its number, which is at least 1."""
    checksum = crc32(body, crc32(NUMBER.pack(number)))
    return HEAD.pack(MARKER, len(body), checksum, number) + body


def scan(fd: int, start: int, end: int) -> Iterator[Found]:
    """Yield what stands between two positions of a file, in order; never more than 1 MB and one record is loaded."""
    window = Window(fd, end)
    position = start
    while position < window.end:
        found = window.frame_at(position)
        if found is not None:
            yield found
            position = found[1]
        else:
            resume = window.next_sound(position)
            yield from _pieces(window, position, resume)
            position = resume


def _pieces(window: Window, position: int, resume: int) -> Iterator[Found]:
    """Yield what can be said about bytes without a sound record; each marker in them begins another piece."""
    while position < resume:
        stop = min(window.find_marker(position + 1), resume)
        body = window.body_between(position, stop)
        if body is not None:
            # Only the length was damaged.
            yield position, stop, window.number_at(position), body
        elif not window.is_blank(position, stop):
            torn = stop == window.end and window.is_cut(position)
            yield position, stop, TORN if torn else DAMAGED, b""
        position = stop


class Window:
    """A part of a file in memory, which moves along it; `end` comes nearer where the file turns out to be shorter."""

    def __init__(self, fd: int, end: int) -> None:
        self._fd = fd
        self.end = end
        self._base = 0
        self._data = b""
        # Rubbish could hold markers without end, each with a long record to be checked; this bounds the work.
        self._budget = (1 << 26) + 16 * end

    def frame_at(self, position: int) -> Found | None:
        """Return the record that begins here; None where there is none with a valid checksum."""
        index = position - self._base
        data = self._data
        if index < 0 or index + HEAD_BYTES > len(data):
            data, index = self._load(position, CHUNK)
            if len(data) < HEAD_BYTES:
                return None
        _, length, checksum, number = HEAD.unpack_from(data, index)
        stop = index + HEAD_BYTES + length
        if stop > len(data):
            if position + HEAD_BYTES + length > self.end:
                return None
            if length > CHUNK and self._checksum(position, position + HEAD_BYTES + length) != checksum:
                return None
            data, index = self._load(position, max(CHUNK, HEAD_BYTES + length))
            stop = HEAD_BYTES + length
        counted = data[index + NUMBER_AT : stop]
        if crc32(counted) != checksum or number == 0:
            return None
        return position, position + HEAD_BYTES + length, number, counted[NUMBER.size :]

    def next_sound(self, position: int) -> int:
        """Return where the next record with marker and valid checksum begins behind this position, or the end."""
        marker = self.find_marker(position + 1)
        while marker < self.end and self._budget > 0:
            self._budget -= HEAD_BYTES + min(self._length_at(marker), self.end)
            if self.frame_at(marker) is not None:
                return marker
            marker = self.find_marker(marker + 1)
        return self.end

    def find_marker(self, position: int) -> int:
        """Return where the next marker begins, at or behind this position, or the end."""
        while position < self.end:
            index = position - self._base
            data = self._data
            if index < 0 or index + len(MARKER) > len(data):
                data, index = self._load(position, CHUNK)
            at = data.find(MARKER, index)
            if at >= 0:
                return self._base + at
            position = max(position + 1, self._base + len(data) - len(MARKER) + 1)
        return self.end

    def body_between(self, position: int, stop: int) -> bytes | None:
        """Return the body of a record that fills exactly these bytes; None where the checksum says otherwise."""
        if stop - position <= HEAD_BYTES:
            return None
        _, _, checksum, number = HEAD.unpack(self._read(position, HEAD_BYTES))
        if number == 0 or self._checksum(position, stop) != checksum:
            return None
        return self._read(position + HEAD_BYTES, stop - position - HEAD_BYTES)

    def number_at(self, position: int) -> int:
        """Return the number in the head that begins here."""
        number: int = HEAD.unpack(self._read(position, HEAD_BYTES))[3]
        return number

    def is_blank(self, position: int, stop: int) -> bool:
        """Return whether these bytes are all zero, as a file has them after a power loss."""
        return not any(self._read(at, min(CHUNK, stop - at)).strip(b"\0") for at in range(position, stop, CHUNK))

    def is_cut(self, position: int) -> bool:
        """Return whether the last record of the file was never written to its end.

        The body of a record ends in a byte that is not zero, and what was never written is zero or not there.
        """
        head = self._read(position, HEAD_BYTES)
        if len(head) < HEAD_BYTES:
            return True
        stop = position + HEAD_BYTES + HEAD.unpack(head)[1]
        return stop > self.end or self._read(stop - 1, 1) == b"\0"

    def _length_at(self, position: int) -> int:
        head = self._read(position, HEAD_BYTES)
        return HEAD.unpack(head)[1] if len(head) == HEAD_BYTES else 0

    def _load(self, position: int, size: int) -> tuple[bytes, int]:
        self._data = self._read(position, size)
        self._base = position
        if len(self._data) < min(size, self.end - position):
            self.end = position + len(self._data)
        return self._data, 0

    def _read(self, position: int, size: int) -> bytes:
        return os.pread(self._fd, max(0, min(size, self.end - position)), position)

    def _checksum(self, position: int, stop: int) -> int:
        checksum = 0
        for at in range(position + NUMBER_AT, stop, CHUNK):
            checksum = crc32(self._read(at, min(CHUNK, stop - at)), checksum)
        return checksum
