"""Reports through the cache: the same answers, sooner; and none that hides a late event, or comes from elsewhere."""

from __future__ import annotations

import json
import os
import time
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from statistics import median

import pytest

from picoevent import EventLog, InvalidQuery, NewEvent, StoreUnavailable
from picoevent.report.catalogue import REPORTS
from picoevent.report.packing import answer_type, pack_answer, unpack_answer

TODAY = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
DAY = timedelta(days=1)
LAST_WEEK = {"since": TODAY - 7 * DAY, "until": TODAY}
SLOWEST_FROM_CACHE_SECONDS = 0.004
"""Four times the promise, by the quickest: a machine that runs other tests is no bench."""


@pytest.fixture(params=["memory", "redis"])
def cache_url(request):
    return "memory://" if request.param == "memory" else request.getfixturevalue("redis_url")


@pytest.fixture
def open_log(ready_url, cache_url):
    """`open_log()` is an event log on the same database and cache, as another process has it."""
    with ExitStack() as stack:
        yield lambda **more: stack.enter_context(
            EventLog(ready_url, **{"cache_url": cache_url, "cache_timeout_ms": 1000} | more)
        )


@pytest.fixture
def events(open_log):
    events = open_log()
    events.log_many(
        NewEvent("order.paid", {"n": n}, user_id=n % 7, at=TODAY - n % 6 * DAY - DAY / 2) for n in range(60)
    )
    return events


def test_an_answer_is_computed_once(events):
    first = events.report("series", **LAST_WEEK)
    second = events.report("series", **LAST_WEEK)

    assert first.cached_seconds is None
    assert second.cached_seconds >= 0
    assert replace(second, cached_seconds=None) == first
    assert sum(row.value for row in second.rows) == 60


def test_every_report_comes_back_from_its_bytes_as_it_was(events):
    given = {
        "top_values": {"dimension": "n"},
        "user_timeline": {"user": 1},
        "history": {"dimension": "n", "value": "1"},
    }
    for report in REPORTS:
        try:
            answer = events._parts.reports._reports.answer(report.name, given.get(report.name, {}))
        except InvalidQuery:
            continue
        back = unpack_answer(pack_answer(answer), answer_type(report))

        assert (report.name, back) == (report.name, answer)
        assert json.dumps(back.to_dict()) == json.dumps(answer.to_dict())


def test_every_report_says_what_its_rows_are():
    assert [report.name for report in REPORTS if report.row is None] == []


def test_a_late_event_is_seen_at_once(events):
    events.report("series", **LAST_WEEK)

    events.log("order.paid", at=TODAY - 3 * DAY)
    again = events.report("series", **LAST_WEEK)

    assert again.cached_seconds is None
    assert sum(row.value for row in again.rows) == 61


def test_an_event_of_the_period_before_is_seen_where_it_is_compared(events):
    events.report("compare", **LAST_WEEK)

    events.log("order.paid", at=TODAY - 13 * DAY)

    assert events.report("compare", **LAST_WEEK).cached_seconds is None


def test_an_event_of_long_ago_makes_a_type_no_longer_new(events):
    events.report("types_seen", **LAST_WEEK)

    events.log("order.paid", at=TODAY - 200 * DAY)

    assert events.report("types_seen", **LAST_WEEK).cached_seconds is None


def test_a_late_event_of_other_days_leaves_an_answer_as_it_is(events):
    events.report("series", **LAST_WEEK)

    events.log("order.paid", at=TODAY - 30 * DAY)

    assert events.report("series", **LAST_WEEK).cached_seconds is not None


def test_a_goal_that_is_added_is_seen_at_once(events):
    events.report("goals", **LAST_WEEK)

    events.goals.add("paid", "order.paid")

    assert [row.goal for row in events.report("goals", **LAST_WEEK).rows] == ["paid"]
    assert events.report("goals", **LAST_WEEK).cached_seconds is not None


def test_sessions_that_may_go_on_are_not_kept_for_long(events, monkeypatch):
    asked = []
    cache = events._parts.query_cache
    monkeypatch.setattr(cache, "get_or_compute", lambda _key, ttl, *_args, **_kw: asked.append(ttl))

    events.report("sessions", **LAST_WEEK)
    events.report("series", **LAST_WEEK)

    assert asked[0] == 30
    assert asked[1] >= 3600


def test_processes_that_are_set_differently_do_not_share_answers(events, open_log):
    events.report("series", **LAST_WEEK)

    assert open_log(failure_values="rejected").report("series", **LAST_WEEK).cached_seconds is None


def test_other_arguments_are_another_question(events):
    events.report("series", **LAST_WEEK)

    others = [{"measure": "users"}, {"interval": "day", "zone": "Asia/Kathmandu"}, {"types": "order.paid"}]
    assert [events.report("series", **LAST_WEEK, **other).cached_seconds for other in others] == [None] * 3


def test_the_last_days_are_one_question_while_time_goes_by(events):
    events.report("top_types", since="7d")

    assert events.report("top_types", since="7d").cached_seconds is not None
    assert events.report("top_types").cached_seconds is None


def test_wrong_arguments_are_refused_as_ever(events):
    with pytest.raises(InvalidQuery, match="no argument"):
        events.report("series", colour="red")
    with pytest.raises(InvalidQuery, match="no report"):
        events.report("serie")


