"""Cells of a measure: sums are exact decimals, quantiles off by 1 % at most, and merging knows no order."""

from __future__ import annotations

import math
from copy import deepcopy
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from picoevent.errors import StoreCorrupt
from picoevent.rollup.sketch import MeasureCell, pack_measure, unpack_measure

NUMBERS = (
    st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**30), max_value=10**30)
    | st.integers(-(1 << 63), 1 << 64).map(Decimal)
    | st.floats(allow_nan=False, allow_infinity=False).map(repr).map(Decimal)
)
VALUES = st.lists(NUMBERS, max_size=30)


def merged(*parts: MeasureCell) -> MeasureCell:
    total = MeasureCell()
    for part in parts:
        total.merge(part)
    return total


@given(VALUES)
def test_a_packed_measure_comes_back(values):
    cell = MeasureCell.of(values)

    assert unpack_measure(pack_measure(cell)) == cell


@given(VALUES)
def test_sum_count_and_ends_are_exact(values):
    cell = MeasureCell.of(values)

    assert Fraction(cell.total) == sum(map(Fraction, values))
    assert cell.count == len(values)
    assert (cell.least, cell.greatest) == (min(values, default=None), max(values, default=None))


@given(VALUES, VALUES, VALUES)
def test_merging_is_the_cell_of_all_values_in_any_order(one, two, three):
    cells = [MeasureCell.of(values) for values in (one, two, three)]
    before = deepcopy(cells)

    together = MeasureCell.of([*one, *two, *three])

    assert merged(merged(cells[0], cells[1]), cells[2]) == together == merged(*reversed(cells))
    assert cells == before


@given(st.lists(NUMBERS, min_size=1, max_size=60), st.floats(0, 1))
def test_a_quantile_is_off_by_one_percent_at_most(values, q):
    true = float(sorted(values)[math.floor(q * (len(values) - 1))])

    about = float(MeasureCell.of(values).quantile(q))

    assert abs(about - true) <= abs(true) * 0.010_001 + 1e-299


def test_the_ends_are_exact_quantiles():
    cell = MeasureCell.of([Decimal("1.23"), Decimal(17), Decimal("99.01")])

    assert (cell.quantile(0), cell.quantile(1)) == (Decimal("1.23"), Decimal("99.01"))


def test_nothing_has_no_quantile():
    assert MeasureCell().quantile(0.5) is None


def test_ten_cents_a_million_times_are_a_hundred_thousand():
    cell = MeasureCell()
    cell.add(Decimal("0.1"), 1_000_000)

    assert cell.total == Decimal(100_000)


def test_a_hundred_thousand_different_amounts_take_few_bytes():
    cell = MeasureCell.of(Decimal(cents) / 100 for cents in range(1, 100_001))

    assert len(pack_measure(cell)) < 3000


@pytest.mark.parametrize(
    "packed", [b"", b"\x01\x05", b"\x09" + bytes(40), pack_measure(MeasureCell.of([Decimal(7)]))[:-1]]
)
def test_rubbish_is_refused(packed):
    with pytest.raises(StoreCorrupt):
        unpack_measure(packed)


def test_what_is_taken_away_is_neither_in_the_count_nor_in_the_sum_nor_in_quantiles():
    taken = MeasureCell.of([Decimal(-5), Decimal(0), Decimal(100)])
    cell = MeasureCell.of([Decimal(7)] * 3)
    cell.merge(taken)

    cell.take_away(taken)

    assert (cell.count, cell.total) == (3, Decimal(21))
    assert cell.sketch == MeasureCell.of([Decimal(7)] * 3).sketch
