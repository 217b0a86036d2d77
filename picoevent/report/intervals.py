"""A range cut into intervals of some width, in any time zone: local hours, days, weeks from Monday, months."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from functools import lru_cache

from picoevent.rollup.tiers import DAY_SECONDS, MINUTE_SECONDS, QUARTER_SECONDS, Calendar, Tier

INTERVALS = ("minute", "quarter", "hour", "day", "week", "month")
"""From narrow to wide; a quarter is one of an hour."""
LEAST_SECONDS = {
    "minute": MINUTE_SECONDS,
    "quarter": QUARTER_SECONDS,
    "hour": 3600,
    "day": 23 * 3600,
    "week": 7 * DAY_SECONDS - 3600,
    "month": 28 * DAY_SECONDS - 3600,
}
"""How short an interval can be; hours are shorter only where an offset changes by half an hour."""
_TIER_OF = {"minute": Tier.MINUTE, "quarter": Tier.QUARTER, "day": Tier.DAY, "month": Tier.MONTH}
DEFAULTS = ((3 * 3600, "minute"), (2 * DAY_SECONDS, "hour"), (92 * DAY_SECONDS, "day"), (730 * DAY_SECONDS, "week"))


@lru_cache(maxsize=64)
def calendar_of(zone: str) -> Calendar:
    """Return the calendar of a zone; making one takes some milliseconds, so that it is kept."""
    return Calendar(zone)


def default_interval(since_ms: int, until_ms: int) -> str:
    """Return the interval in which a range of this length is read with pleasure."""
    seconds = (until_ms - since_ms) // 1000
    return next((interval for longest, interval in DEFAULTS if seconds <= longest), "month")


def cut(since: int, until: int, interval: str, calendar: Calendar) -> list[int]:
    """Return the starts of the intervals that a range touches, Unix seconds; the first one may begin before it."""
    return list(_starts(since, until, interval, calendar))


def _starts(since: int, until: int, interval: str, calendar: Calendar) -> Iterator[int]:
    start = interval_of(since, interval, calendar)
    while start < until:
        yield start
        start = interval_behind(start, interval, calendar)


def interval_of(second: int, interval: str, calendar: Calendar) -> int:
    """Return the start of the interval that a Unix second lies in."""
    if interval == "hour":
        return _hour(second, calendar)
    if interval == "week":
        return _week(calendar.day_of(second), calendar)
    return calendar.bucket(_TIER_OF[interval], second)


def interval_behind(start: int, interval: str, calendar: Calendar) -> int:
    """Return the start of the interval behind the one that starts here."""
    if interval == "hour":
        return _hour_behind(start, calendar)
    if interval == "week":
        return _week(calendar.day_of(start) + timedelta(days=7), calendar)
    return calendar.following(_TIER_OF[interval], start)


def _week(day: date, calendar: Calendar) -> int:
    return calendar.day_start(day - timedelta(days=day.weekday()))


def _hour(second: int, calendar: Calendar) -> int:
    """Return where the local hour begins: at its first minute, or where the clock was changed within it."""
    local = calendar.local(second)
    full = second - local.minute * 60 - local.second
    if calendar.local(full).utcoffset() == local.utcoffset():
        return full
    quarter = second - second % QUARTER_SECONDS
    while calendar.local(quarter - QUARTER_SECONDS).utcoffset() == local.utcoffset():
        quarter -= QUARTER_SECONDS
    return quarter


def _hour_behind(start: int, calendar: Calendar) -> int:
    local = calendar.local(start)
    following = start + 3600 - local.minute * 60
    if calendar.local(following).utcoffset() == local.utcoffset():
        return following
    quarter = start + QUARTER_SECONDS
    while quarter < following and calendar.local(quarter).utcoffset() == local.utcoffset():
        quarter += QUARTER_SECONDS
    return quarter
