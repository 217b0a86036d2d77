"""Buckets of rollups put right within a turn: counted anew from raw rows, or put together anew from finer buckets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import cast

from sqlalchemy import Connection, Table, delete, func, insert, literal, select, update

from picoevent.fold.closing import Closer
from picoevent.fold.columns import Columns, group_users
from picoevent.fold.counts import add_counts, add_up, sets_of_users
from picoevent.fold.days import touch_span
from picoevent.fold.dimensions import DimensionFold
from picoevent.fold.index_mending import IndexMender
from picoevent.fold.piles import USERS, Sets
from picoevent.fold.plans import Schedule, cut_by_plan
from picoevent.fold.raw import leave_out_waiting, read_pages, seconds_of
from picoevent.fold.turns import Turn
from picoevent.fold.users import UserNumbers
from picoevent.rollup.tiers import QUARTER_SECONDS, Calendar, Tier
from picoevent.store.declarations import Declaration, read_declarations
from picoevent.store.fold_state import FOR_EVER, FoldState
from picoevent.store.rollup_tables import PILED_TABLES, rollup, rollup_users

ROWS_AT_ONCE = 250_000
"""So many events are counted at once, each such lot into parts of its own."""

OPEN_TABLES = (rollup, rollup_users)
"""What is replaced of an open bucket. Declared values in it are the leader's, who may be closing it step by step, and
remembers how far that is."""

ALL_VALUES = 1 << 31
ASIDE = cast("Tier", 102)
"""A tier that nobody reads: quarters that a bucket is being made of."""

Counts = Mapping[tuple[int, int, int, int], int]
"""Events by tier, event type, source and bucket."""
Span = tuple[int, int]
"""Two Unix seconds; the second one does not count."""


class Mender:
    """Replaces buckets, for one thread; after the commit `keep`, after a rollback `drop`, as with rounds."""

    def __init__(self, calendar: Calendar, values_kept: int, index: IndexMender | None = None) -> None:
        """`values_kept` is how many values of a dimension a closed bucket keeps.

        With an `index`, events that are counted anew get into the index of values, too, where they are not there.
        """
        self.calendar = calendar
        self._sets = Sets()
        self._numbers = UserNumbers()
        self._index = index or IndexMender()
        self._is_searched = index is not None
        self._dimensions = DimensionFold(calendar, self._sets, values_kept, self._index.write)
        self._schedules: dict[int, Schedule] = {}
        self._declarations = -1
        self._closers: tuple[Closer, ...] = (self._sets, self._dimensions)

    def from_rows(self, turn: Turn, tiers: Sequence[Tier], span: Span) -> int:
        """Replace all buckets of some tiers in a span by what its raw rows say; return how many events those are.

        The tiers are minute and quarter, or one alone. What waits in `pending` is left to the fold.
        """
        clear(turn.connection, tiers, span)
        events = 0
        part = replace(turn, state=_placing_in(turn.state, tiers))
        for columns in folded_lots(turn.connection, span):
            add_counts(turn.connection, self._count(part, tiers, columns))
            events += len(columns)
            part.mark_changed()
            part.state = replace(part.state, version=int(turn.changes["version"]))
        touch_span(turn, span)
        return events

    def from_finer(self, turn: Turn, finer: Tier, tier: Tier, bucket: int, changed: Span | None = None) -> None:
        """Replace a bucket by the sum of the finer ones that lie in it, which must all be kept.

        Where it is known, `changed` is the part of it in which there was something else before.
        """
        end = self.calendar.following(tier, bucket)
        closed = bucket < (turn.state.closed_day if tier is Tier.DAY else turn.state.closed_month)
        if closed:
            self.put_together(turn, finer, tier, (bucket, end))
        else:
            clear(turn.connection, (tier,), (bucket, bucket + 1), OPEN_TABLES)
            _sum_counts(turn.connection, (finer, tier), bucket, end)
        touch_span(turn, changed or (bucket, end))

    def put_together(self, turn: Turn, finer: Tier, tier: Tier, span: Span) -> None:
        """Replace what a tier has at the start of a span by the sum of finer buckets in it, all of them closed."""
        clear(turn.connection, (tier,), (span[0], span[0] + 1))
        _sum_counts(turn.connection, (finer, tier), *span)
        for closer in self._closers:
            closer.close(turn, finer, tier, *span)

    def take_away(self, turn: Turn, tier: Tier, bucket: int, taken: int) -> None:
        """Take the values and sums that lie in one bucket out of those of another."""
        self._dimensions.take_away(turn, tier, bucket, taken)

    def keep(self) -> None:
        """Remember what numbers were given: they are committed."""
        self._numbers.keep()
        self._dimensions.keep()
        self._index.keep()

    def drop(self) -> None:
        """Forget what numbers were given: they were rolled back."""
        self._numbers.drop()
        self._dimensions.drop()
        self._index.drop()

    def uncapped(self) -> Mender:
        """Return another one, whose closed buckets keep all values of a dimension."""
        return Mender(self.calendar, ALL_VALUES, self._index)

    def begin_aside(self, turn: Turn, span: Span) -> None:
        """Forget what was counted aside."""
        clear(turn.connection, (ASIDE,), span)
        self._index.begin()

    def count_aside(self, turn: Turn, tier: Tier, columns: Columns) -> Counts:
        """Count events into quarters that nobody reads; return what is to be added to a tier of `rollup`."""
        part = replace(turn, state=_placing_in(turn.state, (Tier.QUARTER,)))
        counts = self._count(part, (tier,), columns)
        first, last = seconds_of(columns)
        for table in PILED_TABLES:
            c = table.c
            mine = (c.tier == int(Tier.QUARTER)) & (c.part >= turn.part)
            mine &= (c.bucket > first - QUARTER_SECONDS) & (c.bucket <= last)
            turn.connection.execute(update(table).where(mine).values(tier=int(ASIDE)))
        turn.mark_changed()
        return counts

    def take_place(self, turn: Turn, tier: Tier, span: Span, counts: Counts) -> None:
        """Replace a bucket by what was counted aside."""
        clear(turn.connection, (tier,), (span[0], span[0] + 1))
        for closer in self._closers:
            closer.close(turn, ASIDE, tier, *span)
        add_counts(turn.connection, counts)
        clear(turn.connection, (ASIDE,), span)
        touch_span(turn, span)

    def _count(self, turn: Turn, tiers: Sequence[Tier], columns: Columns) -> Counts:
        """Write all but counts, which are returned."""
        first = int(turn.changes.get("next_user_number", turn.state.next_user_number))
        following = self._numbers.number_all(turn.connection, columns.users, first)
        if following != first:
            turn.changes["next_user_number"] = following
        groups = group_users(columns, turn.state, self.calendar)
        counts = add_up(groups, self.calendar)
        self._sets.add(turn, USERS, sets_of_users(groups, turn.state, self.calendar))
        if turn.state.declarations != self._declarations:
            declared = read_declarations(turn.connection)
            wanted = declared if self._is_searched else {n: _unsearched(found) for n, found in declared.items()}
            self._schedules = {number: Schedule(found) for number, found in wanted.items()}
            self._declarations = turn.state.declarations
        self._dimensions.count(turn, cut_by_plan(columns, self._schedules))
        return {key: events for key, events in counts.items() if key[0] in tiers}


def folded_lots(connection: Connection, span: Span) -> Iterator[Columns]:
    """Yield the events of a span but those that wait, in lots; call it only with the lock of `fold_state`."""
    lot = Columns()
    for page in read_pages(connection, *span):
        lot = _joined(lot, page)
        if len(lot) >= ROWS_AT_ONCE:
            yield leave_out_waiting(connection, lot)
            lot = Columns()
    if len(lot):
        yield leave_out_waiting(connection, lot)


def clear(
    connection: Connection, tiers: Sequence[Tier], span: Span, tables: Sequence[Table] = (rollup, *PILED_TABLES)
) -> None:
    """Delete all rows of some tiers whose buckets begin in a span."""
    numbers = [int(tier) for tier in tiers]
    for table in tables:
        mine = table.c.tier.in_(numbers) & (table.c.bucket >= span[0]) & (table.c.bucket < span[1])
        connection.execute(delete(table).where(mine))


def _unsearched(declaration: Declaration) -> Declaration:
    """Return what is declared without the index of values: that belongs to events, and not to buckets of a zone."""
    dimensions = tuple(replace(one, searchable=False) for one in declaration.dimensions)
    return replace(declaration, dimensions=dimensions)


def _placing_in(state: FoldState, tiers: Sequence[Tier]) -> FoldState:
    """Return a state by which events are placed in these tiers alone."""
    finest = min(tiers)
    return replace(
        state,
        kept_minute=FOR_EVER if finest > Tier.MINUTE else 0,
        kept_quarter=FOR_EVER if finest > Tier.QUARTER else 0,
        kept_day=FOR_EVER if finest > Tier.DAY else 0,
        closed_day=0,
        closed_month=0,
    )


def _joined(one: Columns, other: Columns) -> Columns:
    if not len(one):
        return other
    one.event_ids += other.event_ids
    one.event_type_ids += other.event_type_ids
    one.source_ids += other.source_ids
    one.users += other.users
    return one


def _sum_counts(connection: Connection, tiers: tuple[Tier, Tier], bucket: int, end: int) -> None:
    finer, tier = tiers
    c = rollup.c
    mine = (c.tier == int(finer)) & (c.bucket >= bucket) & (c.bucket < end)
    summed = (
        select(literal(int(tier)), c.event_type_id, c.source_id, literal(bucket), func.sum(c.events))
        .with_hint(rollup, "FORCE INDEX (bucket)", "mysql")
        .where(mine)
        .group_by(c.event_type_id, c.source_id)
    )
    names = ["tier", "event_type_id", "source_id", "bucket", "events"]
    connection.execute(insert(rollup).from_select(names, summed))
