"""Times as people type them: ISO 8601, a date, how long ago, or today; without an offset they are UTC."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import click

_AGO = re.compile(r"(\d{1,9})\s*([smhdw])(?: ago)?", re.ASCII)
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_DAYS_BACK = {"today": 0, "yesterday": 1}

WORDS = "2026-11-22, 2026-11-22T10:30, with an offset such as Z or +01:00, 90s, 30m, 2h, 7d, 4w (ago), today, yesterday"
HELP = "ISO 8601 (UTC unless it has an offset), or how long ago: 90s, 30m, 2h, 7d, 4w, today, yesterday"


def parse_moment(text: str, now: datetime) -> datetime:
    """Return the aware time that a text means at `now` (aware); raise ValueError."""
    word = text.strip().lower()
    if word == "now":
        return now
    if word in _DAYS_BACK:
        midnight = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        return midnight - timedelta(days=_DAYS_BACK[word])
    if ago := _AGO.fullmatch(word):
        return _before(now, int(ago[1]), _UNITS[ago[2]])
    moment = datetime.fromisoformat(text.strip())
    return moment if moment.utcoffset() is not None else moment.replace(tzinfo=UTC)


def _before(now: datetime, count: int, unit: str) -> datetime:
    try:
        return now - timedelta(**{unit: count})
    except OverflowError:
        raise ValueError("that is before the year 1") from None


def read_moment(_ctx: click.Context, _param: click.Parameter, value: str | None) -> datetime | None:
    """Be the callback of an option that takes a time: return it, or fail with what could be written instead."""
    if value is None:
        return None
    try:
        return parse_moment(value, datetime.now(UTC))
    except ValueError:
        raise click.BadParameter(f"{value!r} is not a time. Write {WORDS}.") from None
