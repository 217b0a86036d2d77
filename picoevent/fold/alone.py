"""Folding where no worker is alive: a program that uses the library alone counts what waits before it asks."""

from __future__ import annotations

import logging
import threading
import time
from contextlib import suppress

from sqlalchemy import select

from picoevent.errors import PicoEventError
from picoevent.fold.turns import StandBy, server_clock
from picoevent.fold.worker import UPKEEP_SECONDS, Folder
from picoevent.settings import Settings
from picoevent.store.fold_state import read_state
from picoevent.store.tables import pending

logger = logging.getLogger("picoevent")

TRUST_SECONDS = 1.0
"""For how long a worker that was seen alive is taken to be."""

FRESH_MS = 1000
"""Where nothing waits, an answer may say that it is so old."""
KEEP_UP_SECONDS = 1.0
"""How long a report waits, at most, for what could also be done before the next one."""


class LoneFold:
    """Fold before a report, where nobody else does; safe under threads. Nothing connects before the first call."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._folder: Folder | None = None
        self._alive_until = 0.0
        self._said = ""
        self._upkeep_due = 0.0
        self._has_wishes = False

    def expect_work(self) -> None:
        """Fill in before the next report what was declared just now, as far as that goes in a moment."""
        self._has_wishes = True

    def catch_up(self) -> None:
        """Count what waits, unless a worker is alive; never raises: a report then says how old its data is."""
        if time.monotonic() < self._alive_until:
            return
        with self._lock:
            try:
                self._fold()
            except PicoEventError as error:
                if str(error) != self._said:
                    self._said = str(error)
                    logger.warning("PicoEvent: reports lack the newest events: %s", error)

    def close(self) -> None:
        """Close every connection; idempotent."""
        with self._lock:
            if self._folder is not None:
                self._folder.close()
                self._folder = None

    def _fold(self) -> None:
        folder = self._folder = self._folder or Folder(self._settings)
        with folder.store.transaction() as connection:
            state, now_ms = read_state(connection), server_clock(connection)
            if state.is_led(now_ms):
                self._alive_until = time.monotonic() + TRUST_SECONDS
                return
            waits = connection.execute(select(pending.c.seq).limit(1)).first() is not None
        if not waits and not self._has_wishes and 0 <= now_ms - state.heartbeat_ms < FRESH_MS:
            return
        with suppress(StandBy):
            folder.fold_all()
            self._keep_up(folder)
        # A worker that starts now need not wait until this one is taken for dead.
        folder.turns.resign()

    def _keep_up(self, folder: Folder) -> None:
        if time.monotonic() < self._upkeep_due and not self._has_wishes:
            return
        self._has_wishes = False
        self._upkeep_due = time.monotonic() + UPKEEP_SECONDS
        give_up = time.monotonic() + KEEP_UP_SECONDS
        folder.keep_up(lambda: time.monotonic() >= give_up)
