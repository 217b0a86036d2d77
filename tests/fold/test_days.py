"""Late events give their day a version, so that no answer that is kept hides them; all others give none."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from picoevent import EventLog, NewEvent, Settings
from picoevent.fold.worker import Folder
from picoevent.store.rollup_tables import day_version

NOON = datetime(2026, 9, 21, 12, 1, 30, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


@pytest.mark.parametrize(
    ("now", "back", "touched"),
    [
        (NOON, 2 * MINUTE, [21]),
        (NOON, timedelta(seconds=20), []),
        (NOON - MINUTE, 2 * MINUTE, []),
        (NOON, timedelta(days=1), [20]),
        (NOON.replace(hour=23, minute=59, second=10), timedelta(0), [21]),
        (NOON.replace(hour=23, minute=58, second=50), timedelta(0), []),
    ],
)
def test_only_what_is_late_gives_its_day_a_version(ready_url, now, back, touched):
    moment = [int(now.timestamp() * 1000)]
    folder = Folder(Settings(url=ready_url), clock=lambda _connection: moment[0])
    with EventLog(ready_url, strict=True) as events:
        events.log_many([NewEvent("a", at=now - back)])
    folder.fold_all()
    with folder.store.transaction() as connection:
        days = connection.execute(select(day_version.c.day)).scalars().all()
    folder.close()

    assert [datetime.fromtimestamp(day, UTC).day for day in days] == touched
