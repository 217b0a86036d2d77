"""What people ask of a report, checked and made exact: names, ranges in words, zones, limits; no SQL."""

from __future__ import annotations

import zoneinfo
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from difflib import get_close_matches
from functools import lru_cache
from typing import Any

from picoevent.errors import InvalidQuery
from picoevent.ids import EPOCH, MAX_UNIX_MS, unix_ms
from picoevent.report.frame import Arguments, Report
from picoevent.report.intervals import INTERVALS, LEAST_SECONDS
from picoevent.report.moments import WORDS, parse_moment
from picoevent.report.texts import check_texts
from picoevent.rollup.shown_values import given_value
from picoevent.rollup.tiers import MINUTE_SECONDS

MAX_ROWS = 10_000
MAX_LIMIT = 1000
MAX_NAMES = 20
MAX_FILTERS, MAX_FILTERED_VALUES = 4, 50
MAX_RANGE = timedelta(days=50 * 366)
MAX_TEXT = 255


def make_arguments(report: Report, given: Mapping[str, Any], now: datetime, reporting_zone: str) -> Arguments:
    """Return the arguments of a report; raise `InvalidQuery` saying which one is wrong, and what would be right.

    `since` and `until` are aware datetimes, or texts as `picoevent.report.moments` reads them in the zone asked; the
    default is the report's number of days, today included, up to the end of this minute.
    """
    _check_known(report, given)
    check_texts(given)
    zone = _zone(given.get("zone"), reporting_zone)
    reader = _Range(now, zoneinfo.ZoneInfo(zone), report.default_days, report.default_seconds)
    since_ms, until_ms = reader.read(given.get("since"), given.get("until"))
    interval = _interval(report, given.get("interval"), since_ms, until_ms)
    defaults = Arguments(since_ms, until_ms)
    return Arguments(
        since_ms=since_ms,
        until_ms=until_ms,
        event_types=_names(given.get("types"), "types"),
        sources=_names(given.get("sources"), "sources"),
        interval=interval,
        filters=_filters(given.get("filters")),
        limit=_limit(given.get("limit"), defaults.limit),
        compare=_flag(given.get("compare")),
        zone=zone,
        options={name: given[name] for name in report.options if given.get(name) is not None},
    )


def near(name: str, known: Iterable[str]) -> str:
    """Return a hint that names what looks like a wrong name, or what there is."""
    names = list(known)
    close = get_close_matches(name, names, n=2)
    return f"Did you mean {' or '.join(close)}?" if close else f"There are: {', '.join(names)}."


def _check_known(report: Report, given: Mapping[str, Any]) -> None:
    known = ["since", "until", "zone", *report.takes, *report.options]
    for name in given:
        if name not in known:
            raise InvalidQuery(f"The report {report.name} takes no argument {name!r}.", hint=near(name, known))


def _zone(given: object, reporting_zone: str) -> str:
    if given is None or given == reporting_zone:
        return reporting_zone
    if not isinstance(given, str) or given not in _zones():
        raise InvalidQuery(f"There is no time zone {given!r}.", hint="For example: UTC, Europe/Berlin.")
    return given


@lru_cache(maxsize=1)
def _zones() -> frozenset[str]:
    return frozenset(zoneinfo.available_timezones())


@dataclass(frozen=True, slots=True)
class _Range:
    now: datetime
    zone: zoneinfo.ZoneInfo
    default_days: int
    default_seconds: int = 0

    def read(self, since: object, until: object) -> tuple[int, int]:
        end = self._moment(until, "until") if until is not None else self._end_of_this_minute()
        begin = self._moment(since, "since") if since is not None else self._days_before(end)
        if begin >= end:
            raise InvalidQuery("The range is empty: since is not before until.", hint="until itself does not count.")
        if end - begin > MAX_RANGE:
            raise InvalidQuery("The range is longer than 50 years.", hint="Ask for less.")
        since_ms, until_ms = (min(unix_ms(max(moment, EPOCH)), MAX_UNIX_MS) for moment in (begin, end))
        if since_ms >= until_ms:
            raise InvalidQuery("No event can be in this range.", hint="Events are between 2000 and 2136.")
        return since_ms, until_ms

    def _moment(self, given: object, what: str) -> datetime:
        if isinstance(given, datetime) and given.utcoffset() is not None:
            return given.astimezone(UTC)
        if isinstance(given, str):
            try:
                return parse_moment(given, self.now, self.zone).astimezone(UTC)
            except (ValueError, OverflowError):
                raise InvalidQuery(f"{given!r} is not a time for {what}.", hint=f"Write {WORDS}.") from None
        wrong = "has no time zone" if isinstance(given, datetime) else f"is of type {type(given).__name__}"
        raise InvalidQuery(f"The time of {what} {wrong}.", hint="For example: datetime.now(UTC), or '7d'.")

    def _end_of_this_minute(self) -> datetime:
        second = int(self.now.timestamp())
        return datetime.fromtimestamp(second - second % MINUTE_SECONDS + MINUTE_SECONDS, UTC)

    def _days_before(self, end: datetime) -> datetime:
        """Return the midnight with which that many days begin, the last one included."""
        if self.default_seconds:
            return end - timedelta(seconds=self.default_seconds)
        try:
            day = (end - timedelta(microseconds=1)).astimezone(self.zone).date() - timedelta(days=self.default_days - 1)
        except OverflowError:
            return EPOCH
        return datetime(day.year, day.month, day.day, tzinfo=self.zone).astimezone(UTC)


