"""The parts of one process, wired from the settings: stores, cache, write path and read path; each opened when used."""

from __future__ import annotations

import os
from functools import cached_property
from typing import TYPE_CHECKING

from picoevent.cache import Cache, open_cache
from picoevent.ids import IdMinter
from picoevent.settings import Settings

if TYPE_CHECKING:
    from picoevent.read.reader import Reader
    from picoevent.store.sql import SqlStore
    from picoevent.write.intake import Intake


class Parts:
    """Hold what one process has open; a child of `fork()` makes its own."""

    def __init__(self, settings: Settings, inherited: Parts | None = None) -> None:
        self.settings = settings
        self.pid = os.getpid()
        # A connection that is shared across a fork breaks both sides, also when it is closed: the parent's are kept
        # here untouched, so that nothing collects them.
        self._inherited = inherited

    # The imports stand inside: SQLAlchemy costs a program that only imports picoevent a third of a second.

    @cached_property
    def store(self) -> SqlStore:
        """The primary, with the deadline of the write path."""
        from picoevent.store import open_store
        from picoevent.store.base import Purpose

        return open_store(self.settings.url, self.settings, Purpose.WRITE)

    @cached_property
    def reading_store(self) -> SqlStore:
        """Where pages are read: the replica where one is set, else the primary."""
        from picoevent.store import open_store
        from picoevent.store.base import Purpose

        return open_store(self.settings.replica_url or self.settings.url, self.settings, Purpose.READ)

    @cached_property
    def fallback_store(self) -> SqlStore | None:
        """The primary for reading, where the replica does not answer and the setting allows it."""
        if not (self.settings.replica_url and self.settings.replica_fallback):
            return None
        from picoevent.store import open_store
        from picoevent.store.base import Purpose

        return open_store(self.settings.url, self.settings, Purpose.READ)

    @cached_property
    def cache(self) -> Cache:
        """The cache of events."""
        return open_cache(self.settings)

    @cached_property
    def intake(self) -> Intake:
        """The write path."""
        from picoevent.write.intake import Intake

        return Intake(self.settings, self.store, self.cache, IdMinter())

    @cached_property
    def reader(self) -> Reader:
        """The read path."""
        from picoevent.read.names import NameDirectory
        from picoevent.read.reader import Reader

        return Reader(self.reading_store, self.cache, NameDirectory(), fallback=self.fallback_store)

    def close(self) -> None:
        """Close what was opened; idempotent."""
        for name in ("store", "reading_store", "fallback_store", "cache"):
            opened = self.__dict__.get(name)
            if opened is not None:
                opened.close()
