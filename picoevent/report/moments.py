"""Times as people type them: ISO 8601, a date, how long ago, or a word such as today or last month; in any zone."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta, tzinfo

_AGO = re.compile(r"(\d{1,9})\s*([smhdw])(?: ago)?", re.ASCII)
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def _monday(day: date) -> date:
    return day - timedelta(days=day.weekday())


def _month_before(day: date) -> date:
    return (day.replace(day=1) - timedelta(days=1)).replace(day=1)


_DAYS: Mapping[str, Callable[[date], date]] = {
    "today": lambda day: day,
    "yesterday": lambda day: day - timedelta(days=1),
    "this week": _monday,
    "last week": lambda day: _monday(day) - timedelta(days=7),
    "this month": lambda day: day.replace(day=1),
    "last month": _month_before,
    "this year": lambda day: day.replace(month=1, day=1),
}
"""Words for the day at whose midnight a time begins; weeks begin on Monday."""

WORDS = (
    "2026-11-22, 2026-11-22T10:30, with an offset such as Z or +01:00, 90s, 30m, 2h, 7d, 4w (ago), "
    f"{', '.join(_DAYS)}, now"
)


def parse_moment(text: str, now: datetime, zone: tzinfo = UTC) -> datetime:
    """Return the aware time that a text means at `now` (aware); days are those of the zone. Raise ValueError."""
    word = " ".join(text.lower().split())
    if word == "now":
        return now
    if word in _DAYS:
        return _midnight(_DAYS[word](now.astimezone(zone).date()), zone)
    if ago := _AGO.fullmatch(word):
        return _before(now, int(ago[1]), _UNITS[ago[2]])
    moment = datetime.fromisoformat(text.strip())
    return moment if moment.utcoffset() is not None else _in_zone(moment, zone)


def _midnight(day: date, zone: tzinfo) -> datetime:
    return _in_zone(datetime(day.year, day.month, day.day), zone)  # noqa: DTZ001  # _in_zone adds it


def _in_zone(moment: datetime, zone: tzinfo) -> datetime:
    # Through UTC: two aware times of one zone are compared by their clocks, across a change of hours too.
    return moment.replace(tzinfo=zone).astimezone(UTC)


def _before(now: datetime, count: int, unit: str) -> datetime:
    try:
        return now - timedelta(**{unit: count})
    except OverflowError:
        raise ValueError("that is before the year 1") from None
