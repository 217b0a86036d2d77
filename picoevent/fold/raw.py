"""Raw rows of a span of time, page by page, and what of them still waits in `pending`: what rollups are made of."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from sqlalchemy import Connection, func, select

from picoevent.errors import PicoEventError, StoreCorrupt
from picoevent.fold.columns import Columns
from picoevent.ids import EPOCH_UNIX, SECOND_SHIFT, first_id_of_second
from picoevent.rollup.tiers import Tier
from picoevent.store.pending import unpack_batch
from picoevent.store.rollup_tables import PILED_TABLES, rollup, rollup_session
from picoevent.store.tables import event_log, pending

ROWS_AT_ONCE = 20_000
BATCHES_AT_ONCE = 200


class RawRowsGone(PicoEventError):
    """What was asked for needs raw rows that were dropped."""


@dataclass(slots=True)
class Waiting:
    """The events of a span that wait in `pending`; and of all batches those that can't be read, with their events."""

    event_ids: set[int] = field(default_factory=set)
    unreadable: dict[int, int] = field(default_factory=dict)


def read_waiting(connection: Connection, since: int, until: int) -> Waiting:
    """Return what of a span, Unix seconds, was not folded yet."""
    first, end = _ids_of(since, until)
    waiting = Waiting()
    batches = select(pending.c.seq, pending.c.events, pending.c.packed)
    for seq, events, packed in connection.execute(batches, execution_options={"yield_per": BATCHES_AT_ONCE}):
        try:
            batch = unpack_batch(packed)
        except StoreCorrupt:
            waiting.unreadable[seq] = events
        else:
            waiting.event_ids.update(event_id for event_id in batch.event_ids if first <= event_id < end)
    return waiting


def read_pages(connection: Connection, since: int, until: int) -> Iterator[Columns]:
    """Yield the events of a span, Unix seconds, in the order of their ids; users as they are stored."""
    following, end = _ids_of(since, until)
    while True:
        page = read_page(connection, following, end, ROWS_AT_ONCE)
        if len(page):
            yield page
        if len(page) < ROWS_AT_ONCE:
            return
        following = page.event_ids[-1] + 1


def read_page(connection: Connection, first: int, end: int, limit: int) -> Columns:
    """Return the first events from one id up to another, in their order; users as they are stored."""
    mine = (event_log.c.event_id >= first) & (event_log.c.event_id < end)
    rows = connection.execute(select(event_log).where(mine).order_by(event_log.c.event_id).limit(limit)).all()
    return Columns(*map(list, zip(*rows, strict=True))) if rows else Columns()


def leave_out(columns: Columns, event_ids: set[int]) -> Columns:
    """Return the events whose ids are not among these."""
    if event_ids.isdisjoint(columns.event_ids):
        return columns
    kept = [
        row
        for row in zip(columns.event_ids, columns.event_type_ids, columns.source_ids, columns.users, strict=True)
        if row[0] not in event_ids
    ]
    return Columns(*map(list, zip(*kept, strict=True))) if kept else Columns()


def leave_out_waiting(connection: Connection, lot: Columns) -> Columns:
    """Return the events of a lot that were folded.

    Read after them, `pending` holds every one that was not: what is committed meanwhile is not in the lot, and whoever
    holds the lock of `fold_state` knows that nothing leaves `pending`.
    """
    seconds = seconds_of(lot)
    waiting = read_waiting(connection, seconds[0], seconds[1] + 1)
    if waiting.unreadable:
        # Whether they hold some of these events, nobody knows; counted now, these might be counted twice one day.
        numbers = ", ".join(map(str, waiting.unreadable))
        hint = "See runbooks/rollups-disagree.md."
        raise StoreCorrupt(f"Batches of pending can't be read: {numbers}.", hint=hint)
    return leave_out(lot, waiting.event_ids)


def seconds_of(columns: Columns) -> tuple[int, int]:
    """Return the Unix seconds of the first and the last of some events, which are in the order of their ids."""
    first, last = columns.event_ids[0], columns.event_ids[-1]
    return (first >> SECOND_SHIFT) + EPOCH_UNIX, (last >> SECOND_SHIFT) + EPOCH_UNIX


def next_filled(connection: Connection, since: int, tiers: Iterable[Tier]) -> int | None:
    """Return the Unix second, from `since` on, of the next event, or of the next bucket of these tiers; None for none.

    So whoever goes through years does not look at each quarter of an hour in which nothing happened.
    """
    ids = event_log.c.event_id
    # One statement: it is asked again and again.
    asked = [select(func.min(ids)).where(ids >= first_id_of_second(max(since, EPOCH_UNIX))).scalar_subquery()]
    for table in (rollup, *PILED_TABLES, rollup_session):
        for tier in tiers:
            mine = (table.c.tier == int(tier)) & (table.c.bucket >= since)
            asked.append(select(func.min(table.c.bucket)).where(mine).scalar_subquery())
    event_id, *buckets = connection.execute(select(*asked)).one()
    found = [] if event_id is None else [(event_id >> SECOND_SHIFT) + EPOCH_UNIX]
    return min([*found, *(bucket for bucket in buckets if bucket is not None)], default=None)


def _ids_of(since: int, until: int) -> tuple[int, int]:
    return first_id_of_second(max(since, EPOCH_UNIX)), first_id_of_second(max(until, EPOCH_UNIX))
