"""What event types declare, counted: values out of payloads into cells, sets, sums and the index of values."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection

from picoevent.fold.bundles import Bundles, Span
from picoevent.fold.cell_rows import CellForm
from picoevent.fold.columns import Columns
from picoevent.fold.groups import cut_by_place, moments_of
from picoevent.fold.harvest import Group, Harvest
from picoevent.fold.measure_rows import MeasureForm
from picoevent.fold.payloads import PayloadReader
from picoevent.fold.piles import Sets
from picoevent.fold.placing import pile_places
from picoevent.fold.plans import Batch, Schedule, cut_by_plan
from picoevent.fold.turns import Turn
from picoevent.fold.values import ValueNumbers
from picoevent.rollup.tiers import Calendar, Tier
from picoevent.rollup.values import join_pair
from picoevent.store.declarations import Dimension, read_declarations
from picoevent.store.rollup_tables import event_dimension
from picoevent.store.rows import insert_rows

WriteIndex = Callable[[Connection, Sequence[tuple[int, int, int]]], None]
"""Writes rows of the index: dimension, value, event."""


def insert_index(connection: Connection, rows: Sequence[tuple[int, int, int]]) -> None:
    """Insert rows of the index that are not there."""
    insert_rows(connection, event_dimension, rows)


class DimensionFold:
    """Counts declared dimensions and measures, within the turn of a round; for one thread.

    Implements `picoevent.fold.round.Extra` and `picoevent.fold.closing.Closer`; `count` also fills in what was there
    before it was declared. `kept` is how many values of a dimension a closed bucket keeps; `write_index` writes rows
    of the index of values, which are not there yet unless somebody mends.
    """

    def __init__(self, calendar: Calendar, sets: Sets, kept: int, write_index: WriteIndex = insert_index) -> None:
        self._calendar = calendar
        self._sets = sets
        self._write_index = write_index
        self._form = CellForm(kept)
        self._cells = Bundles(self._form)
        self._measure_form = MeasureForm()
        self._measures = Bundles(self._measure_form)
        self._values = ValueNumbers()
        self._schedules: dict[int, Schedule] = {}
        self._declarations = -1
        self._reader = PayloadReader(())

    def fold(self, turn: Turn, columns: Columns) -> None:
        """See `Extra.fold`."""
        if turn.state.declarations != self._declarations:
            self._schedules = {n: Schedule(found) for n, found in read_declarations(turn.connection).items()}
            self._declarations = turn.state.declarations
        if self._schedules:
            self.count(turn, cut_by_plan(columns, self._schedules))

    def count(self, turn: Turn, batches: Sequence[Batch]) -> None:
        """Count events by their plans, and write what comes of it; then `keep` or `drop`, as with a round."""
        event_ids = [event_id for batch in batches for event_id in batch.event_ids]
        if not event_ids:
            return
        paths = {path for batch in batches for path in batch.plan.paths()}
        if not paths.issubset(self._reader.paths):
            self._reader = PayloadReader(paths.union(self._reader.paths))
        payloads = self._reader.read(turn.connection, event_ids)
        harvest = Harvest()
        end = 0
        for batch in batches:
            begin, end = end, end + len(batch.event_ids)
            for group in self._groups(turn, batch, payloads[begin:end], harvest):
                harvest.add(group)
        self._write(turn, harvest)

    def keep(self) -> None:
        """See `Extra.keep`."""
        self._values.keep()

    def drop(self) -> None:
        """See `Extra.drop`."""
        self._values.drop()
        self._cells.drop()
        self._measures.drop()

    def prepare(self, turn: Turn, finer: Tier, tier: Tier, bucket: int, until: int) -> bool:
        """See `Closer.prepare`."""
        span = Span(finer, tier, bucket, until)
        return self._cells.prepare(turn, span) and self._measures.prepare(turn, span)

    def close(self, turn: Turn, finer: Tier, tier: Tier, bucket: int, until: int) -> None:
        """See `Closer.close`."""
        span = Span(finer, tier, bucket, until)
        self._cells.close(turn, span)
        self._measures.close(turn, span)

    def take_away(self, turn: Turn, tier: Tier, bucket: int, taken: int) -> None:
        """Take what lies in one bucket out of another, but for members of sets."""
        self._cells.take_away(turn, tier, bucket, taken)
        self._measures.take_away(turn, tier, bucket, taken)

    def merge_some(self, turn: Turn) -> bool:
        """Put some crowded buckets together; return whether there may be more."""
        return self._cells.merge_some(turn) or self._measures.merge_some(turn)

    def _groups(self, turn: Turn, batch: Batch, payloads: Sequence[Any], harvest: Harvest) -> Iterator[Group]:
        plan = batch.plan
        jsons = {path: self._reader.column(path, payloads) for path in plan.paths()}
        values = {
            one.dimension_id: self._values.number_all(turn.connection, one, _jsons_of(one, jsons))
            for one in plan.dimensions()
        }
        for one in plan.searched:
            found = zip(values[one.dimension_id], batch.event_ids, strict=True)
            harvest.indexed += [(one.dimension_id, value, event_id) for value, event_id in found if value]
        moments = moments_of(batch.event_ids)
        summed = {measure.path: jsons[measure.path] for measure in plan.measures}
        for source_id, place, pick in cut_by_place(batch.source_ids, moments, turn.state, self._calendar):
            yield Group(
                plan=plan,
                source_id=source_id,
                places=pile_places(place, turn.state, self._calendar),
                moments=pick(moments),
                users=pick(batch.users),
                values={number: pick(column) for number, column in values.items()},
                jsons={path: pick(column) for path, column in summed.items()},
            )

    def _write(self, turn: Turn, harvest: Harvest) -> None:
        self._form.write_packed(turn, harvest.cells)
        self._cells.noticed(harvest.cells, turn.now)
        self._measure_form.write(turn, harvest.measures)
        self._measures.noticed(harvest.measures, turn.now)
        for dimension_id, sets in harvest.sets():
            self._sets.add(turn, dimension_id, sets)
        self._write_index(turn.connection, sorted(harvest.indexed))


def _jsons_of(dimension: Dimension, jsons: Mapping[str, Sequence[bytes]]) -> Sequence[bytes]:
    """Return the values of a dimension as pieces of JSON."""
    if not dimension.second_path:
        return jsons[dimension.path]
    return list(map(join_pair, jsons[dimension.path], jsons[dimension.second_path]))
