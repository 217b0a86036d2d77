"""Tiers and their buckets: which bucket a second lies in, and which buckets make up a span of time.

Minutes and quarters of an hour are of UTC; every zone's offset has been a multiple of a quarter since 2000. Days and
months are of the reporting time zone. A bucket is the Unix second of its start.
"""

from __future__ import annotations

import bisect
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import IntEnum
from functools import lru_cache
from zoneinfo import ZoneInfo

MINUTE_SECONDS, QUARTER_SECONDS, DAY_SECONDS = 60, 900, 86_400
FIRST_YEAR, LAST_YEAR = 1999, 2137
"""The years that event ids can hold, and one more at each end."""


class Tier(IntEnum):
    """The widths of buckets, from fine to coarse; the number is the one in the tables."""

    MINUTE = 1
    QUARTER = 2
    DAY = 3
    MONTH = 4


KEPT_SECONDS: Mapping[Tier, int] = {
    Tier.MINUTE: 3 * 3600,
    Tier.QUARTER: 90 * DAY_SECONDS,
    Tier.DAY: 731 * DAY_SECONDS,
}
"""How long, in seconds, buckets are kept; months are kept for ever."""


@dataclass(frozen=True, slots=True)
class Window:
    """The span in which a tier can answer, Unix seconds: from `since` on, up to but without `until`."""

    since: int
    until: int


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a range, and what answers it: a tier, or raw rows where it is None. `until` does not count."""

    tier: Tier | None
    since: int
    until: int


class Calendar:
    """Buckets of a time zone; the reporting one for rollups, an analyst's for the intervals of a report."""

    def __init__(self, zone: str = "UTC") -> None:
        self.zone = zone
        self._info = ZoneInfo(zone)
        self._months = [self.day_start(date(year, month, 1)) for year, month in _all_months()]
        self.bucket = lru_cache(maxsize=100_000)(self._bucket)
        self.following = lru_cache(maxsize=100_000)(self._following)

    @property
    def bounds(self) -> tuple[int, int]:
        """The first Unix second that has a bucket in every tier, and the one behind the last."""
        return self._months[0], self._months[-1]

    def day_start(self, day: date) -> int:
        """Return the Unix second at which a day of this zone begins; where midnight is skipped, the one behind it."""
        return int(datetime(day.year, day.month, day.day, tzinfo=self._info).timestamp())

    def day_of(self, second: int) -> date:
        """Return the day of this zone that a Unix second lies in."""
        return datetime.fromtimestamp(second, UTC).astimezone(self._info).date()

    def local(self, second: int) -> datetime:
        """Return a Unix second as an aware time of this zone."""
        return datetime.fromtimestamp(second, UTC).astimezone(self._info)

    def _bucket(self, tier: Tier, second: int) -> int:
        """Return the start of the bucket that a Unix second lies in."""
        if tier is Tier.MINUTE:
            return second - second % MINUTE_SECONDS
        if tier is Tier.QUARTER:
            return second - second % QUARTER_SECONDS
        if tier is Tier.DAY:
            return self.day_start(self.day_of(second))
        return self._months[max(0, bisect.bisect_right(self._months, second) - 1)]

    def _following(self, tier: Tier, bucket: int) -> int:
        """Return the start of the bucket behind this one."""
        if tier is Tier.MINUTE:
            return bucket + MINUTE_SECONDS
        if tier is Tier.QUARTER:
            return bucket + QUARTER_SECONDS
        if tier is Tier.MONTH:
            return self._months[bisect.bisect_right(self._months, bucket)]
        day = self.day_of(bucket)
        while True:
            # Twice where a day has no second at all, as one had when an island crossed the date line.
            day += timedelta(days=1)
            start = self.day_start(day)
            if start > bucket:
                return start

    def buckets(self, tier: Tier, since: int, until: int) -> Iterator[int]:
        """Yield the buckets that begin within a span, from the one that `since` lies in."""
        bucket = self.bucket(tier, since)
        while bucket < until:
            yield bucket
            bucket = self.following(tier, bucket)

    def first_at_or_after(self, tier: Tier, second: int) -> int:
        """Return the first start of a bucket that is not before a Unix second."""
        bucket = self.bucket(tier, second)
        return bucket if bucket == second else self.following(tier, bucket)


def cover(since: int, until: int, windows: Mapping[Tier, Window], calendar: Calendar) -> list[Piece]:
    """Cut a range into pieces, each answered by the coarsest tier that has it whole; in the order of time.

    What no tier can answer comes as raw pieces. `windows` names the tiers that may be asked; `calendar` is that of
    the rollups.
    """
    first, last = calendar.bounds
    return list(_cover(max(since, first), min(until, last), sorted(windows, reverse=True), windows, calendar))


def _cover(
    since: int, until: int, tiers: list[Tier], windows: Mapping[Tier, Window], calendar: Calendar
) -> Iterator[Piece]:
    if since >= until:
        return
    if not tiers:
        yield Piece(None, since, until)
        return
    tier, finer = tiers[0], tiers[1:]
    window = windows[tier]
    begin = calendar.first_at_or_after(tier, max(since, window.since))
    end = calendar.bucket(tier, max(0, min(until, window.until)))
    if begin >= end:
        yield from _cover(since, until, finer, windows, calendar)
        return
    yield from _cover(since, begin, finer, windows, calendar)
    yield Piece(tier, begin, end)
    yield from _cover(end, until, finer, windows, calendar)


def _all_months() -> Iterator[tuple[int, int]]:
    return ((year, month) for year in range(FIRST_YEAR, LAST_YEAR + 1) for month in range(1, 13))
