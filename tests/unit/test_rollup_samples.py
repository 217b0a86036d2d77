"""Samples of large sets: how near the estimate is, that set algebra goes through them, and what they take."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyroaring import BitMap

from picoevent.rollup.cells import Cell, Cells, merge_cells, pack_cells, unpack_cells
from picoevent.rollup.members import LARGEST_SET, pack_members, union_members, unpack_members
from picoevent.rollup.samples import MOST_SAMPLED, Sample, count_common, cut_down, differ, subtract, union_of

KEPT = 1 << 16
RUNS = st.tuples(st.integers(0, 1 << 31), st.integers(1, 300), st.integers(KEPT + 1, 5 * KEPT))
"""Where numbers begin, how far they are apart, and how many there are."""
SETS = st.lists(RUNS, min_size=1, max_size=3).map(
    lambda runs: union_of(BitMap(range(begin, begin + step * count, step)) for begin, step, count in runs)
)
SCATTERED = st.integers(1, 1 << 32).map(lambda seed: BitMap([seed * n * n % 0xFFFFFFB for n in range(2 * KEPT)]))


@given(st.one_of(SETS, SCATTERED))
@settings(max_examples=30, deadline=None)
def test_an_estimate_is_within_three_percent(members):
    sample = cut_down(members, KEPT)

    assert len(sample.kept) <= KEPT
    assert len(sample) == pytest.approx(len(members), rel=0.03)


@given(SETS, SETS)
@settings(max_examples=40, deadline=None)
def test_the_union_with_a_sample_is_the_sample_of_the_union(one, other):
    union = union_of((cut_down(one, KEPT), other))

    assert isinstance(union, Sample)
    assert not differ(union, one | other)
    assert not differ(union, cut_down(one | other, KEPT))
    assert len(union) == pytest.approx(len(one | other), rel=0.03)


@given(SETS, SETS)
@settings(max_examples=40, deadline=None)
def test_who_is_in_both_and_who_is_not_is_estimated_too(one, other):
    samples = cut_down(one, KEPT), cut_down(other, KEPT)

    common, left = count_common(*samples), len(subtract(*samples))

    assert common == pytest.approx(len(one & other), abs=0.03 * len(one | other))
    assert left == pytest.approx(len(one - other), abs=0.03 * len(one | other))


@given(SETS)
@settings(max_examples=20, deadline=None)
def test_whole_sets_are_counted_to_the_last_member(members):
    others = BitMap(range(1 << 20))

    assert count_common(members, others) == len(members & others)
    assert subtract(members, others) == members - others
    assert count_common(members, members) == len(members)


def test_what_is_too_many_is_packed_as_a_sample_that_comes_back():
    members = BitMap(range(0, 3_000_000, 3))

    packed = pack_members(members, limit=999_999)

    assert unpack_members(packed) == cut_down(members, MOST_SAMPLED)
    assert unpack_members(pack_members(members, limit=1_000_000)) == members
    assert len(packed) < 300_000


def test_what_would_not_fit_a_packet_is_packed_as_a_sample():
    packed = pack_members(BitMap(range(0, 1 << 32, 500)))

    assert len(packed) < LARGEST_SET / 10
    assert len(unpack_members(packed)) == pytest.approx((1 << 32) / 500, rel=0.01)


def test_samples_and_whole_sets_are_united_as_they_lie_packed():
    many, few = BitMap(range(0, 3_000_000, 3)), BitMap(range(10, 400_000))

    union = union_members([pack_members(many, 1000), pack_members(few), pack_members(BitMap([7]))])

    assert not differ(union, many | few | BitMap([7]))
    assert isinstance(union, Sample)


def test_cells_hold_samples_beside_whole_sets():
    many, few = BitMap(range(0, 3_000_000, 3)), BitMap(range(500))
    cells = Cells({1: Cell(9, 0, 5, {0: many}), 2: Cell(9, 0, 5, {0: few})}, Cell(9, 0, 5, {0: BitMap([4])}))

    packed = pack_cells(cells, with_sets=True, limit=2000)

    found, merged = unpack_cells(packed), merge_cells([packed, packed])
    assert found.values[1].sets[0] == merged.values[1].sets[0] == cut_down(many, 2000)
    assert found.values[2].sets[0] == merged.values[2].sets[0] == few
    found.merge(cells)
    assert found.values[1].sets[0] == cut_down(many, 2000)


def test_a_sample_has_the_same_members_on_every_machine_and_in_every_release():
    sample = cut_down(BitMap(range(1_000_000)), 12)

    assert (sample.level, len(sample.kept)) == (16, 14)
    assert list(sample.kept)[:5] == [24380, 31747, 41730, 119453, 218644]
