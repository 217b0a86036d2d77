"""The parts of one process, wired from the settings: stores, cache, write path and read path. Nothing connects here."""

from __future__ import annotations

from collections.abc import Callable

from picoevent.cache import open_cache, open_link
from picoevent.fold.alone import LoneFold
from picoevent.goals import Goals
from picoevent.read.loading import EventLoader
from picoevent.read.names import NameDirectory
from picoevent.read.reader import Reader
from picoevent.read.replica import ReplicaWatch
from picoevent.report.cached import Answering, CachedReports, ReportsWithFallback
from picoevent.report.desk import Reports
from picoevent.report.query_cache import open_query_cache
from picoevent.settings import Settings
from picoevent.store import open_store
from picoevent.store.base import Purpose
from picoevent.store.installation import InstallationKey
from picoevent.store.sql import SqlStore
from picoevent.urls import mask_url
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
        self._link = open_link(settings)
        self.cache = open_cache(settings, self._link)
        key = InstallationKey()
        self.writing = WritePath(settings, self.store, self.cache, key)
        self.goals = Goals(self.store)
        self.lone_fold = LoneFold(settings)
        """Counts what waits before a report is asked for, where no worker does."""
        self.replica = _open_replica_watch(settings)
        """How old the replica's data is; None without a replica."""
        loader = EventLoader(self.cache, key)
        unfit = self.replica.is_unfit if self.replica else lambda: False
        self.reader = Reader(self.reading_store, loader, fallback=self.fallback_store, is_unfit=unfit)
        self.query_cache = open_query_cache(settings, self._link, self.writing.count_report)
        """Where answers are kept; None where they are not."""
        self.reports = self._open_reports(loader.names, key, unfit)

    def _open_reports(self, names: NameDirectory, key: InstallationKey, is_unfit: Callable[[], bool]) -> Answering:
        """Return what answers reports: through the cache where there is one, from the replica where there is one."""

        def answering(store: SqlStore, url: str, *, rescues: bool) -> Answering:
            reports = Reports(store, names, key, self.settings)
            if self.query_cache is None:
                return reports
            return CachedReports(reports, self.query_cache, mask_url(url), rescues=rescues)

        settings, fallback = self.settings, self.fallback_store
        first = answering(self.reading_store, settings.replica_url or settings.url, rescues=fallback is None)
        if fallback is None:
            return first
        return ReportsWithFallback(first, answering(fallback, settings.url, rescues=True), is_unfit)

    def end_threads(self, timeout: float) -> None:
        """End the threads of this process within so many seconds, roughly."""
        self.writing.end_thread(timeout)
        if self.query_cache is not None:
            self.query_cache.close(timeout)

    def close(self, timeout: float = 0) -> int:
        """Drain the spool within so many seconds, and close every connection; return how many events stay in it."""
        if self.query_cache is not None:
            self.query_cache.close()
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
