"""Dimensions and measures of a round's events: values out of payloads into cells, sets, sums and the index of values."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import compress

from pyroaring import BitMap
from sqlalchemy import Connection, insert

from picoevent.fold.bundles import Bundles, Key
from picoevent.fold.cell_rows import CellForm
from picoevent.fold.columns import Columns
from picoevent.fold.counts import combinations
from picoevent.fold.measure_rows import MeasureForm
from picoevent.fold.payloads import PayloadReader
from picoevent.fold.piles import SetKey, Sets
from picoevent.fold.placing import Place, finest_place, pile_places
from picoevent.fold.plans import Batch, Schedule
from picoevent.fold.turns import Turn
from picoevent.fold.values import ValueNumbers
from picoevent.ids import EPOCH_UNIX, MILLISECOND_SHIFT, SECOND_SHIFT
from picoevent.rollup.cells import USERS, CellColumns, pack_columns, unpack_cells
from picoevent.rollup.set_columns import SetColumns
from picoevent.rollup.sketch import MeasureCell
from picoevent.rollup.tiers import Calendar, Tier
from picoevent.rollup.values import join_pair, number_of
from picoevent.store.declarations import Dimension, read_declarations
from picoevent.store.rollup_tables import event_dimension

_EPOCH_MS = EPOCH_UNIX * 1000
_MEMBER_BITS = 32
_MEMBERS = (1 << _MEMBER_BITS) - 1


class DimensionFold:
    """Implements `picoevent.fold.round.Extra`: counts what event types declare; for one thread.

    `kept` is how many values of a dimension a bucket keeps when it is closed. Also a `Closer`.
    """

    def __init__(self, calendar: Calendar, sets: Sets, kept: int) -> None:
        self._calendar = calendar
        self._sets = sets
        self._cells = Bundles(CellForm(kept))
        self._measures = Bundles(MeasureForm())
        self._values = ValueNumbers()
        self._schedules: dict[int, Schedule] = {}
        self._declarations = -1
        self._reader = PayloadReader(())

    def fold(self, turn: Turn, columns: Columns) -> None:
        """Count the events whose types declare something; see `Extra.fold`."""
        self._read_declarations(turn)
        if self._schedules:
            self.count(turn, _batches(columns, self._schedules))

    def count(self, turn: Turn, batches: Sequence[Batch]) -> None:
        """Count events by their plans; `keep` or `drop` after the commit, as with a round."""
        event_ids = [event_id for batch in batches for event_id in batch.event_ids]
        if not event_ids:
            return
        paths = {path for batch in batches for path in batch.plan.paths()}
        if not paths.issubset(self._reader.paths):
            self._reader = PayloadReader({*self._reader.paths, *paths})
        ...

    def keep(self) -> None:
        """See `Extra.keep`."""
        self._values.keep()

    def drop(self) -> None:
        """See `Extra.drop`."""
        self._values.drop()
        self._declarations = -1
