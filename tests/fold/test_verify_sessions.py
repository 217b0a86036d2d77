"""`verify` counts the sessions of closed days anew, says what is stored otherwise, and `rebuild` mends it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from picoevent import NewEvent, Settings
from picoevent.fold.rebuild import Rebuilder
from picoevent.fold.verify import Verifier
from picoevent.fold.worker import Folder

BEGIN = datetime(2026, 3, 2, tzinfo=UTC)
MIDNIGHT = 24 * 60
MINUTES = (600, 610, 700, MIDNIGHT - 10, MIDNIGHT + 15, MIDNIGHT + 700, 2 * MIDNIGHT + 100)
ADD = "INSERT INTO rollup_session"
DAMAGES = {
    "DELETE FROM rollup_session WHERE source_id = 2": {"sessions", "events in sessions"},
    "DELETE FROM rollup_session": {"sessions", "events in sessions"},
    "DELETE FROM rollup_session WHERE source_id = 0": {"sessions", "events in sessions"},
    "UPDATE rollup_session SET sessions = sessions + 1": {"sessions"},
    "UPDATE rollup_session SET milliseconds = 7": {"milliseconds in sessions"},
    "UPDATE rollup_session SET packed = (SELECT MAX(packed) FROM (SELECT packed FROM rollup_session) all_of_them)": {
        "lengths of sessions"
    },
    f"{ADD} SELECT tier, 9, bucket, 1, 1, 1, 0, packed FROM rollup_session WHERE source_id = 1": {
        "sessions of one event",
    },
}


class Days:
    """Three days of two users and two sources, each folded as it went by, and closed."""

    def __init__(self, url, events):
        self.now, self.events = BEGIN, events
        self.folder = Folder(Settings(url=url), clock=lambda _connection: int(self.now.timestamp() * 1000))
        for place, minutes in enumerate(MINUTES):
            self.now = BEGIN + timedelta(minutes=minutes)
            moments = [(user, self.now + timedelta(seconds=40 * user)) for user in (1, 2)]
            events.log_many([NewEvent("a", None, user, "xy"[(place + user) % 2], at) for user, at in moments])
            self.folder.fold_all()
        self.pass_on(days=5)

    def pass_on(self, **time):
        self.now += timedelta(**time)
        self.folder.fold_all()
        self.folder.keep_up()

    def change(self, statement):
        with self.folder.store.transaction() as connection:
            assert connection.execute(text(statement)).rowcount

    def verify(self):
        return Verifier(self.folder.store).verify()

    def rebuild(self, since=None, until=None):
        seconds = [None if at is None else int(at.timestamp()) for at in (since, until)]
        return Rebuilder(self.folder.store, 200).rebuild(*seconds)


@pytest.fixture
def days(ready_url, events):
    days = Days(ready_url, events)
    yield days
    days.folder.close()


def test_closed_days_agree(days):
    findings = days.verify()

    assert (findings.differences, findings.notes) == ([], [])


@pytest.mark.parametrize("damage", DAMAGES)
def test_what_is_stored_otherwise_is_told_in_words_and_mended(days, damage):
    days.change(damage)
    found = days.verify().differences

    days.rebuild()

    assert DAMAGES[damage] <= {one.what.partition(" (")[0] for one in found}
    assert {(one.tier.name, one.event_type_id) for one in found} == {("DAY", 0)}
    mended = days.verify()
    assert (mended.differences, mended.notes) == ([], [])


def test_the_day_before_a_range_is_mended_too_since_its_sessions_reach_into_it(days):
    days.change("DELETE FROM rollup_session WHERE source_id > 0")

    days.rebuild(BEGIN + timedelta(days=1), BEGIN + timedelta(days=2))

    mended = days.verify()
    assert (mended.differences, mended.notes) == ([], [])


def test_days_that_late_events_touched_are_told_as_a_note_until_they_are_counted_again(days):
    days.events.log("a", user_id=1, at=BEGIN + timedelta(hours=7))
    waiting = days.verify()
    days.folder.fold_all()
    stale = days.verify()
    days.pass_on(minutes=2)
    counted = days.verify()

    assert (waiting.differences, stale.differences, counted.differences) == ([], [], [])
    assert "The sessions of 2026-03-02 are yet to be counted again" in waiting.notes[0]
    assert "The sessions of 2 days, from 2026-03-02 on, are yet" in stale.notes[0]
    assert counted.notes == []


def test_where_raw_rows_are_gone_sessions_are_left_alone(days):
    days.change(f"UPDATE fold_state SET raw_from = {int((BEGIN + timedelta(days=1)).timestamp())}")
    days.change("UPDATE rollup_session SET sessions = 77 WHERE source_id = 0")

    found = days.verify().differences
    days.rebuild(BEGIN + timedelta(days=2))

    assert {datetime.fromtimestamp(one.bucket, UTC).day for one in found} == {4}
    assert days.verify().differences == []
