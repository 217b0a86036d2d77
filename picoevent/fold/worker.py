"""The one that folds: rounds, and between them upkeep; leader or standing by, until it is told to stop."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from contextlib import suppress

from picoevent.errors import PicoEventError, StoreNotReady
from picoevent.fold.pace import Pace
from picoevent.fold.round import Folded, Rounds
from picoevent.fold.turns import Clock, StandBy, Turn, Turns, new_name, server_clock
from picoevent.fold.upkeep import STEPS, Step, fill_some
from picoevent.rollup.tiers import Calendar
from picoevent.settings import Settings
from picoevent.store import open_store
from picoevent.store.base import Purpose
from picoevent.store.installation import read_zone

logger = logging.getLogger("picoevent")

ROUND_SECONDS = 0.6
"""From the beginning of one round to that of the next: with the round itself, an event is counted within a second."""
STAND_BY_SECONDS = 0.5
AWAY_SECONDS = 1.0
MIN_EVENTS, FIRST_EVENTS, MAX_EVENTS = 500, 4_000, 50_000
"""How many events a round takes at least, at first, and at most."""
UPKEEP_SECONDS = 5.0
"""How often is looked for what is to be closed or dropped."""


class Folder:
    """Fold what waits, in one thread. Nothing connects before the first call; `close` ends it."""

    def __init__(self, settings: Settings, *, clock: Clock = server_clock) -> None:
        self._settings = settings
        self.store = open_store(settings.url, settings, Purpose.FOLD)
        self.turns = Turns(self.store, new_name(), clock)
        self._rounds: Rounds | None = None
        self._declarations = 0
        self._version = -1
        self._upkeep_due = 0.0
        self._leader = ""
        self._pace = Pace(FIRST_EVENTS, least=MIN_EVENTS, most=MAX_EVENTS, seconds=ROUND_SECONDS)

    def fold_round(self) -> Folded:
        """Fold some batches; raise `StandBy` where another one does, and as the store does."""
        rounds = None
        begun = time.monotonic()
        try:
            with self.turns.leading() as turn:
                rounds = self._rounds_in(turn)
                folded = rounds.fold(turn, self._pace.events)
                self._declarations = turn.state.declarations
        except BaseException:
            # Without rounds the turn was another one's, and nothing was done in it.
            if rounds is not None:
                rounds.drop()
                self._pace.slower()
            raise
        self._keep(turn, rounds)
        self._pace.took(time.monotonic() - begun)
        return folded

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
        return self._rounds is not None and self._rounds.filler.is_whole(declarations)

    def keep_up(self, give_up: Callable[[], bool] = lambda: False) -> bool:
        """Close what is over, drop what is old, merge what has become many, fill in what was declared later.

        All that is due, or until `give_up()`; return whether that cut it off.
        """
        cut_off = False
        for step in STEPS:
            while (more := self._take(step)) and not give_up():
                pass
            cut_off = cut_off or more
        return cut_off

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
        elif turn.state.leader != self.turns.name and (turn.state.leader or turn.state.version != self._version):
            # Another one led meanwhile, and may have done anew what was half done here; not where this one has
            # resigned, as it does behind each report, and no rollup was changed since.
            self._rounds.drop()
        return self._rounds

    def _keep(self, turn: Turn, rounds: Rounds) -> None:
        rounds.keep()
        self._version = int(turn.changes.get("version", turn.state.version))

    def _take(self, step: Step) -> bool:
        rounds = None
        try:
            with self.turns.leading() as turn:
                rounds = self._rounds_in(turn)
                more = step(turn, rounds)
        except BaseException:
            if rounds is not None:
                rounds.drop()
            raise
        self._keep(turn, rounds)
        return more

    def run(self, stop: threading.Event) -> None:
        """Fold until it is told to stop; what fails is logged and tried again."""
        said = ""
        while not stop.is_set():
            begun = time.monotonic()
            try:
                pause = self._go_on(stop)
                self._tell(self.turns.name)
                said = ""
            except StandBy as other:
                pause = STAND_BY_SECONDS
                self._tell(other.leader or self._leader)
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

    def _tell(self, leader: str) -> None:
        """Log who counts, where that is another one than before."""
        if leader == self._leader:
            return
        self._leader = leader
        if leader == self.turns.name:
            logger.info("PicoEvent: this process counts events.")
        else:
            host, pid, *_ = leader.split(":")
            logger.info("PicoEvent: process %s on %s counts events; this one stands by, to take over.", pid, host)

    def _go_on(self, stop: threading.Event) -> float:
        folded = self.fold_round()
        end = time.monotonic() + ROUND_SECONDS / 2

        def give_up() -> bool:
            return stop.is_set() or time.monotonic() >= end

        if time.monotonic() >= self._upkeep_due:
            # What was cut off goes on behind the next round.
            if not self.keep_up(give_up):
                self._upkeep_due = time.monotonic() + UPKEEP_SECONDS
        elif not folded.more and not self.is_whole(self._declarations):
            while self._take(fill_some) and not give_up():
                pass
        return 0.0 if folded.more else ROUND_SECONDS
