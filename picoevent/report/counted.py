"""What is counted distinct, as sets whose union is asked for: users, values of a dimension, users behind filters."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from pyroaring import BitMap

from picoevent.report.asking import Asked
from picoevent.report.cell_reading import CellReader, Place, hides_values
from picoevent.report.dimensions import USERS, Chosen, Filtered, apply_filters, choose_distinct
from picoevent.report.planner import Source
from picoevent.report.raw_values import number_values, read_raw
from picoevent.report.sets import Members, read_sets, read_users
from picoevent.rollup.cells import NONE


@dataclass(frozen=True, slots=True)
class Counted:
    """Sets, where they come from, and whether their union is exact."""

    source: Source
    members: Iterable[Members]
    exact: bool = True


def members_of(asked: Asked, what: str, interval: str | None) -> Counted:
    """Return the sets of `users`, or of a dimension's values; raise `InvalidQuery` where it is not counted distinct."""
    filtered = apply_filters(asked)
    if what != "users":
        return _values(asked, what, interval, filtered)
    if filtered is not None:
        return filtered_members(asked, filtered, interval)
    source = asked.plan_sets(interval=interval)
    return Counted(source, read_users(asked.desk, source, asked.selection))


def _values(asked: Asked, path: str, interval: str | None, filtered: Filtered | None) -> Counted:
    chosen = choose_distinct(asked, path)
    if filtered is not None:
        return filtered_members(asked, filtered, interval, chosen)
    source = asked.plan_values(chosen.selection, interval=interval)
    sets = read_sets(asked.desk.connection, source, chosen.selection, chosen.dimension.dimension_id)
    return Counted(source, [*sets, *_raw_values(asked, source, chosen)], chosen.whole)


def _raw_values(asked: Asked, source: Source, chosen: Chosen) -> Iterator[Members]:
    connection = asked.desk.connection
    events = list(read_raw(asked.desk, source, chosen.selection, chosen.dimension.paths))
    for event, value_id in zip(events, number_values(connection, chosen, events), strict=True):
        if value_id != NONE:
            yield Members(event.type_id, event.second, BitMap([value_id]))


def filtered_members(asked: Asked, filtered: Filtered, interval: str | None, counted: Chosen | None = None) -> Counted:
    """Return the sets of users, or of another dimension's values, behind the values that filters let through."""
    source = asked.plan_values(filtered.chosen.selection, interval=interval)
    reader = CellReader(asked, filtered.chosen, source, counted)
    counted_id = USERS if counted is None else counted.dimension.dimension_id
    found = reader.read(lambda place: place)
    reader.add_sets(found, lambda place: place, filtered.value_ids)
    whole = filtered.chosen.whole and (counted is None or counted.whole)
    exact = whole and not hides_values(found.values())

    def members() -> Iterator[Members]:
        for place, cells in found.items():
            for value_id in filtered.value_ids & cells.values.keys():
                yield Members(place.type_id, place.second, cells.values[value_id].sets.get(counted_id, BitMap()))

    return Counted(source, members(), exact)


def count_filtered(asked: Asked, filtered: Filtered, interval: str | None) -> tuple[Source, dict[Place, int], bool]:
    """Return the events behind the values that filters let through, by type and bucket, and whether they are exact."""
    source = asked.plan_values(filtered.chosen.selection, interval=interval)
    found = CellReader(asked, filtered.chosen, source).read(lambda place: place)
    counts = {
        place: sum(cells.values[value_id].events for value_id in filtered.value_ids & cells.values.keys())
        for place, cells in found.items()
    }
    return source, counts, filtered.chosen.whole and not hides_values(found.values())
