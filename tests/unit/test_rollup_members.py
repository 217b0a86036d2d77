"""Sets of numbers as bytes: what is packed comes back, unions are unions, and small sets are small."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyroaring import BitMap

from picoevent.errors import StoreCorrupt
from picoevent.rollup.members import pack_members, union_members, unpack_members

NUMBERS = st.integers(0, (1 << 32) - 1)
SETS = st.sets(NUMBERS, max_size=20)


@given(SETS)
def test_a_packed_set_comes_back(members):
    assert set(unpack_members(pack_members(BitMap(members)))) == members


@given(st.lists(SETS, max_size=6))
def test_the_union_of_packed_sets_is_their_union(sets):
    union = union_members(pack_members(BitMap(members)) for members in sets)

    assert set(union) == set().union(*sets)


def test_a_set_of_one_takes_five_bytes():
    assert len(pack_members(BitMap([4_000_000_000]))) == 5


def test_a_hundred_thousand_neighbours_take_a_few_bytes_for_thousands():
    members = BitMap(range(100_000))

    assert len(pack_members(members)) < 20_000
    assert unpack_members(pack_members(members)) == members


@pytest.mark.parametrize("packed", [b"", b"\x07rest"])
def test_a_set_in_an_unknown_form_is_refused(packed):
    with pytest.raises(StoreCorrupt):
        unpack_members(packed)
