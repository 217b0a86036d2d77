"""Rollups mended while writing goes on: bucket by bucket, each in a short turn beside whoever folds."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar

from picoevent.errors import PicoEventError, StoreUnavailable
from picoevent.fold.index_mending import IndexMender, drop_strange
from picoevent.fold.mending import Mender, Span
from picoevent.fold.piecemeal import Piecemeal, Stage
from picoevent.fold.raw import next_filled
from picoevent.fold.session_day import SessionDay
from picoevent.fold.turns import StandBy, Turn, Turns, new_name
from picoevent.fold.verify import DAILY_TIERS, MONTHLY_TIERS, choose_span
from picoevent.rollup.sessions import GAP_MS
from picoevent.rollup.tiers import DAY_SECONDS, QUARTER_SECONDS, Calendar, Tier
from picoevent.store.fold_state import read_state
from picoevent.store.installation import read_zone
from picoevent.store.sql import SqlStore

Answer = TypeVar("Answer")
Progress = Callable[[int, int, int], None]
"""Is told the seconds of the range that are done, all of them, and the events that were counted anew."""

FINE_TIERS = (Tier.MINUTE, Tier.QUARTER)
PATIENCE_SECONDS = 60.0
TRY_AGAIN_SECONDS = 0.01
HOLD_SECONDS, GIVE_WAY_SECONDS = 0.3, 0.7
"""After having held the lock for so long in all, it is left alone for so long: who stands by tries each half second."""


class Patience:
    """Takes turns beside the leader, waits for them, and lets the leader have its own."""

    def __init__(self, turns: Turns) -> None:
        self._turns = turns
        self._held = 0.0

    def take(self, task: Callable[[Turn], Answer]) -> Answer:
        """Do something in a turn, as soon as there is one; raise `StoreUnavailable` where there never is."""
        if self._held >= HOLD_SECONDS:
            time.sleep(GIVE_WAY_SECONDS)
            self._held = 0.0
        give_up = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                return self._try(task)
            except StandBy as error:
                if time.monotonic() >= give_up:
                    raise StoreUnavailable("The rollups are busy all the time.", hint="Try again.") from error
                time.sleep(TRY_AGAIN_SECONDS)

    def _try(self, task: Callable[[Turn], Answer]) -> Answer:
        with self._turns.beside() as turn:
            begun = time.monotonic()
            answer = task(turn)
            led = turn.state.is_led(turn.now_ms)
        # Where nobody leads, nobody has to be let by.
        self._held += time.monotonic() - begun if led else 0.0
        return answer


@dataclass(slots=True)
class Rebuilt:
    """What was counted anew: `since` and `until` are Unix seconds, whole days of `zone`; and what could not be."""

    zone: str
    since: int
    until: int
    events: int = 0
    notes: list[str] = field(default_factory=list)


class Rebuilder:
    """Counts days, and the months that they lie in, anew; what it is stopped in, it can be started with again."""

    def __init__(self, store: SqlStore, values_kept: int) -> None:
        """`store` is one that is opened for folding; a closed bucket keeps so many values of a dimension."""
        self._store = store
        self._values_kept = values_kept
        self._patience = Patience(Turns(store, new_name()))

    def rebuild(
        self,
        since: int | None,
        until: int | None,
        progress: Progress = lambda *_: None,
        check: Callable[[], None] = lambda: None,
    ) -> Rebuilt:
        """Mend all days that a range (Unix seconds) touches, and their months.

        `check` is called between two buckets, and may raise. Raises `RawRowsGone` where raw rows of it were dropped.
        """
        with self._store.transaction() as connection:
            calendar = Calendar(read_zone(connection))
            begin, end = choose_span(connection, calendar, since, until)
        run = _Run(self._store, self._patience, calendar, self._values_kept, check)
        rebuilt = Rebuilt(calendar.zone, begin, end)
        for day in run.filled(Tier.DAY, (begin, end), DAILY_TIERS):
            progress(day - begin, end - begin, rebuilt.events)
            rebuilt.events += run.mend_day(day)
        first = calendar.bucket(Tier.MONTH, begin)
        for month in run.filled(Tier.MONTH, (first, end), MONTHLY_TIERS):
            rebuilt.events += run.mend_month(month, (begin, end), rebuilt.notes)
        run.mend_sessions((begin, end))
        return rebuilt


class _Run:
    """One rebuilding on its way."""

    def __init__(
        self, store: SqlStore, patience: Patience, calendar: Calendar, values_kept: int, check: Callable[[], None]
    ) -> None:
        self._store = store
        self._patience = patience
        self._calendar = calendar
        self._check = check
        self._index = IndexMender()
        self._mender = Mender(calendar, values_kept, self._index)
        self._piecemeal = Piecemeal(self._mender)

    def filled(self, tier: Tier, span: Span, tiers: Sequence[Tier]) -> Iterator[int]:
        """Yield the buckets of a tier in which there is anything, an event or a bucket of these tiers."""
        moment, until = span
        while moment < until:
            with self._store.transaction() as connection:
                found = next_filled(connection, moment, tiers)
            if found is None or found >= until:
                return
            bucket = self._calendar.bucket(tier, found)
            yield bucket
            moment = self._calendar.following(tier, bucket)

    def mend_day(self, day: int) -> int:
        """Mend what is finer than a day where it is kept, then the day; return how many events were counted anew."""
        events = 0
        span = day, self._calendar.following(Tier.DAY, day)
        with self._store.transaction() as connection:
            state = read_state(connection)
        self._index.begin()
        if day >= state.kept_quarter:
            for quarter in self.filled(Tier.QUARTER, span, FINE_TIERS):
                events += self._take(partial(self._quarter, quarter=quarter))
            self._take(partial(self._day, day=day))
        elif day >= state.kept_day:
            events = self._anew(Tier.DAY, span)
        if day >= state.kept_day:
            self._clean_index(span)
        return events

    def mend_month(self, month: int, span: Span, notes: list[str]) -> int:
        """Mend a month, of which a span was mended; return how many events were counted anew."""
        end = self._calendar.following(Tier.MONTH, month)
        with self._store.transaction() as connection:
            state = read_state(connection)
        if month >= state.kept_day:
            # Only of these days: the sessions of others are as they were.
            changed = max(month, span[0]), min(end, span[1])
            self._take(partial(self._month, month=month, changed=changed))
        elif month >= state.raw_from:
            events = self._anew(Tier.MONTH, (month, end))
            self._clean_index((month, end))
            return events
        else:
            words = self._calendar.local(month).strftime("%Y-%m")
            words = f"The month {words} stays as it is: it has neither all of its events nor its days any more."
            notes.append(words)
        return 0

    def mend_sessions(self, span: Span) -> None:
        """Count the sessions of all closed days anew that events of a span can be part of."""
        with self._store.transaction() as connection:
            state = read_state(connection)
        first = self._calendar.first_at_or_after(Tier.DAY, state.raw_from + GAP_MS // 1000)
        # A session goes on to the end of the next day.
        since, until = max(first, span[0] - 3 * DAY_SECONDS), min(state.closed_session, span[1] + 2 * DAY_SECONDS)
        for bucket in self.filled(Tier.DAY, (since, until), (Tier.DAY,)):
            with self._store.transaction() as connection:
                day = SessionDay(bucket, read_state(connection).version, self._calendar)
            while not self._take(partial(_count_sessions, day=day)):
                pass

    def _clean_index(self, span: Span) -> None:
        """Delete rows of the index of values that no event of a span is the reason for, whose events were counted."""
        with self._store.transaction() as connection:
            if not self._index.has_too_many(connection, *span):
                return
        after = self._take(partial(drop_strange, span=span, after=None))
        while after is not None:
            after = self._take(partial(drop_strange, span=span, after=after))

    def _quarter(self, turn: Turn, quarter: int) -> int:
        if quarter < turn.state.kept_quarter:
            return 0
        tiers = (Tier.MINUTE, Tier.QUARTER) if quarter >= turn.state.kept_minute else (Tier.QUARTER,)
        return self._mender.from_rows(turn, tiers, (quarter, quarter + QUARTER_SECONDS))

    def _day(self, turn: Turn, day: int) -> None:
        if day >= turn.state.kept_quarter:
            self._mender.from_finer(turn, Tier.QUARTER, Tier.DAY, day)

    def _anew(self, tier: Tier, span: Span) -> int:
        """Count a bucket anew from its raw rows, in as many turns as it takes; return how many events those are."""
        stage = Stage()
        while not stage.is_done:
            stage = self._take(partial(self._piecemeal.step, tier=tier, span=span, stage=stage))
        return stage.events

    def _month(self, turn: Turn, month: int, changed: Span) -> None:
        if month >= turn.state.kept_day:
            self._mender.from_finer(turn, Tier.DAY, Tier.MONTH, month, changed)

    def _take(self, task: Callable[[Turn], Answer]) -> Answer:
        self._check()

        def guarded(turn: Turn) -> Answer:
            # It may be the second try, behind one that was rolled back.
            self._drop()
            if read_zone(turn.connection) != self._calendar.zone:
                raise PicoEventError("The reporting zone was changed meanwhile.", hint="Begin again.")
            return task(turn)

        try:
            answer = self._patience.take(guarded)
        except BaseException:
            self._drop()
            raise
        self._mender.keep()
        self._piecemeal.keep()
        return answer

    def _drop(self) -> None:
        self._mender.drop()
        self._piecemeal.drop()


def _count_sessions(turn: Turn, day: SessionDay) -> bool:
    """Count some of a day; return whether it is written."""
    if not day.read_some(turn.connection):
        return False
    day.write(turn)
    return True
