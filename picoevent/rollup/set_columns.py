"""Many sets of one kind, side by side: how many members each has, then all members; large ones as Roaring bitmaps.

Layout: a column of sizes, 0 for large sets, and one of members; then how many sets are large (4 bytes, little-endian),
columns of their places and lengths, and the bitmaps.
"""

from __future__ import annotations

import struct
from array import array
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pyroaring import BitMap

from picoevent.rollup.columns import ColumnReader, pack_column

LARGE_SET = 64
"""A set with more members is a Roaring bitmap of its own; smaller ones lie side by side."""
_NUMBER = struct.Struct("<I")


@dataclass(frozen=True, slots=True)
class SetColumns:
    """Sets in the order of their values: how many members each has, and all members, set behind set."""

    counts: Sequence[int]
    members: Sequence[int]


def pack_sets(sets: Sequence[BitMap]) -> bytes:
    """Return the bytes of sets."""
    small = [[] if len(members) > LARGE_SET else members.to_array() for members in sets]
    large = [(place, members.serialize()) for place, members in enumerate(sets) if len(members) > LARGE_SET]
    members: array[int] = array("I")
    for part in small:
        members.extend(part)
    parts = [pack_column([len(part) for part in small]), pack_column(members), _NUMBER.pack(len(large))]
    if large:
        parts += [pack_column([place for place, _ in large]), pack_column([len(bitmap) for _, bitmap in large])]
        parts += [bitmap for _, bitmap in large]
    return b"".join(parts)


def pack_set_columns(sets: SetColumns) -> bytes:
    """Return the bytes of sets that lie side by side already; the members of each must be in order, and differ."""
    if max(sets.counts, default=0) > LARGE_SET:
        return pack_sets(list(_bitmaps(sets.counts, sets.members)))
    return pack_column(sets.counts) + pack_column(sets.members) + _NUMBER.pack(0)


def read_sets(reader: ColumnReader, count: int) -> list[BitMap]:
    """Return so many sets."""
    counts = reader.take(count)
    sets = list(_bitmaps(counts, reader.take(sum(counts))))
    for place, bitmap in _read_large(reader):
        sets[place] = bitmap
    return sets


class SetUnions:
    """Unions by value of sets that are read one column behind the other; quicker than a bitmap for each."""

    def __init__(self) -> None:
        self._small: dict[int, array[int]] = {}
        self._large: defaultdict[int, list[BitMap]] = defaultdict(list)

    def add(self, reader: ColumnReader, value_ids: Sequence[int]) -> None:
        """Read the sets of these values."""
        counts = reader.take(len(value_ids))
        members = array("I", reader.take(sum(counts)))
        small = self._small
        end = 0
        for value_id, count in zip(value_ids, counts, strict=True):
            if count:
                begin, end = end, end + count
                if value_id in small:
                    small[value_id] += members[begin:end]
                else:
                    small[value_id] = members[begin:end]
        for place, bitmap in _read_large(reader):
            self._large[value_ids[place]].append(bitmap)

    def items(self) -> Iterator[tuple[int, BitMap]]:
        """Yield each value that has members, and their set."""
        for value_id in self._small.keys() | self._large.keys():
            few = BitMap(self._small.get(value_id, ()))
            yield value_id, BitMap.union(few, *self._large.get(value_id, ()))


def _read_large(reader: ColumnReader) -> Iterator[tuple[int, BitMap]]:
    (count,) = reader.take_struct(_NUMBER)
    if count:
        places, lengths = reader.take(count), reader.take(count)
        for place, length in zip(places, lengths, strict=True):
            yield place, BitMap.deserialize(reader.take_bytes(length))


def _bitmaps(counts: Sequence[int], members: Sequence[int]) -> Iterator[BitMap]:
    # A bitmap takes 4-byte numbers at once, any others one by one.
    numbers = array("I", members)
    end = 0
    for count in counts:
        begin, end = end, end + count
        yield BitMap(numbers[begin:end])
