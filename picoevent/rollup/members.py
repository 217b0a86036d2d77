"""Sets of numbers below 2^32 (users, values of a dimension) as bytes, and their union; not what is in which set.

A byte says how: up to eight members lie plainly behind it, little-endian and 4 bytes each; more are a Roaring bitmap in
the portable format of its specification. Of too many there is a sample: its level, in one byte, and such a bitmap.
"""

from __future__ import annotations

import sys
from array import array
from collections.abc import Iterable

from pyroaring import BitMap

from picoevent.errors import StoreCorrupt
from picoevent.rollup.samples import MOST_SAMPLED, AnySet, Sample, cut_down, union_of

PLAIN, ROARING, SAMPLED = 0, 1, 2
MOST_PLAIN = 8
"""So many members are shorter without the head of a bitmap."""
LARGEST_SET = 8_000_000
"""How many bytes a set takes at most. Twice as many, where each is escaped, fit the smallest usual packet, 16 MB."""
NO_LIMIT = 1 << 32


def pack_members(members: AnySet, limit: int = NO_LIMIT) -> bytes:
    """Return the bytes of a set; those of a sample where it has more members than `limit`, or takes too many bytes."""
    if isinstance(members, BitMap):
        if len(members) <= MOST_PLAIN:
            return bytes((PLAIN,)) + _little_endian(members.to_array()).tobytes()
        if len(members) <= limit and len(packed := members.serialize()) <= LARGEST_SET:
            return bytes((ROARING,)) + packed
    sample = cut_down(members, min(limit, MOST_SAMPLED))
    return bytes((SAMPLED, sample.level)) + sample.kept.serialize()


def unpack_members(packed: bytes) -> AnySet:
    """Return the set that `pack_members` made bytes of; raise `StoreCorrupt` for other kinds of bytes."""
    kind = _kind(packed)
    if kind == ROARING:
        return BitMap.deserialize(packed[1:])
    return BitMap(_plain(packed)) if kind == PLAIN else unpack_sample(packed)


def unpack_sample(packed: bytes) -> Sample:
    """Return a sample, whose kind is known."""
    return Sample(packed[1], BitMap.deserialize(packed[2:]))


def union_members(parts: Iterable[bytes]) -> AnySet:
    """Return the union of packed sets; of none, the empty one."""
    few: array[int] = array("I")
    large = []
    samples = []
    for packed in parts:
        kind = _kind(packed)
        if kind == ROARING:
            large.append(BitMap.deserialize(packed[1:]))
        elif kind == PLAIN:
            few.extend(_plain(packed))
        else:
            samples.append(unpack_sample(packed))
    whole = BitMap.union(BitMap(few), *large)
    return union_of((whole, *samples)) if samples else whole


def _kind(packed: bytes) -> int:
    kind = packed[0] if packed else -1
    if kind not in (PLAIN, ROARING, SAMPLED):
        raise StoreCorrupt("A set in the rollups is in no known form.", hint="A newer PicoEvent wrote it: upgrade.")
    return kind


def _plain(packed: bytes) -> array[int]:
    members = array("I")
    members.frombytes(packed[1:])
    return _little_endian(members)


def _little_endian(members: array[int]) -> array[int]:
    if sys.byteorder == "big":
        members.byteswap()
    return members
