"""What event types declare: the payload keys that are counted and summed, as frozen values; not how they come in."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from sqlalchemy import Connection, select

from picoevent.store.rollup_tables import declared_dimension, declared_measure, dimension, measure
from picoevent.store.tables import event_type


@dataclass(frozen=True, slots=True)
class Dimension:
    """A dotted path into payloads that is counted, or a pair of them.

    Its rollups are whole from `filled_from` on, its index of values from `searchable_from`, its sets from
    `distinct_from`: Unix seconds, 0 for all time; the last two count only where it is searchable, or counted distinct.
    """

    dimension_id: int
    path: str
    second_path: str
    searchable: bool
    counted_distinct: bool
    filled_from: int
    searchable_from: int
    distinct_from: int

    @property
    def name(self) -> str:
        """The path; of a pair both, with a comma between them."""
        return f"{self.path},{self.second_path}" if self.second_path else self.path

    @property
    def paths(self) -> tuple[str, ...]:
        """The path, or the two of a pair."""
        return (self.path, self.second_path) if self.second_path else (self.path,)


@dataclass(frozen=True, slots=True)
class Measure:
    """A dotted path into payloads whose numbers are summed; whole from `filled_from` on, a Unix second."""

    measure_id: int
    path: str
    filled_from: int


@dataclass(frozen=True, slots=True)
class Declaration:
    """What one event type declares."""

    event_type_id: int
    event_type: str
    dimensions: tuple[Dimension, ...] = ()
    measures: tuple[Measure, ...] = ()

    def dimension(self, name: str) -> Dimension | None:
        """Return the dimension of a path, or of a pair as "path,path"; None where it is not declared."""
        return next((found for found in self.dimensions if found.name == name), None)

    def measure(self, path: str) -> Measure | None:
        """Return the measure of a path; None where it is not declared."""
        return next((found for found in self.measures if found.path == path), None)


def read_declarations(connection: Connection, event_type_id: int | None = None) -> dict[int, Declaration]:
    """Return what event types declare, by their numbers; those that declare nothing are left out."""
    dimensions = _read_dimensions(connection, event_type_id)
    measures = _read_measures(connection, event_type_id)
    numbers = dimensions.keys() | measures.keys()
    named = select(event_type.c.event_type_id, event_type.c.name).where(event_type.c.event_type_id.in_(numbers))
    return {
        number: Declaration(number, name, tuple(dimensions.get(number, ())), tuple(measures.get(number, ())))
        for number, name in connection.execute(named.order_by(event_type.c.name))
    }


def list_declarations(connection: Connection) -> list[Declaration]:
    """Return what event types declare, by their names."""
    return list(read_declarations(connection).values())


def _read_dimensions(connection: Connection, event_type_id: int | None) -> dict[int, list[Dimension]]:
    c = declared_dimension.c
    rows = select(
        c.event_type_id, c.dimension_id, dimension.c.path, dimension.c.second_path,
        c.searchable, c.counted_distinct, c.filled_from, c.searchable_from, c.distinct_from,
    ).join(dimension, dimension.c.dimension_id == c.dimension_id)  # fmt: skip
    if event_type_id is not None:
        rows = rows.where(c.event_type_id == event_type_id)
    found: defaultdict[int, list[Dimension]] = defaultdict(list)
    for number, dimension_id, path, second, searchable, distinct, *moments in connection.execute(
        rows.order_by(c.event_type_id, c.dimension_id)
    ):
        found[number].append(Dimension(dimension_id, path, second, bool(searchable), bool(distinct), *moments))
    return found


def _read_measures(connection: Connection, event_type_id: int | None) -> dict[int, list[Measure]]:
    c = declared_measure.c
    rows = select(c.event_type_id, c.measure_id, measure.c.path, c.filled_from).join(
        measure, measure.c.measure_id == c.measure_id
    )
    if event_type_id is not None:
        rows = rows.where(c.event_type_id == event_type_id)
    found: defaultdict[int, list[Measure]] = defaultdict(list)
    for number, measure_id, path, filled_from in connection.execute(rows.order_by(c.event_type_id, c.measure_id)):
        found[number].append(Measure(measure_id, path, filled_from))
    return found
