"""The report `breakdown`: events, users and other distinct values by one dimension, or by a declared pair of them."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace

from picoevent.errors import InvalidQuery
from picoevent.report.asking import Asked, ask
from picoevent.report.cell_reading import CellReader, hides_values, is_exact, total_events
from picoevent.report.dimensions import (
    USERS,
    Chosen,
    choose_dimension,
    choose_distinct,
    find_pair,
)
from picoevent.report.frame import Answer, Arguments, Desk, Report
from picoevent.rollup.cells import Cell, Cells
from picoevent.rollup.samples import union_of
from picoevent.rollup.shown_values import NO_VALUE, OTHER_VALUES, show_value, stored_values
from picoevent.rollup.values import pair_half


@dataclass(frozen=True, slots=True)
class BreakdownRow:
    """One value, or one pair of values; "(none)" is no value, "(other)", the last row, all that have no row.

    A value that is one of these texts itself stands in double quotes, as in filters. `second_value` is that of the
    second dimension; halves of a pair that are longer than 124 characters are cut, and have a hash behind them.
    `events` and `users` are those of the range; `distinct` is how many different values of the dimension `distinct`
    there were; `at_least` says that some events with this value may be counted under "(other)".
    """

    value: str
    second_value: str | None
    events: int
    users: int | None
    distinct: int | None = None
    at_least: bool = False


def answer(desk: Desk, arguments: Arguments) -> Answer[BreakdownRow]:
    """Return the values, or pairs, with most events first."""
    asked = ask(desk, arguments)
    if arguments.filters:
        return _filtered(asked)
    chosen, paths, turned = _dimension(asked)
    counted = _counted(asked)
    reader = CellReader(asked, chosen, asked.plan_values(chosen.selection), counted)
    found = reader.read(lambda _: 0)
    cells = found.setdefault(0, Cells())
    ranked = sorted(cells.values, key=lambda value_id: (-cells.values[value_id].events, value_id))
    top = ranked[: arguments.limit]
    reader.add_sets(found, lambda _: 0, top)
    hidden = hides_values([cells])
    rows = _rows(asked, chosen, cells, top, counted)
    if len(paths) > 1:
        rows = [_halved(row, turned=turned) for row in rows]
    left = total_events(cells) - sum(row.events for row in rows)
    if left:
        rows.append(BreakdownRow(OTHER_VALUES, None, left, None))
    totals = {"events": total_events(cells), "values": len(cells.values), "other": left}
    whole = chosen.whole and (counted is None or counted.whole)
    return asked.answer("breakdown", rows, reader.source, exact=whole and not hidden, totals=totals)


def _filtered(asked: Asked) -> Answer[BreakdownRow]:
    """Return the values of one dimension among the events with some values of another: by the pair of both."""
    path, other, wanted = _pair_asked(asked)
    chosen, turned = find_pair(asked, path, other)
    counted = _counted(asked)
    reader = CellReader(asked, chosen, asked.plan_values(chosen.selection), counted)
    found = reader.read(lambda _: 0)
    cells = found.setdefault(0, Cells())
    groups: defaultdict[str, list[int]] = defaultdict(list)
    for value_id, name in chosen.names(asked.desk.connection, cells.values).items():
        halves = split_pair(name)
        if halves[not turned] in wanted:
            groups[show_value(halves[turned])].append(value_id)
    events = {value: sum(cells.values[number].events for number in numbers) for value, numbers in groups.items()}
    top = sorted(events, key=lambda value: (-events[value], value))[: asked.arguments.limit]
    reader.add_sets(found, lambda _: 0, [number for value in top for number in groups[value]])
    hidden = hides_values([cells])
    rows = []
    for value in top:
        members = [cells.values[number] for number in groups[value]]
        distinct = None if counted is None else _how_many(asked, members, counted.dimension.dimension_id)
        rows.append(BreakdownRow(value, None, events[value], _how_many(asked, members, USERS), distinct, hidden))
    left = sum(events.values()) - sum(row.events for row in rows)
    if left:
        rows.append(BreakdownRow(OTHER_VALUES, None, left, None))
    totals = {"events": sum(events.values()), "values": len(events), "other": left}
    whole = chosen.whole and (counted is None or counted.whole)
    return asked.answer("breakdown", rows, reader.source, exact=whole and not hidden, totals=totals)


def _pair_asked(asked: Asked) -> tuple[str, str, frozenset[str | None]]:
    """Return the dimension to break down by, the one that is filtered by, and which of its values are let through."""
    by, filters = asked.arguments.options.get("by"), asked.arguments.filters
    if len(filters) != 1 or not isinstance(by, str) or "," in by:
        raise InvalidQuery("With a filter, break down by one dimension.", hint="Filter by one other: both are a pair.")
    ((other, wanted),) = filters.items()
    if other == by:
        raise InvalidQuery(f"{by!r} can't be filtered by itself.", hint="Filter by another dimension: both are a pair.")
    return by, other, frozenset(map(pair_half, stored_values(wanted)))


def _how_many(asked: Asked, cells: Iterable[Cell], counted_id: int) -> int:
    return asked.how_many(union_of(cell.sets[counted_id] for cell in cells if counted_id in cell.sets))


def _rows(asked: Asked, chosen: Chosen, cells: Cells, top: list[int], counted: Chosen | None) -> list[BreakdownRow]:
    names = chosen.names(asked.desk.connection, top)
    hidden = hides_values([cells])
    rows = []
    for value_id in top:
        cell = cells.values[value_id]
        distinct = None if counted is None else _how_many(asked, [cell], counted.dimension.dimension_id)
        users, at_least = _how_many(asked, [cell], USERS), not is_exact(value_id, hidden=hidden)
        rows.append(BreakdownRow(names[value_id], None, cell.events, users, distinct, at_least))
    return rows


def _halved(row: BreakdownRow, *, turned: bool) -> BreakdownRow:
    first, second = map(show_value, split_pair(row.value))
    return replace(row, value=second, second_value=first) if turned else replace(row, value=first, second_value=second)


def _dimension(asked: Asked) -> tuple[Chosen, list[str], bool]:
    """Return what is broken down by, its paths, and whether a pair is declared the other way round."""
    by = asked.arguments.options.get("by")
    given = by.split(",") if isinstance(by, str) else by if isinstance(by, (list, tuple)) else ()
    paths = [path.strip() if isinstance(path, str) else path for path in given]
    if len(paths) not in (1, 2) or not all(isinstance(path, str) and path for path in paths):
        raise InvalidQuery(
            "Break down by one dimension, or by two.",
            hint="For example: by='plan' or by='plan,country' (--by plan).",
        )
    if len(paths) == 1:
        return choose_dimension(asked, paths[0]), paths, False
    chosen, turned = find_pair(asked, paths[0], paths[1])
    return chosen, paths, turned


def _counted(asked: Asked) -> Chosen | None:
    """Return the dimension whose different values are counted for each row; None for none."""
    path = asked.arguments.options.get("distinct")
    if path is None:
        return None
    return choose_distinct(asked, str(path))


def split_pair(name: str) -> tuple[str | None, str | None]:
    """Return both halves of the value of a pair; None is no value."""
    first, second = (None, None) if name == NO_VALUE else json.loads(name)
    return first, second


BREAKDOWN = Report(
    "breakdown",
    "Events, users and other distinct values by one dimension, or by a declared pair of them",
    answer,
    takes=("types", "sources", "filters", "limit"),
    options={
        "by": "the dimension, by its path; or two, as collection,action",
        "distinct": "count the different values of this dimension in each row, too",
    },
    row=BreakdownRow,
)
