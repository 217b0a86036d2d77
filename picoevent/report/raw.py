"""Raw rows for the questions that no rollup answers: what they may cost, who reads them, and what the answer says.

Before anything is read, the rollups' counts say how many rows it will be: a question beyond `report_max_rows` is
refused with advice. The database itself ends what takes longer than `report_max_seconds`, and answers no more than
`report_max_at_once` such questions at the same time.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from typing import Any, TypeVar

from sqlalchemy import and_, func, or_, select

from picoevent.errors import QueryTooCostly
from picoevent.ids import MAX_UNIX_MS, MIN_UNIX_MS
from picoevent.read.names import Dictionary
from picoevent.report.asking import as_of, to_moment, unknown_names
from picoevent.report.counting import ANY
from picoevent.report.frame import Answer, Arguments, Desk
from picoevent.report.indexed import find_indexed
from picoevent.report.payload_values import PayloadFilter, PayloadKeys
from picoevent.rollup.tiers import Piece, Tier, cover
from picoevent.store.limits import TimeLimit
from picoevent.store.packed_rows import Batch, RowReader, Walk
from picoevent.store.places import place_among
from picoevent.store.rollup_tables import rollup

Row = TypeVar("Row")

ORIGIN = "raw rows"
DAY_MS = 86_400_000
FREQUENT = 0.15
"""From such a part of all rows on it is quicker to read all than to look up those of a type: 0.2 s instead of 0.4 where
it was 0.44 of 780,000 rows, 0.09 instead of 0.08 where it was 0.09."""
FEW_ROWS = 100_000
"""Read in some milliseconds: such a question waits for nobody."""


def walk_of(desk: Desk, arguments: Arguments, event_types: Sequence[str] | None = None) -> Walk:
    """Return the rows of the range, types and sources that were asked for; `event_types` stand above those."""
    types = arguments.event_types if event_types is None else event_types
    return Walk(
        since_ms=max(arguments.since_ms, MIN_UNIX_MS),
        until_ms=min(arguments.until_ms, MAX_UNIX_MS),
        event_type_ids=_numbers(desk, desk.names.event_types, types),
        source_ids=_numbers(desk, desk.names.sources, arguments.sources),
    )


def _numbers(desk: Desk, dictionary: Dictionary, names: Sequence[str] | None) -> tuple[int, ...] | None:
    """Return the numbers of those of these names that there are; None where all are let through."""
    if names is None:
        return None
    found = {dictionary.number_of(desk.connection, name) for name in names}
    return tuple(sorted(number for number in found if number is not None))


@contextmanager
def raw_rows(desk: Desk, report: str, *walks: Walk) -> Iterator[RowReader]:
    """Open raw rows for a report that will walk like this; raise `QueryTooCostly` where that is too much."""
    rows = sum(estimate(desk, walk) for walk in walks)
    most = desk.settings.report_max_rows
    if rows > most:
        message = f"This {report} reads about {rows:,} raw rows; {most:,} are allowed (PICOEVENT_REPORT_MAX_ROWS)."
        raise QueryTooCostly(message, hint=_advice(rows, most, walks))
    seconds = desk.settings.report_max_seconds
    # Waiting for a place is part of its time.
    limit = TimeLimit(desk.connection, seconds)
    few = rows <= FEW_ROWS
    place = nullcontext() if few else place_among(desk.connection, desk.settings.report_max_at_once, seconds / 2)
    with place, limit:
        yield RowReader(desk.connection, limit)


def _advice(rows: int, most: int, walks: Sequence[Walk]) -> str:
    days = (max(walk.until_ms for walk in walks) - min(walk.since_ms for walk in walks)) / DAY_MS
    fitting = int(days * most / rows)
    shorter = f"{fitting} day{'s'[: fitting != 1]}" if fitting else "some hours"
    others = [] if all(walk.source_ids for walk in walks) else ["one source"]
    others += [] if all(walk.event_type_ids for walk in walks) else ["some event types"]
    return f"Narrow it to {shorter}{''.join(f', or to {other}' for other in others)}."


def estimate(desk: Desk, walk: Walk) -> int:
    """Return how many events the rollups count where this walk goes; in whole buckets, so rather more than less."""
    pieces = [piece for piece in _buckets(desk, walk) if piece.tier is not None]
    if not pieces or walk.event_type_ids == () or walk.source_ids == ():
        return 0
    spans = [
        and_(rollup.c.tier == int(piece.tier or 0), rollup.c.bucket >= piece.since, rollup.c.bucket < piece.until)
        for piece in pieces
    ]
    counted = select(func.sum(rollup.c.events)).where(
        rollup.c.event_type_id.in_(walk.event_type_ids or (ANY,)),
        rollup.c.source_id.in_(walk.source_ids or (ANY,)),
        or_(*spans),
    )
    return int(desk.connection.execute(counted).scalar() or 0)


def shortest(desk: Desk, walk: Walk) -> Walk:
    """Return a walk along the primary key where so many of the rows are of its type that their own index is longer."""
    mine = replace(walk, source_ids=None)
    of_all = estimate(desk, replace(mine, event_type_ids=None))
    return replace(walk, frequent=estimate(desk, mine) > FREQUENT * of_all)


def _buckets(desk: Desk, walk: Walk) -> list[Piece]:
    """Return the buckets that hold the range, beginning and ending with the finest that are kept there."""
    calendar, windows = desk.calendar, desk.state.count_windows()
    since, until = walk.since_ms // 1000, -(-walk.until_ms // 1000)
    tiers = {tier: window for tier, window in windows.items() if tier > Tier.MINUTE}

    def finest(second: int) -> Tier:
        kept = (tier for tier in sorted(tiers) if tiers[tier].since <= calendar.bucket(tier, second))
        return next(kept, Tier.MONTH)

    begin = calendar.bucket(finest(since), since)
    return cover(begin, calendar.first_at_or_after(finest(until), until), tiers, calendar)


def chosen_rows(
    desk: Desk, reader: RowReader, walk: Walk, filters: Mapping[str, tuple[str, ...]], columns: Sequence[str]
) -> Iterator[Batch]:
    """Yield the rows of a walk whose payloads pass; several filters are looked for in the payloads themselves."""
    if not filters:
        yield from reader.narrow(walk, columns)
        return
    indexed = find_indexed(desk, walk, filters)
    if indexed is not None:
        for one in indexed:
            yield from reader.narrow(one, columns)
        return
    keys = PayloadKeys(filters)
    wanted = PayloadFilter.of(filters, keys)
    for rows in reader.wide(walk, columns, keys.kind):
        yield [row[:-1] for row in rows if wanted.passes(row[-1])]


def answer_of(
    desk: Desk, report: str, arguments: Arguments, rows: Sequence[Row], totals: Mapping[str, Any] | None = None
) -> Answer[Row]:
    """Return the answer of a report from raw rows, which are of now, about as much of the range as has any."""
    since_ms = min(max(arguments.since_ms, desk.state.raw_from * 1000), arguments.until_ms)
    notes = unknown_names(desk, arguments)
    if since_ms > max(arguments.since_ms, MIN_UNIX_MS):
        notes.append("Raw rows of before are gone: the answer begins with the oldest that are left.")
    return Answer(
        report=report,
        rows=tuple(rows),
        origin=ORIGIN,
        # A replica is as old as the last heartbeat that it has.
        as_of=as_of(desk) if desk.settings.replica_url else to_moment(desk.now_ms),
        since=to_moment(since_ms),
        until=to_moment(arguments.until_ms),
        zone=arguments.zone,
        notes=tuple(notes),
        totals=totals or {},
    )


def in_seconds(milliseconds: float | None) -> float | None:
    """Return a time between two moments in seconds; None where there is none."""
    return None if milliseconds is None else round(milliseconds / 1000, 3)
