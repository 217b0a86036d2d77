"""`verify` finds what rollups say wrong, bucket by bucket, and nothing else, also while others log and fold."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

import pytest

from picoevent import EventLog, NewEvent, Settings
from picoevent.fold.declaring import declare
from picoevent.fold.raw import RawRowsGone
from picoevent.fold.verify import Verifier
from picoevent.fold.worker import Folder
from picoevent.rollup.tiers import DAY_SECONDS, Tier
from picoevent.store import open_store
from picoevent.store.base import Purpose

from .past import DAYS_BACK, EVENTS, NOW, change

WISHES = {"dimensions": ["path"], "searchable": ["path"], "distinct": ["session"], "measures": ["amount"]}


@pytest.fixture
def verifier(ready_url):
    store = open_store(ready_url, Settings(url=ready_url), Purpose.READ)
    yield Verifier(store)
    store.close()


def test_what_was_folded_agrees(folded, verifier):
    findings = verifier.verify()

    assert findings.differences == []
    assert (findings.events, findings.waiting, findings.notes) == (EVENTS, 0, [])
    assert findings.days == DAYS_BACK[-1] + 1


def test_what_waits_is_left_out(folded, events, verifier):
    events.log("a", user_id="new one")

    findings = verifier.verify()

    assert (findings.differences, findings.events, findings.waiting) == ([], EVENTS, 1)


def test_before_anything_was_folded_nothing_differs(events, verifier):
    events.log("a")

    findings = verifier.verify()

    assert (findings.differences, findings.events, findings.waiting) == ([], 0, 1)


def test_an_empty_database_agrees(ready_url, verifier):
    findings = verifier.verify()

    assert (findings.differences, findings.days, findings.events) == ([], 0, 0)


@pytest.mark.parametrize("tier", [Tier.MINUTE, Tier.DAY, Tier.MONTH])
def test_a_count_that_is_wrong_is_told_with_its_bucket(folded, verifier, tier):
    change(folded, f"UPDATE rollup SET events = events + 1 WHERE tier = {int(tier)} AND event_type_id = 1")

    found = verifier.verify().differences

    # A month is compared with its days, so it differs also where they are wrong.
    mine = [one for one in found if one.tier is tier]
    assert mine
    assert {(one.event_type_id, one.what, one.rollup - one.raw) for one in mine} == {(1, "events", 1)}


def test_a_bucket_that_is_missing_and_one_that_nobody_needs_are_told(folded, verifier):
    change(folded, f"DELETE FROM rollup WHERE tier = 3 AND event_type_id = 0 AND source_id = 0 AND bucket < {cutoff()}")
    change(folded, f"INSERT INTO rollup VALUES (3, 9, 0, {cutoff()}, 5)")

    found = verifier.verify().differences

    days = [(one.event_type_id, one.rollup > one.raw) for one in found if one.tier is Tier.DAY]
    assert days == [(0, False), (0, False), (9, True)]


def cutoff():
    second = int(NOW.timestamp()) - 50 * DAY_SECONDS
    return second - second % DAY_SECONDS


@pytest.mark.parametrize("tier", [Tier.QUARTER, Tier.MONTH])
def test_a_set_of_users_that_is_wrong_is_told(folded, verifier, tier):
    # X'0009000000' is the set of user 9 alone.
    change(folded, f"UPDATE rollup_users SET packed = X'0009000000' WHERE tier = {int(tier)} AND event_type_id = 0")

    found = [one for one in verifier.verify().differences if one.tier is tier]

    assert found
    assert all(one.what == "users (3 missing, 1 too many)" for one in found)


def test_a_part_that_was_lost_and_a_user_without_a_number_are_told(folded, verifier):
    change(folded, "DELETE FROM rollup_users WHERE tier = 1")
    change(folded, f"DELETE FROM user_number WHERE user_id = {2**40}")

    found = {(one.tier, one.what) for one in verifier.verify().differences}

    assert (Tier.MINUTE, "users (3 missing, 0 too many)") not in found
    assert (Tier.MINUTE, "users (2 missing, 0 too many)") in found
    assert (Tier.DAY, "users that have a number") in found


def test_a_batch_that_cannot_be_read_is_named(folded, verifier):
    change(folded, "INSERT INTO pending (events, packed) VALUES (3, X'00')")

    findings = verifier.verify()

    assert list(findings.unreadable.values()) == [3]


def test_a_range_is_widened_to_days_and_says_nothing_of_others(folded, verifier):
    change(folded, f"UPDATE rollup SET events = 99 WHERE tier = 3 AND bucket < {cutoff()}")
    noon = int(NOW.replace(hour=12).timestamp())

    findings = verifier.verify(noon - 2 * DAY_SECONDS, noon)

    assert (findings.days, findings.events) == (3, 16)
    assert [one for one in findings.differences if one.tier is Tier.DAY] == []


def test_where_raw_rows_are_gone_it_refuses_and_by_itself_it_begins_behind(folded, verifier):
    change(folded, f"UPDATE fold_state SET raw_from = {cutoff()}")

    findings = verifier.verify()
    with pytest.raises(RawRowsGone, match="--since"):
        verifier.verify(cutoff() - 1)

    assert (findings.differences, findings.events) == ([], 24)


def test_under_load_while_a_worker_folds_nothing_differs(ready_url, folded, verifier):
    folded.close()
    folder, stop = Folder(Settings(url=ready_url)), threading.Event()
    threads = [
        threading.Thread(target=folder.run, args=(stop,)),
        *[threading.Thread(target=keep_logging, args=(ready_url, source, stop)) for source in "xy"],
    ]
    for thread in threads:
        thread.start()
    try:
        found = [verifier.verify()]
        # Filled in backwards meanwhile: cells, sets, sums and the index of values.
        declare(folder.store, "a", WISHES)
        found += [verifier.verify() for _ in range(3)]
    finally:
        stop.set()
        for thread in threads:
            thread.join(30)
        folder.close()

    assert [one.differences for one in found] == [[]] * 4
    assert found[0].events + found[0].waiting < found[-1].events + found[-1].waiting


def keep_logging(url, source, stop):
    """Log events of now, of closed quarters and of closed days, whose sessions change by them."""
    with EventLog(url) as events:
        number = 0
        while not stop.is_set():
            moments = [datetime.now(UTC), *[NOW - timedelta(hours=back) for back in (1, 5, 30, 80, 1000)]]
            number += 1
            data = {"path": f"/{number % 7}", "session": number % 30, "amount": number}
            events.log_many([NewEvent("a", data, f"user {number % 50}", source, at) for at in moments])
