"""Times as files write them, ISO 8601 or numbers since 1970, as aware datetimes; not those of access logs."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from picoevent.importing.faults import BadLine, shown

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST_MILLISECONDS = 100_000_000_000
"""Numbers from here up are milliseconds (from March 1973), numbers below are seconds (until the year 5138).
"""
_TOO_LARGE = 100_000_000_000_000
_DIGITS = re.compile(r"\d{9,17}(?:\.\d{1,9})?", re.ASCII)
"""A text of so many digits is a number since 1970: eight digits are an ISO 8601 date."""


def read_time(value: object, zone: ZoneInfo | None) -> datetime:
    """Return a time as an aware datetime to the millisecond; raise `BadLine`.

    ISO 8601 with an offset, or seconds or milliseconds since 1970 as a number or its digits. A time without
    an offset is one of `zone`, and refused without that; of an hour that occurs twice in autumn it is the
    first.
    """
    try:
        if isinstance(value, str):
            return _from_text(value, zone)
        if isinstance(value, int | float) and not isinstance(value, bool):
            return _from_number(value)
    except OverflowError:
        raise BadLine(f"the time {shown(value)} is outside the years 1 to 9999 in UTC") from None
    raise BadLine(f"the time {shown(value)} is neither a text nor a number")


def _from_text(text: str, zone: ZoneInfo | None) -> datetime:
    if _DIGITS.fullmatch(text):
        return _from_number(float(text) if "." in text else int(text))
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise BadLine(f"the time {shown(text)} is not ISO 8601, such as 2015-05-18T10:05:03+02:00") from None
    if moment.tzinfo is None:
        moment = _in_zone(moment, zone, text)
    return _to_millisecond(moment)


def _from_number(value: float) -> datetime:
    if not abs(value) < _TOO_LARGE:
        raise BadLine(f"the time {shown(value)} is too large for seconds or milliseconds since 1970")
    milliseconds = round(value) if abs(value) >= _FIRST_MILLISECONDS else round(value * 1000)
    return _EPOCH + timedelta(milliseconds=milliseconds)


def _in_zone(moment: datetime, zone: ZoneInfo | None, text: str) -> datetime:
    if zone is None:
        raise BadLine(f"the time {shown(text)} has no offset; say with --timezone which zone it is in")
    in_utc = moment.replace(tzinfo=zone).astimezone(UTC)
    if in_utc.astimezone(zone).replace(tzinfo=None) != moment:
        raise BadLine(f"the time {shown(text)} does not exist in {zone.key}: clocks were put forward over it")
    return in_utc


def _to_millisecond(moment: datetime) -> datetime:
    """Cut off what is finer than a millisecond, so that equal stored times are equal here too."""
    excess = moment.microsecond % 1000
    return moment.replace(microsecond=moment.microsecond - excess) if excess else moment
