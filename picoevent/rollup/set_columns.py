"""Many sets of one kind, side by side: how many members each has, then all members; large ones as Roaring bitmaps.

Layout: a column of sizes, 0 for large sets, and one of members; then how many sets are large (4 bytes, little-endian),
columns of their places and lengths, and the bitmaps; a sample as `members` has it.
"""

from __future__ import annotations

import struct
from array import array
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pyroaring import BitMap

from picoevent.rollup.columns import ColumnReader, pack_column
from picoevent.rollup.members import NO_LIMIT, SAMPLED, pack_members, unpack_sample
from picoevent.rollup.samples import AnySet, Sample, union_of

LARGE_SET = 64
"""A set with more members is a Roaring bitmap of its own; smaller ones lie side by side."""
_NUMBER = struct.Struct("<I")


@dataclass(frozen=True, slots=True)
class SetColumns:
    """Sets in the order of their values: how many members each has, and all members, set behind set."""

    counts: Sequence[int]
    members: Sequence[int]


def pack_sets(sets: Sequence[AnySet], limit: int = NO_LIMIT) -> bytes:
    """Return the bytes of sets; of those with more members than `limit`, a sample."""
    counts: list[int] = []
    members: array[int] = array("I")
    large = []
    for place, one in enumerate(sets):
        if isinstance(one, BitMap) and len(one) <= LARGE_SET:
            counts.append(len(one))
            members.extend(one.to_array())
        else:
            counts.append(0)
            large.append((place, _pack_large(one, limit)))
    parts = [pack_column(counts), pack_column(members), _NUMBER.pack(len(large))]
    if large:
        parts += [pack_column([place for place, _ in large]), pack_column([len(bitmap) for _, bitmap in large])]
        parts += [bitmap for _, bitmap in large]
    return b"".join(parts)


def pack_set_columns(sets: SetColumns) -> bytes:
    """Return the bytes of sets that lie side by side already; the members of each must be in order, and differ."""
    if max(sets.counts, default=0) > LARGE_SET:
        return pack_sets(list(_bitmaps(sets.counts, sets.members)))
    return pack_column(sets.counts) + pack_column(sets.members) + _NUMBER.pack(0)


def read_sets(reader: ColumnReader, count: int) -> list[AnySet]:
    """Return so many sets."""
    counts = reader.take(count)
    sets: list[AnySet] = list(_bitmaps(counts, reader.take(sum(counts))))
    for place, bitmap in _read_large(reader):
        sets[place] = bitmap
    return sets


class SetUnions:
    """Unions by value of sets that are read one column behind the other; quicker than a bitmap for each."""

    def __init__(self) -> None:
        self._small: dict[int, array[int]] = {}
        self._large: defaultdict[int, list[BitMap]] = defaultdict(list)
        self._samples: defaultdict[int, list[Sample]] = defaultdict(list)

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
        for place, one in _read_large(reader):
            if isinstance(one, Sample):
                self._samples[value_ids[place]].append(one)
            else:
                self._large[value_ids[place]].append(one)

    def items(self) -> Iterator[tuple[int, AnySet]]:
        """Yield each value that has members, and their set."""
        for value_id in self._small.keys() | self._large.keys() | self._samples.keys():
            few = BitMap(self._small.get(value_id, ()))
            whole = BitMap.union(few, *self._large.get(value_id, ()))
            samples = self._samples.get(value_id)
            yield value_id, union_of((whole, *samples)) if samples else whole


def _pack_large(members: AnySet, limit: int) -> bytes:
    packed = pack_members(members, limit)
    # The bytes of a bitmap begin with 58 or 59, which its specification says, and need no mark.
    return packed if packed[0] == SAMPLED else packed[1:]


def _read_large(reader: ColumnReader) -> Iterator[tuple[int, AnySet]]:
    (count,) = reader.take_struct(_NUMBER)
    if count:
        places, lengths = reader.take(count), reader.take(count)
        for place, length in zip(places, lengths, strict=True):
            packed = reader.take_bytes(length)
            yield place, unpack_sample(packed) if packed[0] == SAMPLED else BitMap.deserialize(packed)


def _bitmaps(counts: Sequence[int], members: Sequence[int]) -> Iterator[BitMap]:
    # A bitmap takes 4-byte numbers at once, any others one by one.
    numbers = array("I", members)
    end = 0
    for count in counts:
        begin, end = end, end + count
        yield BitMap(numbers[begin:end])
