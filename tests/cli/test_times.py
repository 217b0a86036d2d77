"""Times as people type them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from picoevent.report.moments import parse_moment

NOW = datetime(2026, 11, 22, 10, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("now", NOW),
        ("90s", NOW - timedelta(seconds=90)),
        ("30m", NOW - timedelta(minutes=30)),
        ("2h", NOW - timedelta(hours=2)),
        ("2 h ago", NOW - timedelta(hours=2)),
        ("7d", NOW - timedelta(days=7)),
        ("4W", NOW - timedelta(weeks=4)),
        ("today", datetime(2026, 11, 22, tzinfo=UTC)),
        ("yesterday", datetime(2026, 11, 21, tzinfo=UTC)),
        ("2026-11-20", datetime(2026, 11, 20, tzinfo=UTC)),
        ("2026-11-20T08:00", datetime(2026, 11, 20, 8, tzinfo=UTC)),
        ("2026-11-20 08:00:00+01:00", datetime(2026, 11, 20, 7, tzinfo=UTC)),
        ("2026-11-20T08:00:00.123Z", datetime(2026, 11, 20, 8, 0, 0, 123_000, tzinfo=UTC)),
    ],
)
def test_a_time_is_iso_8601_or_how_long_ago(text, meant):
    assert parse_moment(text, NOW) == meant


@pytest.mark.parametrize("text", ["", "soon", "2h later", "-2h", "2026-13-01", "999999999w", "1.5h"])
def test_anything_else_is_refused(text):
    with pytest.raises(ValueError):
        parse_moment(text, NOW)
