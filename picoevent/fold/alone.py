"""Folding where no worker is alive: a program that uses the library alone counts what waits before it asks."""

from __future__ import annotations

import logging
import threading
import time
from contextlib import suppress

from picoevent.errors import PicoEventError
from picoevent.fold.turns import StandBy, server_clock
from picoevent.fold.worker import Folder
from picoevent.settings import Settings
from picoevent.store.fold_state import read_state

logger = logging.getLogger("picoevent")

TRUST_SECONDS = 1.0
"""For how long a worker that was seen alive is taken to be."""

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
            if read_state(connection).is_led(server_clock(connection)):
                self._alive_until = time.monotonic() + TRUST_SECONDS
                return
        with suppress(StandBy):
            folder.fold_all()
            give_up = time.monotonic() + KEEP_UP_SECONDS
            folder.keep_up(lambda: time.monotonic() >= give_up)
        # A worker that starts now need not wait until this one is taken for dead.
        folder.turns.resign()
