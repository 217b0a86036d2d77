"""A round counts what was committed, once, whenever it was committed and whatever happens to the round."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from picoevent import NewEvent, Settings
from picoevent.fold.worker import Folder
from picoevent.rollup.tiers import Calendar, Tier
from picoevent.store.fold_state import FOR_EVER

from .reading import read_events, read_users

UTC_CALENDAR = Calendar("UTC")


def counted(folder, tier):
    with folder.store.transaction() as connection:
        rows = connection.execute(text(f"SELECT * FROM rollup WHERE tier = {int(tier)}")).all()
    return {(row.event_type_id, row.source_id): row.events for row in rows}


def waiting(folder):
    with folder.store.transaction() as connection:
        return connection.execute(text("SELECT COUNT(*) FROM pending")).scalar()


def test_an_event_counts_for_its_type_its_source_and_for_any_of_them_in_every_tier(events, folder):
    events.log_many([NewEvent("a", source="web"), NewEvent("a", source="app"), NewEvent("b", source="web")])

    assert folder.fold_all() == 3

    assert waiting(folder) == 0
    expected = {(1, 1): 1, (1, 2): 1, (2, 1): 1, (1, 0): 2, (2, 0): 1, (0, 1): 2, (0, 2): 1, (0, 0): 3}
    assert [counted(folder, tier) for tier in Tier] == [expected] * 4


def test_users_of_every_kind_are_counted_once(events, folder):
    users = [7, 7, 2**31 - 1, 2**31, 2**61, "ann", "ann", "bob", None]
    for _ in range(2):
        events.log_many([NewEvent("a", user_id=user) for user in users])
        folder.fold_all()

    found = read_users(folder.store, UTC_CALENDAR, 0, FOR_EVER)

    assert found == {7, 2**31 - 1, 2**31, 2**31 + 1, 2**31 + 2, 2**31 + 3}


def test_what_commits_late_is_counted_all_the_same(mysql_url, mariadb):
    from .conftest import init

    init(mysql_url)
    folder = Folder(Settings(url=mysql_url))
    database = mysql_url.rpartition("/")[2].partition("?")[0]
    with mariadb.cursor(database) as late, mariadb.cursor(database) as early:
        for cursor in (late, early):
            cursor.execute("BEGIN")
            cursor.execute(f"INSERT INTO pending (events, packed) VALUES (1, {one_event(cursor is late)})")
        early.execute("COMMIT")
        first = folder.fold_all()
        late.execute("COMMIT")
    second = folder.fold_all()
    folder.close()

    assert (first, second) == (1, 1)


def one_event(is_late):
    from picoevent.ids import make_id
    from picoevent.store.pending import pack_columns

    return f"X'{pack_columns([make_id(1_790_000_000_000 + is_late, 1, 1)], [1], [1], [5]).hex()}'"


def test_a_round_that_breaks_off_counts_nothing_and_its_numbers_are_given_again(events, folder, monkeypatch):
    events.log("a", user_id=2**40)
    folder.fold_round()
    with monkeypatch.context() as patched:
        patched.setattr(folder._rounds.queue, "delete", broken)
        with pytest.raises(ZeroDivisionError):
            folder.fold_all()

    assert folder.fold_all() == 1

    assert read_events(folder.store, UTC_CALENDAR, 0, FOR_EVER) == 1
    assert read_users(folder.store, UTC_CALENDAR, 0, FOR_EVER) == {2**31}


def broken(*_):
    raise ZeroDivisionError


def test_a_batch_that_cannot_be_read_stays_and_stops_nothing(events, folder, caplog):
    with folder.store.transaction() as connection:
        connection.execute(text("INSERT INTO pending (events, packed) VALUES (1, X'00')"))
    events.log("a")

    assert folder.fold_all() == 1

    assert (waiting(folder), folder._rounds.queue.unreadable) == (1, 1)
    assert "left out of the rollups" in caplog.text


def test_a_late_event_gives_its_day_a_version_and_one_of_today_does_not(events, folder):
    from datetime import UTC, datetime, timedelta

    events.log("now")
    events.log("late", at=datetime.now(UTC) - timedelta(days=3))

    folder.fold_all()

    with folder.store.transaction() as connection:
        rows = connection.execute(text("SELECT day, version FROM day_version")).all()
    assert len(rows) == 1
    assert rows[0].day % 86_400 == 0


def test_more_than_a_round_takes_is_counted_in_several(events, folder, monkeypatch):
    monkeypatch.setattr("picoevent.fold.worker.FIRST_EVENTS", 250)
    monkeypatch.setattr("picoevent.fold.worker.MAX_EVENTS", 250)
    events.log_many([NewEvent("a")] * 1000)
    events.log_many([NewEvent("a")] * 100)
    events.log_many([NewEvent("a")] * 100)

    assert folder.fold_all() == 1200


def test_what_waits_behind_a_batch_that_can_not_be_read_is_counted_at_once(events, folder):
    folder.fold_all()
    for _ in range(3):
        events.log("a")
    with folder.store.transaction() as connection:
        first = connection.exec_driver_sql("SELECT MIN(seq) FROM pending").scalar()
        connection.exec_driver_sql(f"UPDATE pending SET packed = X'00' WHERE seq = {first}")
    folder._pace.events = 1

    assert folder.fold_all() == 2
