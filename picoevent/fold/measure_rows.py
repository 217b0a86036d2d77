"""Cells of measures in their table."""

from __future__ import annotations

from collections.abc import Mapping
from operator import itemgetter

from sqlalchemy import Connection, select

from picoevent.fold.bundles import Key, OneTable, of_sum
from picoevent.fold.turns import Turn
from picoevent.rollup.sketch import MeasureCell, pack_measure, unpack_measure
from picoevent.store.rollup_tables import rollup_measure
from picoevent.store.rows import insert_rows


class MeasureForm(OneTable):
    """Implements `picoevent.fold.bundles.Form` for measures."""

    table = rollup_measure
    number = rollup_measure.c.measure_id

    def gather(self, connection: Connection, key: Key, until: int) -> MeasureCell:
        """See `Form.gather`."""
        parts = select(self.table.c.packed).where(of_sum(self.table, self.number, key, until))
        total = MeasureCell()
        for packed in connection.execute(parts).scalars():
            total.merge(unpack_measure(packed))
        return total

    def write(self, turn: Turn, contents: Mapping[Key, MeasureCell]) -> None:
        """See `Form.write`."""
        rows = [
            (int(key.tier), key.event_type_id, key.source_id, key.number, key.bucket, turn.part, pack_measure(content))
            for key, content in sorted(contents.items(), key=itemgetter(0))
        ]
        insert_rows(turn.connection, self.table, rows)
