"""Reports through the cache of answers, from the replica or the primary; what is asked of the cache is decided here."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Mapping
from dataclasses import fields
from datetime import UTC, datetime
from functools import partial
from typing import Any, Protocol

import msgspec

from picoevent.errors import StoreNotReady, StoreUnavailable
from picoevent.ids import wall_clock_ms
from picoevent.report.arguments import make_arguments
from picoevent.report.desk import Reports, find_report
from picoevent.report.frame import Answer, Arguments, Report
from picoevent.report.freshness import LIVE_SECONDS, normalised, ttl_seconds, utc_days
from picoevent.report.intervals import calendar_of
from picoevent.report.kept import CacheKey
from picoevent.report.packing import answer_type, signature
from picoevent.report.query_cache import QueryCache
from picoevent.report.versions import Version, Versions
from picoevent.rollup.tiers import DAY_SECONDS
from picoevent.settings import Settings

BEFORE = 2
"""The period before a range may be longer than it, as January is longer than February: never this many times."""
GROUP = "Reports"
MARGIN_MS = 2 * DAY_SECONDS * 1000
"""What begins in a range may end behind it, and the other way round."""


class Answering(Protocol):
    """Whatever answers reports by their names."""

    def answer(self, name: str, given: Mapping[str, Any]) -> Answer[Any]:
        """Return the answer of a report; raise `InvalidQuery`, or `StoreUnavailable` where the store is away."""


class CachedReports:
    """Answer reports of one store through a cache; safe under threads, not across a fork.

    `place` tells this store from others whose answers lie in the same cache. Where `rescues` is set, an old answer is
    given when the store does not answer.
    """

    def __init__(
        self,
        reports: Reports,
        cache: QueryCache,
        place: str,
        *,
        rescues: bool = True,
        clock_ms: Callable[[], int] = wall_clock_ms,
    ) -> None:
        self._reports = reports
        self._cache = cache
        self._place = place
        # What changes answers: processes that are set differently do not share them.
        self._told = [getattr(reports.settings, row.name) for row in fields(Settings) if row.metadata["group"] == GROUP]
        self._rescues = rescues
        self._clock_ms = clock_ms
        self._versions = Versions(reports.store)
        self._zone: str | None = None

    def answer(self, name: str, given: Mapping[str, Any]) -> Answer[Any]:
        """See `Answering.answer`."""
        report = find_report(name)
        if report.row is None:
            return self._reports.answer(name, given)
        now_ms = self._clock_ms()
        arguments, version = self._asked(report, given, now_ms)
        key = self._key(report, arguments, version, now_ms)
        ttl = LIVE_SECONDS if report.live else _ttl(report, arguments, version, now_ms)
        compute = partial(self._reports.compute, report, arguments)
        return self._cache.get_or_compute(key, ttl, compute, rescue=self._rescues)

    def _asked(self, report: Report, given: Mapping[str, Any], now_ms: int) -> tuple[Arguments, Version]:
        """Return the arguments, which depend on the reporting zone, and the version, which tells it."""
        now = datetime.fromtimestamp(now_ms / 1000, UTC)
        if self._zone is None:
            self._zone = self._versions.of((0, 0), rescue=self._rescues).zone
        arguments = make_arguments(report, given, now, self._zone)
        version = self._versions.of(_days_read(report, arguments), report.depends_on, rescue=self._rescues)
        if version.zone != self._zone:
            self._zone = version.zone
            arguments = make_arguments(report, given, now, version.zone)
        return arguments, version

    def _key(self, report: Report, arguments: Arguments, version: Version, now_ms: int) -> CacheKey:
        kind, seal = answer_type(report), self._reports.seal()
        told = [report.name, signature(report), normalised(arguments, now_ms), self._place, self._told]
        asked = msgspec.json.encode([*told, version.zone, version.declarations, version.days, version.also])
        # With the installation's key: two databases of one name on one Redis do not meet.
        return CacheKey(hashlib.blake2b(asked, digest_size=16, key=seal).hexdigest(), kind, seal)


class ReportsWithFallback:
    """Answer reports from the replica, and from the primary where that does not answer or is unfit."""

    def __init__(self, replica: Answering, primary: Answering, is_unfit: Callable[[], bool]) -> None:
        self._replica = replica
        self._primary = primary
        self._is_unfit = is_unfit

    def answer(self, name: str, given: Mapping[str, Any]) -> Answer[Any]:
        """See `Answering.answer`."""
        if not self._is_unfit():
            try:
                return self._replica.answer(name, given)
            except (StoreUnavailable, StoreNotReady):
                pass
        return self._primary.answer(name, given)


def _ttl(report: Report, arguments: Arguments, version: Version, now_ms: int) -> int:
    until_ms = arguments.until_ms + report.reads_behind_days * DAY_SECONDS * 1000
    return ttl_seconds(arguments.since_ms, until_ms, now_ms, calendar_of(version.zone))


def _days_read(report: Report, arguments: Arguments) -> tuple[int, int]:
    """Return the UTC days that an answer depends on."""
    before = max(report.reads_before, BEFORE if arguments.compare else 0)
    span = arguments.until_ms - arguments.since_ms
    since = 0 if math.isinf(before) else max(0, int(arguments.since_ms - before * span - MARGIN_MS))
    return utc_days(since, arguments.until_ms + MARGIN_MS)
