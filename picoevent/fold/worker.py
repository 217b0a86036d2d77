"""The one that folds: rounds, and between them upkeep; leader or standing by, until it is told to stop."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TypeVar

from picoevent.errors import PicoEventError, StoreNotReady
from picoevent.fold.closing import close_one, due_to_drop
from picoevent.fold.filling import Filler
from picoevent.fold.piles import drop_before
from picoevent.fold.round import Folded, Rounds
from picoevent.fold.turns import Clock, StandBy, Turn, Turns, new_name, server_clock
from picoevent.rollup.tiers import DAY_SECONDS, QUARTER_SECONDS, Calendar, Tier
from picoevent.settings import Settings
from picoevent.store import open_store
from picoevent.store.base import Purpose
from picoevent.store.installation import read_zone
from picoevent.store.rollup_tables import rollup, rollup_dimension, rollup_measure, rollup_users, rollup_value_users

logger = logging.getLogger("picoevent")

ROUND_SECONDS = 0.6
"""From the beginning of one round to that of the next: with the round itself, an event is counted within a second."""
STAND_BY_SECONDS = 0.5
AWAY_SECONDS = 1.0
UPKEEP_SECONDS = 5.0
"""How often is looked for what is to be closed or dropped."""
DROPPED_AT_ONCE = 5000
DROPPED_TABLES = (rollup, rollup_users, rollup_dimension, rollup_value_users, rollup_measure)
KEPT_TIERS = {
    "kept_minute": (Tier.MINUTE, QUARTER_SECONDS),
    "kept_quarter": (Tier.QUARTER, DAY_SECONDS),
    "kept_day": (Tier.DAY, 31 * DAY_SECONDS),
}
"""The tier of each horizon, and how long, in seconds, its rows stay behind it."""

Done = TypeVar("Done")
Step = Callable[[Turn, Rounds], bool]
"""A bounded piece of upkeep in a turn of its own; returns whether there may be more to do."""


class Folder:
    """Fold what waits, in one thread. Nothing connects before the first call; `close` ends it."""

    def __init__(self, settings: Settings, *, clock: Clock = server_clock) -> None:
        self._settings = settings
        self.store = open_store(settings.url, settings, Purpose.FOLD)
        self.turns = Turns(self.store, new_name(), clock)
        self._rounds: Rounds | None = None
        self._filler: Filler | None = None
        self._declarations = 0
        self._upkeep_due = 0.0

    def fold_round(self) -> Folded:
        """Fold some batches; raise `StandBy` where another one does, and as the store does."""

        def fold(turn: Turn, rounds: Rounds) -> Folded:
            self._declarations = turn.state.declarations
            return rounds.fold(turn)

        return self._take(fold)

    def fold_all(self) -> int:
        """Fold until nothing waits; return how many events were counted. Raises `StandBy` as above."""
        events = 0
        while True:
            folded = self.fold_round()
            events += folded.events
            if not folded.more:
                return events

    def is_whole(self, declarations: int) -> bool:
        """Say whether all that these declarations lack is known to be filled in."""
        return self._filler is not None and self._filler.is_whole(declarations)

    def keep_up(self, give_up: Callable[[], bool] = lambda: False) -> None:
        """Close what is over, drop what is old, merge what has become many, fill in what was declared later.

        All that is due, or until `give_up()`.
        """
        for step in (*STEPS, self._fill_some):
            while self._take(step) and not give_up():
                pass

    def close(self) -> None:
        """Let the next one lead at once, and close every connection; idempotent."""
        with suppress(PicoEventError):
            if self._rounds is not None:
                self.turns.resign()
        self._rounds = None
        self.store.close()

    def _rounds_in(self, turn: Turn) -> Rounds:
        """Return what counts in this turn: other rounds than before where the reporting zone was changed meanwhile."""
        zone = read_zone(turn.connection)
        if self._rounds is None or self._rounds.calendar.zone != zone:
            self._rounds = Rounds(Calendar(zone), values_kept=self._settings.dimension_values_kept)
            self._filler = Filler(self._rounds.dimensions, self._rounds.numbers)
        return self._rounds

    def _fill_some(self, turn: Turn, _rounds: Rounds) -> bool:
        return self._filler is not None and self._filler.fill_some(turn)

    def _take(self, task: Callable[[Turn, Rounds], Done]) -> Done:
        """Do something in a turn; what it has given out is remembered when that is committed, and else forgotten."""
        try:
            with self.turns.leading() as turn:
                rounds = self._rounds_in(turn)
                done = task(turn, rounds)
        except BaseException:
            if self._rounds is not None:
                self._rounds.drop()
            raise
        rounds.keep()
        return done

    def run(self, stop: threading.Event) -> None:
        """Fold until it is told to stop; what fails is logged and tried again."""
        said = ""
        while not stop.is_set():
            begun = time.monotonic()
            try:
                pause = self._go_on(stop)
                said = ""
            except StandBy as other:
                pause = STAND_BY_SECONDS
                logger.debug("PicoEvent: standing by: %s", other)
            except PicoEventError as error:
                # Once for each kind of trouble, not each second.
                if str(error) != said:
                    said = str(error)
                    logger.warning("PicoEvent: can't fold: %s", error)
                pause = AWAY_SECONDS if not isinstance(error, StoreNotReady) else UPKEEP_SECONDS
            except Exception:
                logger.exception("PicoEvent: a round of the fold failed, and is tried again")
                pause = AWAY_SECONDS
            stop.wait(max(0.0, pause - (time.monotonic() - begun)))

    def _go_on(self, stop: threading.Event) -> float:
        folded = self.fold_round()
        end = time.monotonic() + ROUND_SECONDS / 2

        def give_up() -> bool:
            return stop.is_set() or time.monotonic() >= end

        if time.monotonic() >= self._upkeep_due:
            self.keep_up(give_up)
            self._upkeep_due = time.monotonic() + UPKEEP_SECONDS
        elif not folded.more and not self.is_whole(self._declarations):
            while self._take(self._fill_some) and not give_up():
                pass
        return 0.0 if folded.more else ROUND_SECONDS


def _close_one(turn: Turn, rounds: Rounds) -> bool:
    return close_one(turn, rounds.calendar, (rounds.sets, rounds.dimensions))


def _move_horizons(turn: Turn, rounds: Rounds) -> bool:
    """Say what is too old to be asked for; it is dropped a step later, when nobody can be reading it any more."""
    turn.changes |= due_to_drop(turn, rounds.calendar)
    return False


def _drop_some(turn: Turn, _rounds: Rounds) -> bool:
    """Drop what is older than its tier is kept, some thousand rows at a time."""
    dropped = 0
    for name, (tier, step) in KEPT_TIERS.items():
        before = getattr(turn.state, name) - step
        for table in DROPPED_TABLES:
            dropped += drop_before(turn.connection, table, tier, before, DROPPED_AT_ONCE)
    return dropped >= DROPPED_AT_ONCE


STEPS: Sequence[Step] = (
    _close_one,
    lambda turn, rounds: rounds.sets.merge_minute(turn),
    lambda turn, rounds: rounds.sets.merge_one(turn),
    lambda turn, rounds: rounds.dimensions.merge_some(turn),
    _move_horizons,
    _drop_some,
    lambda turn, rounds: rounds.sessions.step(turn),
)
"""The upkeep, in this order."""
