"""Declared measures from the rollups: count, sum, ends and quantiles by interval and type."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from decimal import Context, Decimal

from picoevent.report.asking import Asked, Intervals
from picoevent.report.counting import ANY, in_tiers
from picoevent.report.dimensions import choose_measure
from picoevent.report.planner import Source
from picoevent.report.raw_values import read_raw
from picoevent.rollup.sketch import MeasureCell, unpack_measure
from picoevent.rollup.values import number_of
from picoevent.store.packed_parts import fetch_parts
from picoevent.store.rollup_tables import rollup_measure

AVERAGE_DIGITS = Decimal("0.000001")
_WIDE = Context(prec=1000)
"""Enough for the average of whatever a measure may hold; by default, decimals have 28 digits."""


def _average(cell: MeasureCell) -> Decimal | None:
    if not cell.count:
        return None
    average = _WIDE.divide(cell.total, Decimal(cell.count)).quantize(AVERAGE_DIGITS, context=_WIDE)
    return _WIDE.add(average.normalize(_WIDE), Decimal(0))


TAKEN: Mapping[str, Callable[[MeasureCell], Decimal | None]] = {
    "sum": lambda cell: cell.total,
    "avg": _average,
    "min": lambda cell: cell.least,
    "max": lambda cell: cell.greatest,
    "p50": lambda cell: cell.quantile(0.5),
    "p95": lambda cell: cell.quantile(0.95),
}
"""The figures that can be taken of a measure: exact but for quantiles, which are off by 1 % at most."""
ESTIMATED = frozenset({"p50", "p95"})


@dataclass(frozen=True, slots=True)
class MeasureFound:
    """The cells of a measure by type (`ANY` for all together) and number of the interval."""

    source: Source
    cells: Mapping[tuple[int, int], MeasureCell]
    whole: bool

    def by_type(self) -> dict[int, MeasureCell]:
        """Return the cells of the whole range."""
        types: defaultdict[int, list[MeasureCell]] = defaultdict(list)
        for (type_id, _), cell in self.cells.items():
            types[type_id].append(cell)
        return {type_id: _merged(cells) for type_id, cells in types.items()}

    def in_all(self) -> MeasureCell:
        """Return the cell of everything."""
        return _merged(self.cells.values())


def read_measure(asked: Asked, path: str, interval: str, *, split: bool) -> MeasureFound:
    """Return a measure by interval; raise `InvalidQuery` where it is not declared."""
    measure_id, selection, whole = choose_measure(asked, path)
    source = asked.plan_values(selection, interval=interval)
    intervals = Intervals(source)
    table = rollup_measure
    cells: defaultdict[tuple[int, int], MeasureCell] = defaultdict(MeasureCell)
    if source.tiers:
        conditions = [in_tiers(table, source.tiers, selection), table.c.measure_id == measure_id]
        for type_id, bucket, packed in fetch_parts(
            asked.desk.connection, table, ("event_type_id", "bucket"), conditions
        ):
            cells[type_id if split else ANY, intervals.place_of(bucket)].merge(unpack_measure(packed))
    for event in read_raw(asked.desk, source, selection, [path]):
        number = number_of(event.values[path])
        if number is not None:
            cells[event.type_id if split else ANY, intervals.place_of(event.second)].add(number)
    return MeasureFound(source, cells, whole)


def _merged(cells: Iterable[MeasureCell]) -> MeasureCell:
    total = MeasureCell()
    for cell in cells:
        total.merge(cell)
    return total
