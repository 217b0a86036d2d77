"""The report `retention` against plain sets, in zones whose clocks change, and across the edges of buckets."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from picoevent import EventLog, InvalidQuery, NewEvent, Settings
from picoevent.fold.worker import Folder
from picoevent.report.retention import RETENTION
from picoevent.store import open_store
from picoevent.store.base import Purpose

from .desks import BEGIN, ask

DAY = timedelta(days=1)
offsets = st.one_of(st.integers(0, 40 * 1440 - 1), st.integers(0, 40).map(lambda day: day * 1440))
"""Minutes from 1 March 2024, UTC."""
logged = st.lists(
    st.tuples(offsets, st.sampled_from((1, 2, 3, 4, "ann", None)), st.sampled_from(("sign_up", "view"))), max_size=40
)


def interval_of(moment, interval, zone):
    """Return the day that an interval of a zone begins with."""
    day = moment.astimezone(ZoneInfo(zone)).date()
    if interval == "week":
        return day - timedelta(days=day.weekday())
    return day.replace(day=1) if interval == "month" else day


def expected(moments, interval, zone, start):
    """Return (users, returned) by interval with a cohort, the figures by the interval in which they returned."""
    first, active = {}, {}
    for moment, user, kind in sorted(moments, key=lambda row: row[0]):
        here = interval_of(moment, interval, zone)
        active.setdefault(here, set()).add(user)
        if start in (None, kind):
            first.setdefault(user, here)
    cohorts = {}
    for user, here in first.items():
        cohorts.setdefault(here, set()).add(user)
    return {
        here: (
            len(users),
            {later: len(users & active[later]) for later in active if later > here and users & active[later]},
        )
        for here, users in cohorts.items()
    }


def shown(answer, interval, zone):
    """Return the rows in the form of `expected`."""
    starts = [interval_of(row.start + timedelta(hours=1), interval, zone) for row in answer.rows]
    return {
        starts[place]: (
            row.users,
            {starts[place + later]: count for later, count in enumerate(row.returned, start=1) if count},
        )
        for place, row in enumerate(answer.rows)
        if row.users
    }


@pytest.fixture(scope="module", params=["UTC", "America/New_York"])
def reporting_zone(request):
    return request.param


@pytest.fixture
def world(store_url, reporting_zone):
    """Events of March 2024 in a database of a zone, and what they are; folded as at 11 April."""
    store = open_store(store_url, Settings(url=store_url, timezone=reporting_zone), Purpose.ADMIN)
    store.init()
    store.close()
    now = BEGIN + 41 * DAY
    folder = Folder(Settings(url=store_url), clock=lambda _: int(now.timestamp() * 1000))
    with EventLog(store_url, strict=True) as events:
        yield store_url, events, folder, now
    folder.close()


@settings(max_examples=4, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(drawn=logged)
def test_cohorts_are_those_of_the_first_event(world, drawn):
    """Events come in addition each time, so that some are late: nobody has rebuilt anything."""
    url, events, folder, now = world
    events.log_many(NewEvent(kind, None, user, at=BEGIN + timedelta(minutes=at)) for at, user, kind in drawn)
    folder.fold_all()
    folder.keep_up()
    stored = [
        (event.time, event.user_id, event.event_type) for event in events.iter_events() if event.user_id is not None
    ]

    for interval, zone, start in (
        ("day", "UTC", None),
        ("week", "America/New_York", "sign_up"),
        ("month", "Asia/Kathmandu", None),
        (None, "UTC", "sign_up"),
    ):
        since, until = BEGIN + timedelta(days=2, minutes=7), now
        own = [row for row in stored if row[0] >= since]
        given = {} if start is None else {"start": start}
        answer = ask(url, RETENTION, now=now, since=since, until=until, interval=interval, zone=zone, **given)

        assert answer.zone == zone
        assert shown(answer, interval or "week", zone) == expected(own, interval or "week", zone, start)


def test_rates_are_parts_of_the_cohort_and_totals_of_all_that_got_so_far(world):
    url, events, folder, now = world
    days = {1: (10, 11, 12), 2: (10, 12), 3: (11, 12), 4: (10,)}
    events.log_many(NewEvent("a", user_id=user, at=BEGIN + day * DAY + DAY / 2) for user in days for day in days[user])
    folder.fold_all()

    begin = BEGIN + 10 * DAY
    answer = ask(url, RETENTION, now=now, since=begin, until=begin + 3 * DAY, interval="day")

    assert [(row.users, row.returned) for row in answer.rows] == [(3, (1, 2)), (1, (1,)), (0, ())]
    assert [row.rates for row in answer.rows] == [(0.333333, 0.666667), (1.0,), ()]
    assert answer.totals == {"users": 4, "rates": [0.5, 0.666667]}


def test_too_many_cohorts_are_refused(world):
    url, _, _, now = world

    with pytest.raises(InvalidQuery, match="cohorts are too many"):
        ask(url, RETENTION, now=now, since=datetime(2023, 6, 1, tzinfo=BEGIN.tzinfo), interval="day")
