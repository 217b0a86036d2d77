"""Counts of events from the rollups and, at the edges of a range, from raw rows: one statement for each tier."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from sqlalchemy import ColumnElement, Connection, Table, and_, func, or_, select

from picoevent.read.conditions import time_conditions
from picoevent.read.query import Query
from picoevent.report.planner import Source, Span
from picoevent.rollup.tiers import Tier, Window
from picoevent.store.packed_parts import BY_KEY, fetch_numbers
from picoevent.store.rollup_tables import rollup
from picoevent.store.tables import event_log

ANY = 0
"""Any event type, any source: the rollups hold rows for them."""
NOTHING = -1
"""The number of a name that nothing has."""


@dataclass(frozen=True, slots=True)
class Selection:
    """Which rows count, by their numbers: `(ANY,)` for all types, or all sources, put together.

    `every_type` says that the types are all there are, each for itself; `minute_source_ids` are the sources where
    minutes hold no rows for any of them.
    """

    type_ids: tuple[int, ...] = (ANY,)
    source_ids: tuple[int, ...] = (ANY,)
    every_type: bool = False
    minute_source_ids: tuple[int, ...] = ()

    def at(self, tier: Tier) -> Selection:
        """Return the rows of a tier."""
        if tier is not Tier.MINUTE or not self.minute_source_ids:
            return self
        return replace(self, source_ids=self.minute_source_ids, minute_source_ids=())

    def conditions(self, table: Table) -> list[ColumnElement[bool]]:
        """Return the conditions on a table of rollups."""
        return [_is_one_of(table.c.event_type_id, self.type_ids), _is_one_of(table.c.source_id, self.source_ids)]

    def raw_conditions(self) -> list[ColumnElement[bool]]:
        """Return the conditions on raw rows."""
        type_ids = (ANY,) if self.every_type else self.type_ids
        chosen = ((event_log.c.event_type_id, type_ids), (event_log.c.source_id, self.source_ids))
        return [_is_one_of(column, numbers) for column, numbers in chosen if numbers != (ANY,)]

    @property
    def put_together(self) -> Selection:
        """The same rows, with all types as one where all are asked for."""
        return replace(self, type_ids=(ANY,), every_type=False) if self.every_type else self


class Count(NamedTuple):
    """So many events of a type in a bucket, or in a span of raw rows, that begins at a Unix second."""

    type_id: int
    second: int
    events: int


def _is_one_of(column: ColumnElement[int], numbers: Sequence[int]) -> ColumnElement[bool]:
    return column == numbers[0] if len(numbers) == 1 else column.in_(numbers)


def in_buckets(table: Table, tier: Tier, windows: Iterable[Window]) -> list[ColumnElement[bool]]:
    """Return the conditions for the buckets of a tier that begin within spans."""
    bucket = table.c.bucket
    ranges = [and_(bucket >= window.since, bucket < window.until) for window in windows]
    return [table.c.tier == int(tier), ranges[0] if len(ranges) == 1 else or_(*ranges)]


def in_tiers(table: Table, tiers: Mapping[Tier, Iterable[Window]], selection: Selection) -> ColumnElement[bool]:
    """Return the condition for all rows of a source, in one statement: each round trip counts."""
    parts = [
        and_(*in_buckets(table, tier, windows), *selection.at(tier).conditions(table))
        for tier, windows in tiers.items()
    ]
    return parts[0] if len(parts) == 1 else or_(*parts)


def in_span(span: Span) -> list[ColumnElement[bool]]:
    """Return the conditions for raw rows of a span."""
    return time_conditions(Query(since_ms=span.since_ms, until_ms=span.until_ms))


def count_by_bucket(connection: Connection, source: Source, selection: Selection) -> Iterator[Count]:
    """Yield the counts of each type and bucket, several of a bucket where several sources are asked for."""
    columns = ("event_type_id", "bucket", "events")
    if source.tiers:
        found = fetch_numbers(connection, rollup, columns, [in_tiers(rollup, source.tiers, selection)])
        yield from map(Count._make, found)
    yield from _count_raw(connection, source, selection)


def count_in_all(connection: Connection, source: Source, selection: Selection) -> dict[int, int]:
    """Return the number of events of each type in the whole range."""
    totals: dict[int, int] = {}
    columns = select(rollup.c.event_type_id, func.sum(rollup.c.events)).group_by(rollup.c.event_type_id)
    if source.tiers:
        found = columns.where(in_tiers(rollup, source.tiers, selection)).with_hint(rollup, BY_KEY, "mysql")
        totals = {type_id: int(events) for type_id, events in connection.execute(found)}
    for count in _count_raw(connection, source, selection):
        totals[count.type_id] = totals.get(count.type_id, 0) + count.events
    return totals


def _count_raw(connection: Connection, source: Source, selection: Selection) -> Iterator[Count]:
    """Yield the counts of raw rows, by type where types are asked for."""
    for span in source.raw:
        conditions = [*in_span(span), *selection.raw_conditions()]
        if selection.type_ids == (ANY,):
            events = connection.execute(select(func.count()).select_from(event_log).where(*conditions)).scalar()
            yield Count(ANY, span.since_ms // 1000, int(events or 0))
        else:
            by_type = select(event_log.c.event_type_id, func.count()).where(*conditions)
            for type_id, events in connection.execute(by_type.group_by(event_log.c.event_type_id)):
                yield Count(type_id, span.since_ms // 1000, events)


def count_rows(connection: Connection, selection: Selection, tier: Tier, since: int, until: int) -> int:
    """Return how many events lie in the buckets of a tier from one Unix second to another."""
    total = select(func.sum(rollup.c.events))
    conditions = selection.conditions(rollup)
    found = total.where(*in_buckets(rollup, tier, [Window(since, until)]), *conditions)
    return int(connection.execute(found).scalar() or 0)
