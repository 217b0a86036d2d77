"""Questions that would read too much are refused before they begin; those that take too long are ended."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from picoevent import NewEvent, QueryTooCostly, Settings, StoreUnavailable
from picoevent.fold.worker import Folder
from picoevent.report import raw
from picoevent.report.frame import Arguments
from picoevent.report.funnel import FUNNEL
from picoevent.report.raw import estimate, raw_rows
from picoevent.report.top_users import TOP_USERS
from picoevent.store.limits import TimeLimit
from picoevent.store.packed_rows import RowReader, Walk
from picoevent.store.places import place_among

from .desks import BEGIN, ask, open_desk

TODAY = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
RECENT = TODAY - timedelta(days=20)
DECADE = {"since": TODAY - timedelta(days=3650), "until": TODAY}
ENDLESS = {
    "sqlite": "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT COUNT(*) FROM c",
    "mysql": "SELECT COUNT(*) FROM seq_1_to_100000000 a JOIN seq_1_to_100000000 b ON a.seq % 7 = b.seq % 9",
}


@pytest.fixture
def folded(ready_url, events):
    """A hundred events a day on ten days, counted in the rollups."""
    events.log_many(
        NewEvent("view", user_id=user, source=("web", "app")[user % 2], at=RECENT + timedelta(days=day, minutes=user))
        for day in range(10)
        for user in range(100)
    )
    fold(ready_url)
    return ready_url


def fold(url):
    folder = Folder(Settings(url=url))
    folder.fold_all()
    folder.close()


def milliseconds(moment):
    return int(moment.timestamp() * 1000)


def endless(url, seconds=1):
    """Ask what has no end, and return how long it took until that was over."""
    begin = time.monotonic()
    with (
        pytest.raises(QueryTooCostly, match="too long"),
        open_desk(url) as desk,
        TimeLimit(desk.connection, seconds) as limit,
    ):
        RowReader(desk.connection, limit).execute(text(ENDLESS[desk.connection.dialect.name]))
    return time.monotonic() - begin


def test_rows_are_estimated_from_the_rollups(folded):
    with open_desk(folded) as desk:
        begin = milliseconds(RECENT)
        whole = Walk(begin, begin + 10 * 86_400_000)

        assert estimate(desk, whole) == 1000
        assert estimate(desk, Walk(begin, begin + 86_400_000, (1,), (1,))) == 50
        assert estimate(desk, Walk(begin, begin + 600_000)) == 15, "a quarter of an hour is the least"
        assert estimate(desk, Walk(0, begin)) == 0
        assert estimate(desk, Walk(begin, begin + 86_400_000, ())) == 0


def test_where_only_months_are_kept_whole_months_are_estimated(ready_url, events, folded):
    events.log_many(NewEvent("view", at=BEGIN + timedelta(days=day)) for day in range(14))
    fold(ready_url)

    with open_desk(folded) as desk:
        begin = milliseconds(BEGIN)

        assert estimate(desk, Walk(begin, begin + 3 * 86_400_000)) == 14


def test_a_question_about_ten_years_is_refused_with_advice(folded):
    with pytest.raises(QueryTooCostly) as refusal:
        ask(folded, TOP_USERS, settings={"report_max_rows": 100}, **DECADE)

    assert refusal.value.message == (
        "This top_users reads about 1,000 raw rows; 100 are allowed (PICOEVENT_REPORT_MAX_ROWS)."
    )
    assert refusal.value.hint == "Narrow it to 365 days, or to one source, or to some event types."


def test_steps_of_a_funnel_are_added_up(folded):
    limit = {"report_max_rows": 1999}
    range_ = {"since": RECENT, "until": TODAY}

    with pytest.raises(QueryTooCostly, match="about 2,000 raw rows"):
        ask(folded, FUNNEL, settings=limit, steps="view > view", **range_)

    answer = ask(folded, FUNNEL, settings={"report_max_rows": 2000}, steps="view > view", **range_)
    assert answer.rows[0].users == 100


def test_what_takes_too_long_is_ended(folded):
    took = endless(folded)

    assert took < 5


def test_the_time_is_that_of_all_statements_together(folded):
    clock = iter((0.0, 0.5, 1.1)).__next__
    with open_desk(folded) as desk, TimeLimit(desk.connection, 1, clock=clock) as limit:
        limit.begin_statement()

        with pytest.raises(QueryTooCostly, match="more than 1 seconds"):
            limit.begin_statement()


def test_a_connection_is_as_before_when_its_question_is_over(mysql_url, initialise):
    initialise(mysql_url)
    with open_desk(mysql_url) as desk:
        asked = text("SELECT @@max_statement_time")
        before = desk.connection.execute(asked).scalar()
        with raw_rows(desk, "test", Walk(0, 1000)) as reader:
            reader.execute(text("SELECT 1"))
            within = desk.connection.execute(asked).scalar()

        assert within < before == desk.connection.execute(asked).scalar()


def test_fifty_at_once_are_ended_and_nothing_that_is_logged_is_lost(folded, events):
    with ThreadPoolExecutor(50) as threads:
        asked = [threads.submit(endless, folded, 2) for _ in range(50)]
        logged = events.log_many([NewEvent("paid", user_id=number) for number in range(100)])
        ended = [one.result() for one in asked]

    # How soon they end, and what they cost those who log: torture's S18, where fifty stores are open already.
    assert len(ended) == 50
    assert None not in logged
    assert events.count(event_type="paid") == 100


@pytest.fixture
def two_desks(mysql_url, initialise):
    """Two who ask one MySQL."""
    initialise(mysql_url)
    with open_desk(mysql_url) as first, open_desk(mysql_url) as second:
        yield first, second


def test_a_costly_question_waits_for_a_place_and_is_refused_after_a_while(two_desks):
    first, second = (desk.connection for desk in two_desks)

    with (
        place_among(first, 1, 0.1),
        pytest.raises(QueryTooCostly, match=r"has waited 0\.1 seconds for 1 other costly"),
        place_among(second, 1, 0.1),
    ):
        pass

    with place_among(second, 2, 0), place_among(first, 2, 0):
        pass


def test_who_is_cut_off_leaves_no_place_taken(mysql_url, two_desks):
    with suppress(StoreUnavailable), open_desk(mysql_url) as gone, place_among(gone.connection, 1, 0):
        gone.connection.connection.driver_connection._force_close()

        # Where none is free, this raises.
        with place_among(two_desks[0].connection, 1, 5):
            pass


def test_a_question_about_many_rows_waits_for_others_and_one_about_few_does_not(two_desks, monkeypatch):
    url, range_ = str(two_desks[0].settings.url), {"since": RECENT, "until": TODAY}
    settings = {"report_max_at_once": 1, "report_max_seconds": 1}

    with place_among(two_desks[0].connection, 1, 0):
        assert ask(url, TOP_USERS, settings=settings, **range_).rows == ()
        monkeypatch.setattr(raw, "FEW_ROWS", -1)
        with pytest.raises(QueryTooCostly, match="has waited"):
            ask(url, TOP_USERS, settings=settings, **range_)


def test_where_raw_rows_are_gone_an_answer_begins_with_those_that_are_left(folded):
    gone_before = RECENT + timedelta(days=3)
    with open_desk(folded) as desk:
        desk.state = replace(desk.state, raw_from=int(gone_before.timestamp()))
        answer = TOP_USERS.answer(desk, Arguments(milliseconds(RECENT), milliseconds(TODAY)))

    assert answer.since == gone_before
    assert answer.notes == ("Raw rows of before are gone: the answer begins with the oldest that are left.",)
