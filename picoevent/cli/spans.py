"""Ranges as people type them: two times, or one word for both; days and months are those of the reporting zone."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any, TypedDict, TypeVar

import click

from picoevent.report.moments import WORDS, parse_moment
from picoevent.rollup.tiers import Calendar

Decorated = TypeVar("Decorated", bound=Callable[..., Any])

_DAY, _MONTH = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII), re.compile(r"\d{4}-\d\d", re.ASCII)

Span = tuple[int | None, int | None]
"""The first Unix second, and the one behind the last; None where that was left open."""


class ChosenSpan(TypedDict):
    """What `span_options` hands to a verb."""

    since: str | None
    until: str | None
    range_: str | None


def span_options(command: Decorated) -> Decorated:
    """Add `--since`, `--until` and `--range`; see `read_span`."""
    both = click.option(
        "--range",
        "range_",
        metavar="RANGE",
        help="Both in one: a day (2026-11-22), a month (2026-11), TIME..TIME, or a TIME to begin with.",
    )
    until = click.option("--until", metavar="TIME", help="The first moment that does not count, likewise.")
    since = click.option("--since", metavar="TIME", help="The first moment, such as 7d, today or 2026-11-22.")
    return since(until(both(command)))


def read_span(calendar: Calendar, since: str | None, until: str | None, range_: str | None) -> Span:
    """Return the range that the three options name, by a calendar; fail with what could be written instead."""
    if range_ is None:
        return _second(calendar, since), _second(calendar, until)
    if since is not None or until is not None:
        raise click.UsageError("--range stands for --since and --until.")
    begin, dots, end = (part.strip() for part in range_.partition(".."))
    if dots:
        return _second(calendar, begin or None), _second(calendar, end or None)
    try:
        if _MONTH.fullmatch(begin):
            first = date.fromisoformat(f"{begin}-01")
            following = (first + timedelta(days=32)).replace(day=1)
            return calendar.day_start(first), calendar.day_start(following)
        if _DAY.fullmatch(begin):
            first = date.fromisoformat(begin)
            return calendar.day_start(first), calendar.day_start(first + timedelta(days=1))
    except ValueError:
        raise click.BadParameter(f"{begin!r} is not in the calendar.") from None
    return _second(calendar, begin), None


def _second(calendar: Calendar, text: str | None) -> int | None:
    if text is None:
        return None
    try:
        return int(parse_moment(text, datetime.now(UTC), calendar.local(0).tzinfo or UTC).timestamp())
    except ValueError:
        raise click.BadParameter(f"{text!r} is not a time. Write {WORDS}.") from None