def test_the_cache_can_be_turned_off(open_log, events):
    for uncached in (open_log(report_cache=False), open_log(cache_url="none://")):
        uncached.report("series", **LAST_WEEK)

        assert uncached.report("series", **LAST_WEEK).cached_seconds is None


def test_how_reports_were_answered_is_counted(events):
    for _ in range(5):
        events.report("series", **LAST_WEEK)

    counters = events.counters()
    assert (counters["report_hits"], counters["report_misses"], counters["report_computations"]) == (4, 1, 1)


def test_a_child_of_fork_and_its_parent_do_not_share_a_thread(events):
    events.report("series", **LAST_WEEK)
    child = os.fork()
    if child == 0:
        os._exit(0 if sum(row.value for row in events.report("series", **LAST_WEEK).rows) == 60 else 1)

    assert os.waitpid(child, 0)[1] == 0
    assert events.report("series", **LAST_WEEK).cached_seconds is not None


def test_an_answer_from_the_cache_takes_a_millisecond(events, record_property, cache_url):
    reports = events._parts.reports
    given = {"since": TODAY - 6 * DAY, "until": TODAY, "interval": "hour"}
    reports.answer("series", given)
    costs = []
    for _ in range(300):
        begin = time.perf_counter()
        answer = reports.answer("series", given)
        costs.append(time.perf_counter() - begin)

    cost, undisturbed = median(costs), min(costs)
    where = f"{events.settings.url.partition(':')[0]}, {cache_url.partition(':')[0]}"
    record_property("note", f"an answer of {len(answer.rows)} rows from the cache ({where}): {cost * 1e3:.2f} ms")
    assert answer.cached_seconds is not None
    assert undisturbed < SLOWEST_FROM_CACHE_SECONDS


class TestOnOneRedis:
    """What processes have in common there, and what they have not."""

    @pytest.fixture
    def cache_url(self, redis_url):
        return redis_url

    def test_processes_share_answers(self, events, open_log):
        first = events.report("series", **LAST_WEEK)

        second = open_log().report("series", **LAST_WEEK)

        assert second.cached_seconds is not None
        assert second.rows == first.rows

    def test_databases_do_not(self, events, redis_url, tmp_path):
        events.report("series", **LAST_WEEK)

        with EventLog(f"sqlite:///{tmp_path / 'other.db'}", cache_url=redis_url) as other:
            assert sum(row.value for row in other.report("series", **LAST_WEEK).rows) == 0

    @pytest.mark.usefixtures("events")
    def test_a_redis_that_is_absent_costs_no_answer(self, open_log):
        absent = open_log(cache_url="redis://127.0.0.1:1/0")

        assert [sum(row.value for row in absent.report("series", **LAST_WEEK).rows) for _ in range(3)] == [60] * 3


class TestAReplica:
    """Reports come from there, and say how old they are."""

    @pytest.fixture
    def primary_url(self, mysql_url, initialise):
        initialise(mysql_url)
        with EventLog(mysql_url) as events:
            events.log_many(NewEvent("order.paid", at=TODAY - DAY / 2) for _ in range(10))
            events.report("series", **LAST_WEEK)
        return mysql_url

    def total(self, answer):
        return sum(row.value for row in answer.rows)

    def test_reports_are_read_from_it_and_are_as_old_as_its_heartbeat(
        self, primary_url, replica_url_of, mariadb_replica, catch_up
    ):
        with EventLog(primary_url, replica_url=replica_url_of(primary_url)) as events:
            before = events.report("series", **LAST_WEEK)
            with mariadb_replica.cursor() as cursor:
                cursor.execute("STOP SLAVE SQL_THREAD")
            events.log("order.paid", at=TODAY - DAY / 2)
            behind = events.report("series", **LAST_WEEK)
            with mariadb_replica.cursor() as cursor:
                cursor.execute("START SLAVE SQL_THREAD")
            catch_up()
            after = events.report("series", **LAST_WEEK)

        assert [self.total(answer) for answer in (before, behind, after)] == [10, 10, 11]
        assert before.as_of == behind.as_of < after.as_of

    def test_one_that_is_away_is_said_or_the_primary_is_read(self, primary_url):
        away = {"replica_url": "mysql+pymysql://app@127.0.0.1:1/shop"}

        with EventLog(primary_url, **away) as events, EventLog(primary_url, **away, replica_fallback=True) as falling:
            with pytest.raises(StoreUnavailable):
                events.report("series", **LAST_WEEK)
            assert self.total(falling.report("series", **LAST_WEEK)) == 10

    def test_one_that_was_killed_leaves_its_answers_with_their_age(self, primary_url, own_mariadb, initialise):
        replica = own_mariadb(durable=False)
        name = primary_url.rpartition("/")[2].partition("?")[0]
        copied = replica.create_database(name)
        self.fill(copied, initialise)
        with EventLog(primary_url, replica_url=copied) as events:
            seen = events.report("series", **LAST_WEEK)
            replica.kill()
            old = events.report("series", **LAST_WEEK)

            with pytest.raises(StoreUnavailable):
                events.report("series", since=TODAY - 2 * DAY, until=TODAY)
        assert (old.rows, old.as_of) == (seen.rows, seen.as_of)
        assert old.cached_seconds is not None

    def fill(self, url, initialise):
        """Make a server that can be killed look like a replica."""
        initialise(url)
        with EventLog(url) as events:
            events.log("order.paid", at=TODAY - DAY / 2)
            events.report("series", **LAST_WEEK)
