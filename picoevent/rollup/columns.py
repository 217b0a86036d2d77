"""A column of whole numbers as bytes, each number in as few as the largest one needs; not what the column means.

The first byte is the width (1, 2, 4 or 8 bytes), the numbers follow, little-endian. How many there are, whoever reads
knows.
"""

from __future__ import annotations

import struct
import sys
from array import array
from collections.abc import Sequence

from picoevent.errors import StoreCorrupt

TYPECODES = {1: "B", 2: "H", 4: "I", 8: "Q"}


def pack_column(numbers: Sequence[int]) -> bytes:
    """Return the bytes of numbers from 0 up to 2^64 - 1."""
    largest = max(numbers, default=0)
    width = next(width for width in TYPECODES if largest < 1 << (8 * width))
    column = array(TYPECODES[width], numbers)
    if sys.byteorder == "big":
        column.byteswap()
    return bytes((width,)) + column.tobytes()


class ColumnReader:
    """Take packed columns, one behind the other, from bytes; raise `StoreCorrupt` where they end too early."""

    def __init__(self, packed: bytes) -> None:
        self._packed = memoryview(packed)
        self._place = 0

    def take(self, count: int) -> array[int]:
        """Return the next column, of `count` numbers."""
        code = TYPECODES.get(self.take_bytes(1)[0])
        if code is None:
            raise StoreCorrupt("A column in the rollups has no known width.", hint="Run: picoevent rollups rebuild")
        column = array(code)
        column.frombytes(self.take_bytes(count * column.itemsize))
        if sys.byteorder == "big":
            column.byteswap()
        return column

    def take_struct(self, head: struct.Struct) -> tuple[int, ...]:
        """Return the next numbers of fixed widths."""
        return head.unpack(self.take_bytes(head.size))

    def take_bytes(self, count: int) -> bytes:
        """Return the next bytes."""
        taken = bytes(self._packed[self._place : self._place + count])
        if len(taken) < count:
            raise StoreCorrupt("A row of the rollups is cut off.", hint="Run: picoevent rollups rebuild")
        self._place += count
        return taken
