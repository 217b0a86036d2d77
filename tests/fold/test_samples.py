"""Sets that no packet could hold are folded all the same: as samples, or in several rows."""

from __future__ import annotations

import pytest
from pyroaring import BitMap
from sqlalchemy import select

from picoevent.fold.bundles import Key
from picoevent.fold.cell_rows import CellForm
from picoevent.fold.crowds import CALM_SECONDS
from picoevent.fold.piles import USERS, Sets
from picoevent.rollup.cells import Cell, Cells
from picoevent.rollup.members import unpack_members
from picoevent.rollup.samples import Sample, differ
from picoevent.rollup.tiers import Tier
from picoevent.store.rollup_tables import rollup_dimension, rollup_users

DAY = Tier.DAY, 1, 2, 1_788_220_800
LARGEST = BitMap(range(0, 1 << 32, 250))
LARGE = BitMap(range(0, 1 << 32, 1500))


def packed(connection, table):
    """Return what each row of a table holds."""
    return connection.execute(select(table.c.packed)).scalars().all()


def test_a_part_that_no_packet_could_hold_is_written_as_a_sample(folder):
    with folder.turns.leading() as turn:
        Sets().add(turn, USERS, {DAY: LARGEST})

        (row,) = packed(turn.connection, rollup_users)

    assert len(unpack_members(row)) == pytest.approx(len(LARGEST), rel=0.01)


def test_parts_that_no_packet_could_hold_together_are_merged_as_a_sample(folder):
    sets, others = Sets(), LARGE.shift(7)
    for part in (LARGE, others):
        with folder.turns.leading() as turn:
            sets.add(turn, USERS, {DAY: part})
            turn.mark_changed()

    with folder.turns.leading() as turn:
        turn.now_ms += CALM_SECONDS * 1000
        sets.merge_one(turn)
        (row,) = packed(turn.connection, rollup_users)

    union = unpack_members(row)
    assert isinstance(union, Sample)
    assert not differ(union, LARGE | others)


def test_one_value_with_more_sets_than_a_packet_could_hold_goes_into_several_rows(folder):
    form, key = CellForm(200), Key(Tier.QUARTER, 1, 2, 5, DAY[-1])
    sets = {number: LARGE.shift(number) for number in (0, 7, 8)}

    with folder.turns.leading() as turn:
        form.write(turn, {key: Cells({4: Cell(9, 1, 2, sets)}, Cell(3, 1, 2))})
        rows = packed(turn.connection, rollup_dimension)
        found = form.gather(turn.connection, key, key.bucket + 1)

    assert len(rows) > 1
    assert found == Cells({4: Cell(9, 1, 2, sets)}, Cell(3, 1, 2))