def _interval(report: Report, given: object, since_ms: int, until_ms: int) -> str | None:
    if given is None:
        return None
    if not isinstance(given, str) or given not in INTERVALS:
        raise InvalidQuery(f"There is no interval {given!r}.", hint=near(str(given), report.intervals))
    if given not in report.intervals:
        message = f"The report {report.name} is not made by {given}."
        raise InvalidQuery(message, hint=f"Ask by {', '.join(report.intervals)}.")
    check_rows(given, since_ms, until_ms, 1)
    return given


def check_rows(interval: str, since_ms: int, until_ms: int, series: int) -> None:
    """Raise `InvalidQuery` where so many series of these intervals are more rows than anybody looks at."""
    seconds = (until_ms - since_ms) / 1000 * series
    if seconds / LEAST_SECONDS[interval] > MAX_ROWS + series:
        fitting = next((name for name in INTERVALS if seconds / LEAST_SECONDS[name] <= MAX_ROWS), "month")
        message = f"By {interval}, this range has more than {MAX_ROWS:,} rows."
        raise InvalidQuery(message, hint=f"Ask by {fitting}, or for a shorter range.")


def _names(given: object, what: str) -> tuple[str, ...] | None:
    if given is None:
        return None
    names = tuple(dict.fromkeys(_text(name, what) for name in _listed(given, what)))
    if len(names) > MAX_NAMES:
        raise InvalidQuery(f"{len(names)} {what} are too many.", hint=f"Ask for {MAX_NAMES} at most, or for all.")
    return names or None


def _listed(given: object, what: str) -> list[object]:
    if isinstance(given, (str, int, float, bool)) or given is None:
        return [given]
    if isinstance(given, (list, tuple, set, frozenset)):
        return list(given)
    raise InvalidQuery(f"The argument {what} is of type {type(given).__name__}, neither a text nor a list.")


def _text(value: object, what: str) -> str:
    if not isinstance(value, str) or not 1 <= len(value) <= MAX_TEXT:
        raise InvalidQuery(f"The argument {what} holds something that is no text of 1 to {MAX_TEXT} characters.")
    return value


def _filters(given: object) -> dict[str, tuple[str, ...]]:
    if given is None:
        return {}
    if not isinstance(given, Mapping):
        raise InvalidQuery("Filters are a mapping.", hint="For example: filters={'plan': 'team'}.")
    if len(given) > MAX_FILTERS:
        raise InvalidQuery(f"{len(given)} filters are too many.", hint=f"Use {MAX_FILTERS} at most.")
    return {_text(path, "filters"): _values(values) for path, values in given.items()}


def _values(given: object) -> tuple[str, ...]:
    values = tuple(dict.fromkeys(given_value(value) for value in _listed(given, "filters")))
    if not 1 <= len(values) <= MAX_FILTERED_VALUES:
        raise InvalidQuery(f"A filter lets {len(values)} values through.", hint=f"Use 1 to {MAX_FILTERED_VALUES}.")
    return values


def _limit(given: object, default: int) -> int:
    if given is None:
        return default
    if isinstance(given, bool) or not isinstance(given, int) or not 1 <= given <= MAX_LIMIT:
        raise InvalidQuery(f"The limit {given!r} is wrong.", hint=f"Use 1 to {MAX_LIMIT:,}.")
    return given


def _flag(given: object) -> bool:
    if given is None or isinstance(given, bool):
        return bool(given)
    raise InvalidQuery(f"compare is {given!r}.", hint="Use True or False.")


def choose(given: object, what: str, choices: Iterable[str], default: str) -> str:
    """Return one of some words, or the default where nothing is given; raise `InvalidQuery`."""
    if given is None:
        return default
    known = list(choices)
    if given not in known:
        raise InvalidQuery(f"There is no {what} {given!r}.", hint=near(str(given), known))
    return str(given)
