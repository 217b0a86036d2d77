"""The parts of one process, wired from the settings: stores, cache, write path and read path. Nothing connects here."""

from __future__ import annotations

from picoevent.cache import open_cache
from picoevent.fold.alone import LoneFold
from picoevent.read.loading import EventLoader
from picoevent.read.reader import Reader
from picoevent.read.replica import ReplicaWatch
from picoevent.report.desk import Reports
from picoevent.settings import Settings
from picoevent.store import open_store
from picoevent.store.base import Purpose
from picoevent.store.installation import InstallationKey
from picoevent.write.path import WritePath


class Parts:
    """Hold what one process uses; a child of `fork()` makes its own."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.store = open_store(settings.url, settings, Purpose.WRITE)
        """The primary, with the deadline of the write path."""
        self.reading_store = open_store(settings.replica_url or settings.url, settings, Purpose.READ)
        """Where pages are read: the replica where one is set, else the primary."""
        falls_back = bool(settings.replica_url) and settings.replica_fallback
        self.fallback_store = open_store(settings.url, settings, Purpose.READ) if falls_back else None
        """The primary for reading, where the replica does not answer and the setting allows it."""
        self.cache = open_cache(settings)
        key = InstallationKey()
        self.writing = WritePath(settings, self.store, self.cache, key)
        self.lone_fold = LoneFold(settings)
        """Counts what waits before a report is asked for, where no worker does."""
        self.replica = _open_replica_watch(settings)
        """How old the replica's data is; None without a replica."""
        loader = EventLoader(self.cache, key)
        unfit = self.replica.is_unfit if self.replica else lambda: False
        self.reader = Reader(self.reading_store, loader, fallback=self.fallback_store, is_unfit=unfit)
        self.reports = Reports(self.reading_store, loader.names, key, settings)

    def close(self, timeout: float = 0) -> int:
        """Drain the spool within so many seconds, and close every connection; return how many events stay in it."""
        left = self.writing.close(timeout)
        for store in (self.store, self.reading_store, self.fallback_store):
            if store is not None:
                store.close()
        self.lone_fold.close()
        if self.replica is not None:
            self.replica.close()
        self.cache.close()
        return left


def _open_replica_watch(settings: Settings) -> ReplicaWatch | None:
    if not settings.replica_url:
        return None
    return ReplicaWatch(
        open_store(settings.replica_url, settings, Purpose.WATCH),
        open_store(settings.url, settings, Purpose.WATCH),
        max_behind_seconds=settings.replica_max_behind_seconds,
        falls_back=settings.replica_fallback,
    )
