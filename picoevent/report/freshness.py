"""How long an answer stays fresh, and which questions are the same one; pure functions of a range and the moment."""

from __future__ import annotations

from picoevent.report.frame import Arguments, to_json
from picoevent.rollup.tiers import DAY_SECONDS, MINUTE_SECONDS, QUARTER_SECONDS, Calendar, Tier

LIVE_SECONDS = 5
TODAY_SECONDS = 30
PAST_HOURS_SECONDS = 300
PAST_DAYS_SECONDS = 3600
CLOSED_MONTHS_SECONDS = 86_400

SETTLED_SECONDS = 120
"""How long a quarter of an hour must be over, so that the fold takes what comes for late, whatever clocks differ by."""
MINUTE_MS = MINUTE_SECONDS * 1000
LIVE_SPAN_MS = 61 * MINUTE_MS
"""A range that reaches to now and is no longer than an hour, and what is left of this minute, is looked at live."""
NOW_MS = 2000
"""A range that ends so shortly before now, or with this minute, was meant to end now."""


def ttl_seconds(since_ms: int, until_ms: int, now_ms: int, calendar: Calendar) -> int:
    """Return how many seconds an answer about a range stays fresh; `calendar` is that of the reporting zone.

    A late event is told by a version (`picoevent.report.versions`) only where its day is over in UTC, too, or its
    quarter of an hour for two minutes: what is called a past day here is one in both, and past hours end there.
    """
    if until_ms > now_ms - NOW_MS:
        return LIVE_SECONDS if until_ms - since_ms <= LIVE_SPAN_MS else TODAY_SECONDS
    now = now_ms // 1000
    today = min(calendar.bucket(Tier.DAY, now), now - now % DAY_SECONDS)
    if until_ms > today * 1000:
        settled = now - SETTLED_SECONDS
        return PAST_HOURS_SECONDS if until_ms <= (settled - settled % QUARTER_SECONDS) * 1000 else TODAY_SECONDS
    return PAST_DAYS_SECONDS if until_ms > calendar.bucket(Tier.MONTH, today) * 1000 else CLOSED_MONTHS_SECONDS


def normalised(arguments: Arguments, now_ms: int) -> list[object]:
    """Return what two questions have in common where one answer serves both: lists and numbers, ready for JSON.

    A range that ends now is told by its length, where it does not begin on a minute: "the last 7 days" stays one
    question while time goes by, and so does "since midnight".
    """
    return [
        *_range(arguments.since_ms, arguments.until_ms, now_ms),
        _names(arguments.event_types),
        _names(arguments.sources),
        arguments.interval,
        sorted([path, sorted(values)] for path, values in arguments.filters.items()),
        arguments.limit,
        arguments.compare,
        arguments.zone,
        sorted([name, to_json(value)] for name, value in arguments.options.items()),
    ]


def utc_days(since_ms: int, until_ms: int) -> tuple[int, int]:
    """Return the Unix seconds at which the first UTC day of a range begins, and the first one behind it."""
    since, until = since_ms // 1000, -(-until_ms // 1000)
    return since - since % DAY_SECONDS, until + -until % DAY_SECONDS


def _range(since_ms: int, until_ms: int, now_ms: int) -> tuple[str | int, str | int]:
    if not now_ms - NOW_MS <= until_ms <= now_ms + MINUTE_MS:
        return since_ms, until_ms
    if since_ms % MINUTE_MS == 0:
        return since_ms, "now"
    return f"{round((now_ms - since_ms) / 1000)} s before", "now"


def _names(names: tuple[str, ...] | None) -> list[str] | None:
    return None if names is None else sorted(set(names))
