"""Samples of sets that are too large to be kept whole, and the algebra of sets where some of them are samples.

Not when a set is too large: `members` knows that.
"""

from __future__ import annotations

import hashlib
import sys
from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache

from pyroaring import BitMap

MOST_SAMPLED = 1 << 17
"""So many members a sample has at most; it begins with half of them or more: an error of 0.4 %, or less."""
DEEPEST = 16
"""The highest level."""
_HALF = 16
_KEYS_AT_ONCE = 1024


@dataclass(frozen=True, slots=True)
class Sample:
    """What is kept of a set: at level n, 1 to 16, the members whose hash begins with n zero bits, one in 2^n.

    So a set has about 2^n times as many (Flajolet: "On adaptive sampling", Computing 43, 1990); the standard error is
    1 / sqrt(kept). All sets lose the same members: a union or difference of samples is the sample of the union or
    difference (Dasgupta, Lang, Rhodes, Thaler: "A framework for estimating stream expression cardinalities", 2016).
    """

    level: int
    kept: BitMap

    def __len__(self) -> int:
        """Return about how many members the set has."""
        return len(self.kept) << self.level

    def copy(self) -> Sample:
        """Return itself: a sample is never changed."""
        return self


AnySet = BitMap | Sample
"""A set, whole or as a sample; `len` is exact for a whole one."""


def union_of(sets: Iterable[AnySet]) -> AnySet:
    """Return the union of sets; of none, the empty one."""
    found = list(sets)
    whole = BitMap.union(BitMap(), *(one for one in found if isinstance(one, BitMap)))
    level = common_level(found)
    if not level:
        return whole
    samples = [at_level(one, level) for one in found if isinstance(one, Sample)]
    return Sample(level, BitMap.union(at_level(whole, level), *samples))


def take_in(members: AnySet, more: AnySet) -> AnySet:
    """Return the union of two sets, of which the first one may be changed; quicker than `union_of`."""
    if isinstance(members, BitMap) and isinstance(more, BitMap):
        members |= more
        return members
    return union_of((members, more))


def subtract(members: AnySet, others: AnySet) -> AnySet:
    """Return the members that are not among others."""
    level = common_level((members, others))
    left = at_level(members, level) - at_level(others, level)
    return Sample(level, left) if level else left


def count_common(members: AnySet, others: AnySet) -> int:
    """Return how many members are among others; never more than there are."""
    level = common_level((members, others))
    chosen = at_level(members, level)
    return scaled(chosen.intersection_cardinality(at_level(others, level)), chosen, members)


def scaled(some: int, chosen: BitMap, members: AnySet) -> int:
    """Return how many members of a set are what `some` of those chosen from it are."""
    return round(some * len(members) / len(chosen)) if some else 0


def differ(one: AnySet, other: AnySet) -> bool:
    """Say whether two sets differ, as far as samples tell."""
    level = common_level((one, other))
    return at_level(one, level) != at_level(other, level)


def common_level(sets: Iterable[AnySet]) -> int:
    """Return the highest level of sets, which all of them can be brought to; that of whole ones is 0."""
    return max((one.level for one in sets if isinstance(one, Sample)), default=0)


def at_level(members: AnySet, level: int) -> BitMap:
    """Return what a sample of this level has of a set; `level` is no lower than its own."""
    kept, own = (members.kept, members.level) if isinstance(members, Sample) else (members, 0)
    return kept if own == level else _thinned(kept, level)


def cut_down(members: AnySet, most: int) -> Sample:
    """Return a sample of at most so many members, and of half as many or more where there were more than that.

    It may have more at the highest level, which keeps one in 65,536.
    """
    kept, level = (members.kept, members.level) if isinstance(members, Sample) else (members, 0)
    while not level or (len(kept) > most and level < DEEPEST):
        level = min(DEEPEST, level + max(1, ((len(kept) - 1) // most).bit_length()))
        kept = _thinned(kept, level)
    return Sample(level, kept)


def _thinned(members: BitMap, level: int) -> BitMap:
    """Return the members whose hash begins with so many zero bits.

    The hash is that of both 16-bit halves of a member, combined by XOR: it begins with zeros where both begin alike.
    So a Roaring bitmap is cut where its containers are, by one mask for each, and no member is looked at alone.
    """
    low, high, shift = *_masks(level), _HALF - level
    keys, kept = list(_keys(members)), []
    for first in range(0, len(keys), _KEYS_AT_ONCE):
        masks = [low[high[key] >> shift].shift(key << _HALF) for key in keys[first : first + _KEYS_AT_ONCE]]
        kept.append(members & BitMap.union(*masks))
    return BitMap.union(BitMap(), *kept)


def _keys(members: BitMap) -> Iterator[int]:
    """Yield the upper halves that occur among members."""
    place, end = 0, members.max() if members else -1
    while place <= end:
        key = members.next_set_bit(place) >> _HALF
        yield key
        place = (key + 1) << _HALF


@lru_cache(maxsize=DEEPEST + 1)
def _masks(level: int) -> tuple[list[BitMap], array[int]]:
    """Return the lower halves by the first bits of their hash, and the hash of each upper half.

    Simple tabulation hashing (Patrascu, Thorup: "The power of simple tabulation hashing", Journal of the ACM 59, 2012),
    with the same random tables everywhere and for ever: samples are compared with those of years ago.
    """
    tables = array("H", hashlib.shake_256(b"picoevent: samples of sets").digest(4 << _HALF))
    if sys.byteorder == "big":
        tables.byteswap()
    low, high = tables[: 1 << _HALF], tables[1 << _HALF :]
    by_hash: list[list[int]] = [[] for _ in range(1 << level)]
    for half, hashed in enumerate(low):
        by_hash[hashed >> (_HALF - level)].append(half)
    return list(map(BitMap, by_hash)), high
