"""Events of long ago until now, folded; what is done to their rollups; and what `verify` says of them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlalchemy import text

from picoevent import NewEvent
from picoevent.fold.verify import Verifier

NOW = datetime.now(UTC)
DAYS_BACK = (0, 0, 1, 1, 3, 40, 100, 400, 1000)
USERS = (7, 2**40, "ann", None)
EVENTS = len(DAYS_BACK) * len(USERS)


def fold_past(events, folder):
    """Log and fold events of two types, two sources and several users, on each of these days."""
    for place, days in enumerate(DAYS_BACK):
        names = {"event_type": "ab"[place % 2], "source": "xy"[place % 3 % 2]}
        moment = NOW - timedelta(days=days, seconds=5)
        events.log_many([NewEvent(**names, user_id=user, at=moment) for user in USERS])
    folder.fold_all()
    folder.keep_up()


def change(folder, statement):
    """Change something behind the back of whoever folds."""
    with folder.store.transaction() as connection:
        assert connection.execute(text(statement)).rowcount


def differences(folder):
    """Return in what rollups and events differ."""
    return Verifier(folder.store).verify().differences
