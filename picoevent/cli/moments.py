"""Options that take a time as people type it; without an offset it is UTC."""

from __future__ import annotations

from datetime import UTC, datetime

import click

from picoevent.report.moments import WORDS, parse_moment

HELP = "ISO 8601 (UTC unless it has an offset), or how long ago: 90s, 30m, 2h, 7d, 4w, today, yesterday, this month"


def read_moment(_ctx: click.Context, _param: click.Parameter, value: str | None) -> datetime | None:
    """Be the callback of an option that takes a time: return it, or fail with what could be written instead."""
    if value is None:
        return None
    try:
        return parse_moment(value, datetime.now(UTC))
    except ValueError:
        raise click.BadParameter(f"{value!r} is not a time. Write {WORDS}.") from None
