"""Sets of numbers below 2^32 (users, values of a dimension) as bytes, and their union; not what is in which set.

A byte says how: up to eight members lie plainly behind it, little-endian and 4 bytes each; more are a Roaring bitmap in
the portable format of its specification.
"""

from __future__ import annotations

import sys
from array import array
from collections.abc import Iterable

from pyroaring import BitMap

from picoevent.errors import StoreCorrupt

PLAIN, ROARING = 0, 1
MOST_PLAIN = 8
"""So many members are shorter without the head of a bitmap."""


def pack_members(members: BitMap) -> bytes:
    """Return the bytes of a set."""
    if len(members) <= MOST_PLAIN:
        return bytes((PLAIN,)) + _little_endian(members.to_array()).tobytes()
    return bytes((ROARING,)) + members.serialize()


def unpack_members(packed: bytes) -> BitMap:
    """Return the set that `pack_members` made bytes of; raise `StoreCorrupt` for other kinds of bytes."""
    return BitMap.deserialize(packed[1:]) if _kind(packed) == ROARING else BitMap(_plain(packed))


def union_members(parts: Iterable[bytes]) -> BitMap:
    """Return the union of packed sets; of none, the empty one."""
    few: array[int] = array("I")
    large = []
    for packed in parts:
        if _kind(packed) == ROARING:
            large.append(BitMap.deserialize(packed[1:]))
        else:
            few.extend(_plain(packed))
    return BitMap.union(BitMap(few), *large)


def _kind(packed: bytes) -> int:
    kind = packed[0] if packed else -1
    if kind not in (PLAIN, ROARING):
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
