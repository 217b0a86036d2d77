"""The period before a period: as many months, as many days, or as long, whichever the range is made of."""

from __future__ import annotations

from datetime import date, timedelta

from picoevent.rollup.tiers import DAY_SECONDS, Calendar, Tier


def previous_period(since_ms: int, until_ms: int, calendar: Calendar) -> tuple[int, int]:
    """Return the range before a range, Unix milliseconds, in the calendar of the zone asked for.

    Whole months come after as many whole months. A range that begins at midnight is moved back by whole days, so that
    it begins at midnight too, whatever the clocks did; where its last day is not over, that of the one before is cut
    at the same time of day. Any other range comes right after the one before.
    """
    since, until = since_ms // 1000, until_ms // 1000
    if not _begins(Tier.DAY, since_ms, calendar):
        return 2 * since_ms - until_ms, since_ms
    if _begins(Tier.MONTH, since_ms, calendar) and _begins(Tier.MONTH, until_ms, calendar):
        months = _months(calendar.day_of(until)) - _months(calendar.day_of(since))
        return _month_start(calendar.day_of(since), -months, calendar) * 1000, since_ms
    last = calendar.bucket(Tier.DAY, max(since, until - 1))
    days = (calendar.day_of(last) - calendar.day_of(since)).days + 1
    begin = _moved(since, days, calendar)
    if _begins(Tier.DAY, until_ms, calendar):
        return begin * 1000, since_ms
    return begin * 1000, min(_same_time(until, days, calendar) * 1000 + until_ms % 1000, since_ms)


def _begins(tier: Tier, moment_ms: int, calendar: Calendar) -> bool:
    second, millisecond = divmod(moment_ms, 1000)
    return not millisecond and calendar.bucket(tier, second) == second


def _moved(second: int, days: int, calendar: Calendar) -> int:
    try:
        return calendar.day_start(calendar.day_of(second) - timedelta(days=days))
    except OverflowError:
        return second - days * DAY_SECONDS


def _same_time(second: int, days: int, calendar: Calendar) -> int:
    """Return the second so many days before at which the clock shows the same."""
    day = calendar.day_of(second) - timedelta(days=days)
    return int(calendar.local(second).replace(year=day.year, month=day.month, day=day.day).timestamp())


def _months(day: date) -> int:
    return day.year * 12 + day.month - 1


def _month_start(day: date, months: int, calendar: Calendar) -> int:
    year, month = divmod(_months(day) + months, 12)
    return calendar.day_start(date(year, month + 1, 1))


def growth(now: float, before: float) -> float | None:
    """Return by what part of itself a figure has grown, 0.5 for half of it; None where there was nothing before."""
    return round((now - before) / before, 6) if before else None
