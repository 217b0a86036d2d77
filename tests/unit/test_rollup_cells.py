"""Cells of a dimension: packed is unpacked, merging knows no order, and a cap loses no event."""

from __future__ import annotations

import time
from copy import deepcopy
from functools import reduce

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyroaring import BitMap

from picoevent.errors import StoreCorrupt
from picoevent.rollup.cells import (
    NONE,
    OTHER,
    Cell,
    CellColumns,
    Cells,
    count_values,
    iter_counts,
    merge_cells,
    pack_cells,
    pack_columns,
    unpack_cells,
)
from picoevent.rollup.set_columns import SetColumns

MOMENTS = st.integers(946_684_800_000, 5_000_000_000_000)
MEMBERS = st.sets(st.integers(0, (1 << 32) - 1), min_size=1, max_size=90).map(BitMap)


@st.composite
def one_cell(draw):
    first, last = sorted([draw(MOMENTS), draw(MOMENTS)])
    sets = draw(st.dictionaries(st.integers(0, 3), MEMBERS, max_size=2))
    return Cell(draw(st.integers(1, 1 << 40)), first, last, sets)


CELLS = st.builds(Cells, st.dictionaries(st.integers(0, 9), one_cell(), max_size=6), st.none() | one_cell())


def merged(*parts: Cells) -> Cells:
    total = Cells()
    for part in parts:
        total.merge(part)
    return total


@given(CELLS)
def test_packed_cells_come_back(cells):
    assert unpack_cells(pack_cells(cells, with_sets=True)) == cells


@given(CELLS)
def test_counts_are_read_without_the_sets(cells):
    counts = [(value, cell.events, cell.first_ms, cell.last_ms) for value, cell in cells.items()]

    assert list(iter_counts(pack_cells(cells, with_sets=True))) == counts
    assert list(iter_counts(pack_cells(cells, with_sets=False))) == counts
    assert count_values(pack_cells(cells, with_sets=True)) == len(counts)


@given(CELLS)
def test_cells_packed_without_sets_have_none(cells):
    back = unpack_cells(pack_cells(cells, with_sets=False))

    assert all(cell.sets == {} for _, cell in back.items())


@given(CELLS, CELLS, CELLS)
def test_merging_is_associative_and_knows_no_order(one, two, three):
    before = deepcopy((one, two, three))

    assert merged(merged(one, two), three) == merged(one, merged(two, three)) == merged(three, two, one)
    assert (one, two, three) == before


@given(st.lists(CELLS, max_size=4))
def test_packed_cells_merge_to_what_unpacked_ones_do(parts):
    assert merge_cells(pack_cells(cells, with_sets=True) for cells in parts) == merged(*parts)


@given(CELLS, st.integers(0, 6))
def test_a_cap_keeps_the_largest_values_and_every_event(cells, most):
    capped = cells.capped(most)
    named = {value: cell.events for value, cell in capped.values.items() if value != NONE}
    dropped = [cell.events for value, cell in cells.values.items() if value not in capped.values]

    assert len(named) <= most
    assert min(named.values(), default=1 << 60) >= max(dropped, default=0)
    assert sum(cell.events for _, cell in capped.items()) == sum(cell.events for _, cell in cells.items())


@given(CELLS, st.integers(0, 6))
def test_a_cap_loses_no_member(cells, most):
    everybody = [reduce(BitMap.union, (cell.sets.get(0, BitMap()) for _, cell in part.items()), BitMap())
                 for part in (cells, cells.capped(most))]  # fmt: skip

    assert everybody[0] == everybody[1]


@given(st.dictionaries(st.integers(0, 9), one_cell(), max_size=6))
def test_cells_that_lie_side_by_side_pack_to_the_same_cells(values):
    rows = sorted(values.items())
    numbers = [[cell.sets.get(2, BitMap()) for _, cell in rows]]
    sets = {2: SetColumns([len(part) for part in numbers[0]], [member for part in numbers[0] for member in part])}
    columns = CellColumns(
        [value for value, _ in rows],
        [cell.events for _, cell in rows],
        [cell.first_ms for _, cell in rows],
        [cell.last_ms for _, cell in rows],
        sets,
    )
    only = {value: Cell(c.events, c.first_ms, c.last_ms, {2: c.sets[2]} if 2 in c.sets else {}) for value, c in rows}

    assert unpack_cells(pack_columns(columns)) == Cells(only)


def test_the_others_are_reached_by_their_number():
    cells = Cells({5: Cell(3, 10, 20)}, Cell(7, 5, 30))

    assert list(iter_counts(pack_cells(cells, with_sets=True))) == [(5, 3, 10, 20), (OTHER, 7, 5, 30)]


def test_a_value_of_a_minute_takes_a_few_bytes():
    minute = 1_790_000_000_000
    cells = Cells({n: Cell(1, minute + n, minute + n, {0: BitMap([n])}) for n in range(1, 201)})

    assert len(pack_cells(cells, with_sets=True)) < 200 * 8


def test_twenty_thousand_values_are_packed_and_unpacked_in_a_moment(record_property):
    cells = Cells({n: Cell(n, n, n + 5, {0: BitMap([n, n + 7])}) for n in range(1, 20_001)})

    begin = time.perf_counter()
    packed = pack_cells(cells, with_sets=True)
    between = time.perf_counter()
    back = unpack_cells(packed)
    end = time.perf_counter()
    counts = list(iter_counts(packed))
    counted = time.perf_counter()

    assert back == cells
    assert len(counts) == 20_000
    spent = ((between - begin) * 1000, (end - between) * 1000, (counted - end) * 1000)
    record_property(
        "note", "20,000 cells: packed in {:.0f} ms, unpacked in {:.0f}, counts read in {:.0f}".format(*spent)
    )


@pytest.mark.parametrize(
    "packed", [b"", b"\x01\x05", b"\x09" + bytes(13), pack_cells(Cells({1: Cell(1, 2, 3)}), with_sets=True)[:-1]]
)
def test_rubbish_is_refused(packed):
    with pytest.raises(StoreCorrupt):
        unpack_cells(packed)


def test_what_is_taken_away_comes_from_its_value_and_the_rest_from_the_others():
    cells = Cells({1: Cell(5, 0, 9), 2: Cell(2, 0, 9)}, Cell(4, 0, 9))

    cells.take_away(Cells({1: Cell(3, 0, 9), 2: Cell(3, 0, 9), 3: Cell(1, 0, 9)}, Cell(1, 0, 9)))

    assert {value: cell.events for value, cell in cells.items()} == {1: 2, OTHER: 1}
