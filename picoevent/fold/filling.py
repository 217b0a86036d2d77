"""Filling in: what was logged before somebody declared it is counted backwards, some thousand events a turn.

The fold leaves out an event that lies before the moment from which on a declaration holds (`Schedule`); so what lies
before it is counted here alone, and the moment moves back in the transaction that counts it. Nothing is ever replaced.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import Connection, func, select, update

from picoevent.fold.columns import Columns
from picoevent.fold.days import touch_days
from picoevent.fold.dimensions import DimensionFold
from picoevent.fold.pace import Pace
from picoevent.fold.piles import Sets
from picoevent.fold.plans import Batch, Plan, fill_plan, moments_of_declaration
from picoevent.fold.raw import leave_out, read_waiting
from picoevent.fold.rebuild import Patience, Progress
from picoevent.fold.turns import Turn, Turns, new_name
from picoevent.fold.users import UserNumbers
from picoevent.ids import EPOCH_UNIX, SECOND_SHIFT, first_id_of_second
from picoevent.rollup.tiers import DAY_SECONDS, Calendar
from picoevent.store.declarations import Declaration, read_declarations
from picoevent.store.fold_state import read_state
from picoevent.store.rollup_tables import declared_dimension, declared_measure
from picoevent.store.sql import SqlStore
from picoevent.store.tables import event_log

EVENTS_AT_ONCE = 3000
"""About how many events one turn fills in at most; fewer, where that takes longer than `TURN_SECONDS`."""
LEAST_AT_ONCE = 100
TURN_SECONDS = 0.15
"""So long a turn should hold up the fold at most."""
_MOMENTS = {
    "filled_from": (declared_dimension, declared_measure),
    "searchable_from": (declared_dimension,),
    "distinct_from": (declared_dimension,),
}


@dataclass(frozen=True, slots=True)
class Filled:
    """What one turn has filled in: up to which Unix second backwards, and how many events; `more` is left to do."""

    event_type: str = ""
    since: int = 0
    events: int = 0
    more: bool = False


class Filler:
    """Fills in within turns, the newest first; for one thread. After the commit `keep`, after a rollback `drop`."""

    def __init__(self, dimensions: DimensionFold, numbers: UserNumbers) -> None:
        self._dimensions = dimensions
        self._numbers = numbers
        self._whole_at = -1
        most, least = EVENTS_AT_ONCE, min(LEAST_AT_ONCE, EVENTS_AT_ONCE)
        self._pace = Pace(max(least, most // 3), least=least, most=most, seconds=TURN_SECONDS)

    def fill_some(self, turn: Turn) -> bool:
        """Fill in some events of whatever type lacks the newest; return whether there may be more."""
        return self.fill(turn).more

    def fill(self, turn: Turn, event_type: str | None = None) -> Filled:
        """Fill in some events, of one type or of any; do nothing before the first round of all."""
        if self.is_whole(turn.state.declarations) or not turn.state.closed_quarter:
            return Filled()
        found = _newest_gap(turn, event_type)
        if found is None:
            if event_type is None:
                self._whole_at = turn.state.declarations
            return Filled()
        return self._fill(turn, *found)

    def is_whole(self, declarations: int) -> bool:
        """Say whether all that these declarations lack is known to be filled in."""
        return declarations in (0, self._whole_at)

    def keep(self) -> None:
        """Remember what numbers were given: they are committed."""
        self._dimensions.keep()
        self._numbers.keep()

    def drop(self) -> None:
        """Forget what numbers were given: they were rolled back."""
        self._dimensions.drop()
        self._numbers.drop()
        self._whole_at = -1

    def _fill(self, turn: Turn, declaration: Declaration, until: int) -> Filled:
        begun = time.monotonic()
        plan, since = fill_plan(declaration, until)
        since, columns = _read_back(
            turn.connection, declaration.event_type_id, max(since, turn.state.raw_from), until, self._pace.events
        )
        # Read after the rows, it holds every one of them that was not folded yet.
        waiting = read_waiting(turn.connection, since, until)
        if waiting.unreadable:
            # Whether they hold some of these events, nobody knows; filled in now, these would count twice one day.
            return Filled()
        columns = leave_out(columns, waiting.event_ids)
        self._count(turn, plan, columns)
        _move_back(turn.connection, declaration.event_type_id, until, since)
        turn.changes["declarations"] = turn.state.declarations + 1
        turn.mark_changed()
        self._pace.took(time.monotonic() - begun)
        return Filled(declaration.event_type, since, len(columns), more=True)

    def _count(self, turn: Turn, plan: Plan, columns: Columns) -> None:
        first = int(turn.changes.get("next_user_number", turn.state.next_user_number))
        following = self._numbers.number_all(turn.connection, columns.users, first)
        if following != first:
            turn.changes["next_user_number"] = following
        self._dimensions.count(turn, [Batch(plan, columns.event_ids, columns.source_ids, columns.users)])
        days = {_second(event_id) // DAY_SECONDS * DAY_SECONDS for event_id in columns.event_ids}
        if days:
            touch_days(turn.connection, sorted(days), turn.part)


def fill_in(
    store: SqlStore,
    event_type: str,
    values_kept: int,
    progress: Progress = lambda *_: None,
    check: Callable[[], None] = lambda: None,
) -> int:
    """Fill in all that a type lacks, in turns beside whoever folds; return how many events that were.

    `check` is called between two turns, and may raise. What could not be filled in, `lacking_since` still tells.
    """
    filler = Filler(DimensionFold(Calendar(store.installation_value("timezone")), Sets(), values_kept), UserNumbers())
    patience = Patience(Turns(store, new_name()))
    with store.transaction() as connection:
        declared = {one.event_type: one for one in read_declarations(connection).values()}
        span = lacking_since(connection, declared[event_type], read_state(connection).raw_from)
    events = 0
    while span is not None:
        check()
        filled = patience.take(lambda turn: _afresh(filler, turn, event_type))
        filler.keep()
        if not filled.more:
            break
        events += filled.events
        progress(span[1] - max(filled.since, span[0]), span[1] - span[0], events)
    return events


def _afresh(filler: Filler, turn: Turn, event_type: str) -> Filled:
    # The turn before may have been rolled back, and this be its repetition.
    filler.drop()
    return filler.fill(turn, event_type)


def lacking_since(connection: Connection, declaration: Declaration, raw_from: int) -> tuple[int, int] | None:
    """Return the span of an event type that is not filled in yet, Unix seconds; None where all is.

    It begins with the first event of the type that is still there.
    """
    moments = [moment for moment in moments_of_declaration(declaration) if moment > raw_from]
    if not moments:
        return None
    mine = event_log.c.event_type_id == declaration.event_type_id
    first = connection.execute(
        select(func.min(event_log.c.event_id)).where(
            mine, event_log.c.event_id >= first_id_of_second(max(raw_from, EPOCH_UNIX))
        )
    ).scalar()
    return (max(moments) if first is None else min(_second(first), max(moments))), max(moments)


def _newest_gap(turn: Turn, event_type: str | None) -> tuple[Declaration, int] | None:
    gaps = [
        (moment, number, declaration)
        for number, declaration in read_declarations(turn.connection).items()
        for moment in moments_of_declaration(declaration)
        if moment > turn.state.raw_from and event_type in (None, declaration.event_type)
    ]
    if not gaps:
        return None
    moment, _, declaration = max(gaps, key=lambda gap: gap[:2])
    return declaration, moment


def _read_back(connection: Connection, event_type_id: int, since: int, until: int, most: int) -> tuple[int, Columns]:
    """Return the last events of a type in a span, whole seconds of them, and from when on those are all.

    Where there are none before them, that is `since`.
    """
    rows = _read(connection, event_type_id, since, until, limit=most + 1)
    if len(rows) <= most:
        return since, _columns(rows, event_type_id)
    cut = _second(rows[-1][0])
    whole = [row for row in rows if _second(row[0]) > cut]
    if whole:
        return cut + 1, _columns(whole, event_type_id)
    # More events in one second than a turn should take.
    return cut, _columns(_read(connection, event_type_id, cut, until), event_type_id)


def _read(
    connection: Connection, event_type_id: int, since: int, until: int, limit: int | None = None
) -> list[tuple[int, int, int | None]]:
    c = event_log.c
    first, end = (first_id_of_second(max(moment, EPOCH_UNIX)) for moment in (since, until))
    rows = select(c.event_id, c.source_id, c.user_id).where(
        c.event_type_id == event_type_id, c.event_id >= first, c.event_id < end
    )
    found = connection.execute(rows.order_by(c.event_id.desc()).limit(limit))
    return [(event_id, source_id, user_id) for event_id, source_id, user_id in found]


def _columns(rows: list[tuple[int, int, int | None]], event_type_id: int) -> Columns:
    if not rows:
        return Columns()
    event_ids, source_ids, users = map(list, zip(*rows, strict=True))
    return Columns(event_ids, [event_type_id] * len(rows), source_ids, users)


def _move_back(connection: Connection, event_type_id: int, until: int, since: int) -> None:
    """Say that whatever held from one moment on holds from an earlier one on."""
    for name, tables in _MOMENTS.items():
        for table in tables:
            mine = (table.c.event_type_id == event_type_id) & (table.c[name] == until)
            connection.execute(update(table).where(mine).values({name: since}))


def _second(event_id: int) -> int:
    return (event_id >> SECOND_SHIFT) + EPOCH_UNIX
