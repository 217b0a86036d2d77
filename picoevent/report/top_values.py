"""The report `top_values`: the values of a dimension with most events, each with its users and when it was seen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from picoevent.errors import InvalidQuery
from picoevent.report.arguments import choose
from picoevent.report.asking import Asked, ask, previous_range, to_moment
from picoevent.report.cell_reading import CellReader, hides_values, is_exact, total_events
from picoevent.report.dimensions import USERS, Chosen, choose_dimension
from picoevent.report.frame import Answer, Arguments, Desk, Report
from picoevent.report.options import read_number
from picoevent.report.periods import growth
from picoevent.rollup.cells import Cell, Cells
from picoevent.rollup.shown_values import OTHER_VALUES


@dataclass(frozen=True, slots=True)
class TopValuesRow:
    """One value; "(none)" is no value, "(other)", the last row, all values that have no row of their own.

    A value that is one of these texts itself stands in double quotes, as in filters. `events` and `users` are those of
    the range, `share` the part of all events; `first_seen` and `last_seen` the times of the first and the last event
    with it in the range; `at_least` says that a day has so many values that some events with this one may be counted
    under "(other)". With compare, `previous` are the events of the period before and `trend` the growth as a part of
    those; with split=type, `by_type` are the events of each type.
    """

    value: str
    events: int
    users: int | None
    share: float
    first_seen: datetime | None
    last_seen: datetime | None
    at_least: bool = False
    previous: int | None = None
    trend: float | None = None
    by_type: Mapping[str, int] | None = None


def answer(desk: Desk, arguments: Arguments) -> Answer[TopValuesRow]:
    """Return the values, those with most events first."""
    asked = ask(desk, arguments)
    chosen = choose_dimension(asked, dimension_asked(arguments))
    split = choose(arguments.options.get("split"), "split", ("none", "type"), "none") == "type"
    reader = CellReader(asked, chosen, asked.plan_values(chosen.selection))
    by_type = reader.read(lambda place: place.type_id if split else 0)
    cells = _added_up(by_type)
    top = _ranked(cells, read_number(arguments.options.get("min_count"), "min_count", 1))[: arguments.limit]
    sets = {0: cells}
    reader.add_sets(sets, lambda _: 0, top)
    earlier = _earlier(asked, reader) if arguments.compare else None
    before = None if earlier is None else earlier.read(lambda _: 0).get(0, Cells())
    table = _Table(asked, chosen, cells, by_type if split else {}, before)
    rows = table.rows(top)
    exact = chosen.whole and not hides_values([cells])
    totals: dict[str, object] = {"events": total_events(cells), "values": len(cells.values), "other": table.left(top)}
    if earlier is not None and before is not None:
        whole = choose_dimension(earlier.asked, dimension_asked(arguments)).whole
        exact = exact and whole and not hides_values([before])
        totals |= {"previous": total_events(before), **previous_range(earlier.source)}
    return asked.answer("top_values", rows, reader.source, exact=exact, totals=totals)


def dimension_asked(arguments: Arguments) -> str:
    """Return the dimension of the option `of`; raise `InvalidQuery` without it."""
    name = arguments.options.get("of")
    if not isinstance(name, str) or not name:
        raise InvalidQuery("The dimension to count is missing.", hint="For example: of='path' (--of path).")
    return name


def _added_up(by_type: Mapping[int, Cells]) -> Cells:
    if len(by_type) == 1:
        return next(iter(by_type.values()))
    total = Cells()
    for cells in by_type.values():
        total.merge(cells)
    return total


def _ranked(cells: Cells, min_count: int) -> list[int]:
    kept = (value_id for value_id, cell in cells.values.items() if cell.events >= min_count)
    return sorted(kept, key=lambda value_id: (-cells.values[value_id].events, value_id))


def _earlier(asked: Asked, reader: CellReader) -> CellReader:
    """Return what reads the same of the period before."""
    moved = asked.period_before(reader.source)
    return replace(reader, asked=moved, source=moved.plan_values(reader.chosen.selection))


@dataclass(frozen=True, slots=True)
class _Table:
    asked: Asked
    chosen: Chosen
    cells: Cells
    by_type: Mapping[int, Cells]
    before: Cells | None

    def rows(self, top: list[int]) -> list[TopValuesRow]:
        """Return a row for each of these values, and one for all others together."""
        names = self.chosen.names(self.asked.desk.connection, top)
        hidden = hides_values([self.cells])
        rows = [self._row(value_id, names[value_id], hidden=hidden) for value_id in top]
        left = self.left(top)
        if left:
            share = self._share(left)
            rows.append(TopValuesRow(OTHER_VALUES, left, None, share, None, None))
        return rows

    def left(self, top: list[int]) -> int:
        """Return the events of all values that have no row."""
        return total_events(self.cells) - sum(self.cells.values[value_id].events for value_id in top)

    def _row(self, value_id: int, name: str, *, hidden: bool) -> TopValuesRow:
        cell = self.cells.values[value_id]
        row = TopValuesRow(
            value=name,
            events=cell.events,
            users=self.asked.how_many(cell.sets[USERS]) if USERS in cell.sets else 0,
            share=self._share(cell.events),
            first_seen=to_moment(cell.first_ms),
            last_seen=to_moment(cell.last_ms),
            at_least=not is_exact(value_id, hidden=hidden),
            by_type=self._by_type(value_id) if self.by_type else None,
        )
        if self.before is None:
            return row
        previous = self.before.values.get(value_id, Cell(0, 0, 0)).events
        return replace(row, previous=previous, trend=growth(cell.events, previous))

    def _share(self, events: int) -> float:
        return round(events / max(total_events(self.cells), 1), 6)

    def _by_type(self, value_id: int) -> dict[str, int]:
        types, connection = self.asked.desk.names.event_types, self.asked.desk.connection
        return {
            types.name_of(connection, number): cells.values[value_id].events
            for number, cells in self.by_type.items()
            if value_id in cells.values
        }


TOP_VALUES = Report(
    "top_values",
    "The values of a dimension with most events, each with its users and when it was seen",
    answer,
    takes=("types", "sources", "limit", "compare"),
    options={
        "of": "the dimension, by its path such as path or context.ip",
        "min_count": "leave out values with fewer events (default: 1)",
        "split": "type: say how many events of each type a value has (default: none)",
    },
    row=TopValuesRow,
)
