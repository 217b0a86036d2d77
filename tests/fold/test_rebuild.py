"""`rebuild` makes rollups what their events say, whatever was done to them, also while others log and fold."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from sqlalchemy import text

from picoevent import EventLog, NewEvent, Settings
from picoevent.fold.declaring import declare
from picoevent.fold.raw import RawRowsGone
from picoevent.fold.rebuild import Rebuilder
from picoevent.fold.verify import Verifier
from picoevent.fold.worker import Folder
from picoevent.rollup.tiers import DAY_SECONDS

from .past import EVENTS, NOW, USERS, change, differences

DAMAGES = (
    "UPDATE rollup SET events = events * 2",
    "DELETE FROM rollup WHERE event_type_id = 1",
    "DELETE FROM rollup_users WHERE event_type_id = 1",
    "UPDATE rollup_users SET packed = X'0009000000'",
    "DELETE FROM user_number",
    "INSERT INTO rollup SELECT tier, 77, source_id, bucket, events FROM rollup WHERE event_type_id = 0",
    "INSERT INTO rollup_users SELECT tier, event_type_id, source_id, 0, bucket, 3, X'0005000000' FROM rollup",
)


@pytest.fixture
def rebuilder(folder):
    return Rebuilder(folder.store, 200)


@pytest.mark.parametrize("damages", [DAMAGES[:3], DAMAGES[3:5], DAMAGES[5:]], ids=["events", "users", "too many"])
def test_whatever_was_done_to_rollups_is_mended(folded, rebuilder, damages):
    for damage in damages:
        change(folded, damage)
    assert differences(folded)

    rebuilt = rebuilder.rebuild(None, None)

    assert differences(folded) == []
    assert (rebuilt.events, rebuilt.notes) == (EVENTS, [])


def test_what_waits_is_left_to_the_fold(folded, rebuilder, events):
    events.log("a", user_id="new one")
    change(folded, "DELETE FROM rollup")

    rebuilder.rebuild(None, None)
    between = differences(folded)
    folded.fold_all()

    assert (between, differences(folded)) == ([], [])


def test_buckets_that_are_closed_later_hold_what_was_mended(ready_url, events):
    now = [NOW.timestamp() * 1000 // 1]
    folder = Folder(Settings(url=ready_url), clock=lambda _connection: int(now[0]))
    events.log_many(
        [NewEvent("a", user_id=user, at=NOW - timedelta(minutes=place)) for place, user in enumerate(USERS)]
    )
    folder.fold_all()
    change(folder, "DELETE FROM rollup_users")

    Rebuilder(folder.store, 200).rebuild(None, None)
    for _ in range(3):
        now[0] += 20 * DAY_SECONDS * 1000
        folder.fold_all()
        folder.keep_up()

    assert differences(folder) == []
    folder.close()


def test_a_range_is_mended_and_nothing_else(folded, rebuilder):
    change(folded, "UPDATE rollup SET events = 99 WHERE tier = 3")
    since = int((NOW - timedelta(days=2)).timestamp())

    rebuilt = rebuilder.rebuild(since, None)

    assert 0 < rebuilt.events < 32
    buckets = {one.bucket for one in differences(folded) if one.tier.name == "DAY"}
    assert buckets
    assert max(buckets) < since - since % DAY_SECONDS


def test_each_change_gives_rollups_and_days_a_version(folded, rebuilder):
    before = version(folded, "SELECT version FROM fold_state")

    rebuilder.rebuild(int((NOW - timedelta(days=3)).timestamp()), None)

    assert version(folded, "SELECT version FROM fold_state") > before
    assert version(folded, "SELECT MAX(version) FROM day_version") > before


def version(folder, statement):
    with folder.store.transaction() as connection:
        return connection.execute(text(statement)).scalar()


def test_where_raw_rows_are_gone_it_refuses_and_changes_nothing(folded, rebuilder):
    change(folded, f"UPDATE fold_state SET raw_from = {int(NOW.timestamp()) - 50 * DAY_SECONDS}")
    before = differences(folded)

    with pytest.raises(RawRowsGone):
        rebuilder.rebuild(int((NOW - timedelta(days=60)).timestamp()), None)

    assert differences(folded) == before


def test_stopped_between_two_buckets_it_can_be_done_again(folded, rebuilder):
    change(folded, "DELETE FROM rollup")
    calls = iter(range(5))

    with pytest.raises(StopIteration):
        rebuilder.rebuild(None, None, check=lambda: next(calls))
    rebuilder.rebuild(None, None)

    assert differences(folded) == []


def test_many_lots_of_events_are_put_together(folded, rebuilder, monkeypatch):
    monkeypatch.setattr("picoevent.fold.mending.ROWS_AT_ONCE", 1)
    monkeypatch.setattr("picoevent.fold.raw.ROWS_AT_ONCE", 1)
    change(folded, "DELETE FROM rollup")
    change(folded, "DELETE FROM user_number")

    rebuilder.rebuild(None, None)

    assert differences(folded) == []


@pytest.fixture
def old_days(folded, events, monkeypatch):
    """Three days that have no quarters any more, each counted anew an event a turn."""
    monkeypatch.setattr("picoevent.fold.piecemeal.EVENTS_A_TURN", 1)
    wishes = {"dimensions": ["path"], "searchable": ["path"], "distinct": ["session"], "measures": ["n"]}
    declare(folded.store, "c", wishes)
    for days in (99, 100, 101):
        log_old(events, days)
    folded.fold_all()
    return [int((NOW - timedelta(days=days)).timestamp()) for days in (101, 98)]


def log_old(events, days):
    moment = NOW - timedelta(days=days)
    events.log_many([NewEvent("c", {"path": f"/{n}", "session": n % 2, "n": n}, n, at=moment) for n in range(5)])


def test_an_old_day_is_counted_in_many_short_turns_and_is_whole_at_any_moment(folded, rebuilder, old_days):
    between = []
    rebuilder.rebuild(*old_days, check=lambda: between.append(Verifier(folded.store).verify(*old_days).differences))

    assert len(between) > 15
    assert between == [[]] * len(between)


@pytest.mark.parametrize("late", [2, 100])
def test_what_comes_into_an_old_day_meanwhile_is_counted_once(folded, rebuilder, old_days, events, late):
    change(folded, "DELETE FROM rollup_users WHERE tier = 3")
    change(folded, "UPDATE rollup SET events = events + 1 WHERE tier = 3")
    turns = iter(range(1000))

    def log_and_fold():
        if next(turns) < late:
            log_old(events, 100)
            folded.fold_all()

    rebuilder.rebuild(None, None, check=log_and_fold)

    assert differences(folded) == []
    with folded.store.transaction() as connection:
        assert connection.execute(text("SELECT COUNT(*) FROM rollup_users WHERE tier > 4")).scalar() == 0


def test_while_others_log_and_fold_nothing_is_lost_or_doubled(ready_url, folded, rebuilder):
    folded.close()
    folder, stop = Folder(Settings(url=ready_url)), threading.Event()
    threads = [
        threading.Thread(target=folder.run, args=(stop,)),
        threading.Thread(target=keep_logging, args=(ready_url, stop)),
    ]
    for thread in threads:
        thread.start()
    try:
        for _ in range(2):
            rebuilder.rebuild(int((NOW - timedelta(days=4)).timestamp()), None)
    finally:
        stop.set()
        for thread in threads:
            thread.join(30)

    folder.fold_all()
    assert differences(folder) == []
    folder.close()


def keep_logging(url, stop):
    with EventLog(url) as events:
        number = 0
        while not stop.is_set():
            number += 1
            moments = [NOW - timedelta(hours=back) for back in (0, 1, 5, 30)]
            events.log_many([NewEvent("a", user_id=f"user {number % 50}", at=moment) for moment in moments])


def test_what_a_leader_has_prepared_of_an_open_day_is_left_to_it(folded, rebuilder):
    change(
        folded,
        "INSERT INTO rollup_dimension (tier, event_type_id, source_id, dimension_id, bucket, part, packed) "
        "SELECT 3, 1, 1, 1, MAX(bucket), 1, X'00' FROM rollup WHERE tier = 3",
    )

    rebuilder.rebuild(None, None)

    with folded.store.transaction() as connection:
        assert connection.execute(text("SELECT COUNT(*) FROM rollup_dimension")).scalar() == 1
