"""One round of the fold: some batches of `pending` into the rollups, all of it in one transaction, or nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from picoevent.fold.closing import begin
from picoevent.fold.columns import Columns, gather, group_users
from picoevent.fold.counts import add_counts, add_up, sets_of_users
from picoevent.fold.days import touch_late_days
from picoevent.fold.dimensions import DimensionFold
from picoevent.fold.filling import Filler
from picoevent.fold.piles import USERS, Sets
from picoevent.fold.queue import Queue, Taken
from picoevent.fold.sessions import SessionFold
from picoevent.fold.turns import Turn
from picoevent.fold.users import UserNumbers
from picoevent.rollup.tiers import Calendar


@dataclass(frozen=True, slots=True)
class Folded:
    """What a round did: how many events it counted, and whether others wait."""

    events: int
    more: bool


class Extra(Protocol):
    """What else counts the events of a round, in the same transaction."""

    def fold(self, turn: Turn, columns: Columns) -> None:
        """Count events; `columns.users` are dense numbers."""

    def keep(self) -> None:
        """Remember what was given out: the transaction was committed."""

    def drop(self) -> None:
        """Forget what was given out: the transaction was rolled back."""


class Rounds:
    """Fold batches; for one thread. `extras` count what `pending` does not hold, beside dimensions and measures.

    `values_kept` is how many values of a dimension a closed bucket keeps.
    """

    def __init__(self, calendar: Calendar, extras: Sequence[Extra] = (), *, values_kept: int = 200) -> None:
        self.calendar = calendar
        self.sets = Sets()
        self.dimensions = DimensionFold(calendar, self.sets, values_kept)
        self.queue = Queue()
        self.sessions = SessionFold(calendar)
        self.numbers = UserNumbers()
        self.filler = Filler(self.dimensions, self.numbers)
        self._extras: tuple[Extra, ...] = (self.dimensions, *extras)

    def fold(self, turn: Turn, max_events: int) -> Folded:
        """Count what `pending` holds next, about so many events at most, and delete it there."""
        if not turn.state.closed_quarter:
            # The state is read anew by the next turn.
            begin(turn, self.calendar)
            turn.mark_changed()
            return Folded(0, more=True)
        taken = self.queue.take(turn.connection, turn.state.floor_seq, turn.now_ms, max_events)
        if not taken.seqs:
            # All of them may be unreadable, and others wait behind them.
            return Folded(0, more=taken.more)
        columns = self._count(turn, taken)
        turn.changes["floor_seq"] = self.queue.delete(turn.connection, taken)
        turn.mark_changed()
        return Folded(len(columns), taken.more)

    def keep(self) -> None:
        """Call this when the turn has been committed."""
        self.numbers.keep()
        for extra in self._extras:
            extra.keep()

    def drop(self) -> None:
        """Call this when the turn was rolled back, or nobody knows."""
        self.numbers.drop()
        self.sets.drop()
        for extra in self._extras:
            extra.drop()

    def _count(self, turn: Turn, taken: Taken) -> Columns:
        columns = gather(taken.batches)
        state = turn.state
        following = self.numbers.number_all(turn.connection, columns.users, state.next_user_number)
        if following != state.next_user_number:
            turn.changes["next_user_number"] = following
        groups = group_users(columns, state, self.calendar)
        add_counts(turn.connection, add_up(groups, self.calendar))
        self.sets.add(turn, USERS, sets_of_users(groups, state, self.calendar))
        for extra in self._extras:
            extra.fold(turn, columns)
        touch_late_days(turn, columns.event_ids)
        return columns
