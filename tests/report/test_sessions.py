"""The report `sessions` against an oracle on all events, whatever of the range the fold has closed."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from statistics import median
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from picoevent import EventLog, NewEvent, Settings
from picoevent.fold.rezone import change_zone
from picoevent.fold.worker import Folder
from picoevent.importing import import_files
from picoevent.report.sessions import SESSIONS
from picoevent.store import open_store
from picoevent.store.base import Purpose

from .desks import BEGIN, ask
from .real_log_lines import read_lines

HALF_HOUR = timedelta(minutes=30)
DAYS = 8
minutes = st.one_of(
    st.integers(0, DAYS * 24 * 60 - 1),
    st.integers(1, DAYS - 1).flatmap(lambda day: st.integers(day * 1440 - 40, day * 1440 + 40)),
)
logged = st.lists(
    st.tuples(minutes, st.sampled_from((1, 2, "ann", None)), st.sampled_from(("web", "app")), st.sampled_from("abc")),
    max_size=40,
)


def sessions_of(moments):
    """Return the lists of events, each (time, id, who, type), that are a session; in one moment, ids are the order."""
    found = []
    for who in {who for _, _, who, _ in moments} - {None}:
        own = sorted((at, event_id, kind) for at, event_id, owner, kind in moments if owner == who)
        for place, (at, _, kind) in enumerate(own):
            if not place or at - own[place - 1][0] > HALF_HOUR:
                found.append([])
            found[-1].append((at, kind))
    return found


def figures(sessions):
    """Return what the report says of these sessions."""
    lengths = [(session[-1][0] - session[0][0]).total_seconds() for session in sessions]
    return {
        "sessions": len(sessions),
        "events": sum(map(len, sessions)),
        "average_seconds": round(sum(lengths) / len(lengths), 3) if lengths else None,
        "median_seconds": median(map(int, lengths)) if lengths else None,
        "bounce_rate": round(sum(len(session) == 1 for session in sessions) / len(sessions), 6) if sessions else None,
        "entries": Counter(session[0][1] for session in sessions),
        "exits": Counter(session[-1][1] for session in sessions),
    }


def shown(totals):
    return {name: value for name, value in totals.items() if name != "events_per_session"}


def close(value):
    return {**value, "average_seconds": pytest.approx(value["average_seconds"], abs=0.002)}


class World:
    """An installation of one zone, whose clock stands where it is put."""

    def __init__(self, url, zone):
        store = open_store(url, Settings(url=url, timezone=zone), Purpose.ADMIN)
        store.init()
        store.close()
        self.url, self.now = url, BEGIN
        self.begin = datetime(2024, 3, 6, tzinfo=ZoneInfo(zone)).astimezone(UTC)
        self.events = EventLog(url, strict=True)
        self.folder = Folder(Settings(url=url), clock=lambda _connection: int(self.now.timestamp() * 1000))
        self.stored = []

    def log(self, drawn):
        """Store events of (minute, user, source, type)."""
        new = [(self.begin + timedelta(minutes=minute), *others) for minute, *others in drawn]
        ids = self.events.log_many([NewEvent(kind, None, user, source, at) for at, user, source, kind in new])
        self.stored += [(event_id, *event) for event_id, event in zip(ids, new, strict=True)]

    def fold(self, day):
        """Put the clock to a day, and fold and close what is due then."""
        self.now = max(self.now, self.begin + timedelta(days=day, hours=2))
        self.folder.fold_all()
        self.folder.keep_up()

    def close(self):
        self.folder.close()
        self.events.close()

    def check(self, source, since_day, until_day, **arguments):
        """Compare the report's totals with the oracle's."""
        since, until = (self.begin + timedelta(days=day) for day in (since_day, until_day))
        own = [(at, event_id, user, kind) for event_id, at, user, found, kind in self.stored if source in (None, found)]
        expected = figures([session for session in sessions_of(own) if since <= session[0][0] < until])
        sources = None if source is None else (source,)
        answer = ask(self.url, SESSIONS, now=self.now, since=since, until=until, sources=sources, **arguments)
        assert shown(answer.totals) == close(expected)
        assert sum(row.sessions for row in answer.rows) == expected["sessions"]
        return answer


@pytest.fixture
def world(store_url, request):
    world = World(store_url, getattr(request, "param", "UTC"))
    yield world
    world.close()


@pytest.fixture(params=["sqlite", "mysql"])
def new_url(request, tmp_path, mariadb):
    """`new_url()` is the URL of another empty database each time."""
    names = []

    def new_url():
        names.append(f"test_{uuid4().hex}")
        if request.param == "sqlite":
            return f"sqlite:///{tmp_path / names[-1]}.db"
        return mariadb.create_database(names[-1])

    yield new_url
    for name in names:
        mariadb.drop_database(name)


@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(before=logged, late=logged, zone=st.sampled_from(("UTC", "America/New_York", "Asia/Kathmandu")), data=st.data())
def test_closed_days_late_events_and_raw_rows_make_exact_figures(new_url, before, late, zone, data):
    """Clocks change in New York within the range."""
    world = World(new_url(), zone)
    try:
        for drawn, day in ((before, data.draw(st.integers(0, 12))), (late, data.draw(st.integers(0, 14)))):
            world.log(drawn)
            world.fold(day)
            since, until = sorted((data.draw(st.integers(0, DAYS - 1)), data.draw(st.integers(1, DAYS + 1))))
            for source in (None, "web"):
                world.check(
                    source, since, until + 1, interval=data.draw(st.sampled_from((None, "day", "week"))), limit=9
                )
    finally:
        world.close()


def test_days_that_are_closed_need_no_raw_rows(world):
    world.log([(day * 1440 + minute, 1, "web", "a") for day in range(5) for minute in (1, 20, 600)])
    world.fold(9)
    with world.events._parts.store.transaction() as connection:
        connection.exec_driver_sql("DELETE FROM event_log")

    answer = world.check("web", 0, 5)

    assert answer.origin == "rollup: day"
    assert answer.totals["sessions"] == 10


def test_the_rest_of_a_range_comes_from_raw_rows(world):
    world.log([(day * 1440 + 600, 1, "web", "a") for day in range(6)])
    world.fold(5)

    answer = world.check(None, 0, 6, interval="day")

    assert answer.origin == "rollup: day; raw rows for the other days"
    assert [row.complete for row in answer.rows] == [True] * 5 + [False]


def test_a_session_across_midnight_belongs_to_the_day_that_it_began_in(world):
    world.log([(1440 - 10, 1, "web", "a"), (1440 + 10, 1, "web", "b"), (1440 + 39, 1, "web", "c")])
    world.fold(9)

    answer = world.check(None, 0, 2, interval="day")

    assert [row.sessions for row in answer.rows] == [1, 0]
    assert (answer.totals["entries"], answer.totals["exits"]) == ({"a": 1}, {"c": 1})
    assert answer.origin == "rollup: day"


def test_a_late_event_that_joins_two_sessions_makes_its_days_stale_until_they_are_computed_again(world):
    world.log([(1440 - 20, 1, "web", "a"), (1440 + 20, 1, "web", "b")])
    world.fold(6)
    assert world.check(None, 0, 2).totals["sessions"] == 2
    world.log([(1440, 1, "app", "late")])
    world.folder.fold_all()

    stale = world.check(None, 0, 2)
    world.fold(6.1)
    mended = world.check(None, 0, 2)

    assert stale.origin == "raw rows"
    assert mended.origin == "rollup: day"
    assert stale.totals == mended.totals
    assert mended.totals["sessions"] == 1


def test_who_never_rests_is_followed_to_the_end_of_the_next_day(world):
    world.log([(minute, 1, "web", "a") for minute in range(0, 3 * 1440, 25)])
    world.fold(9)

    since, until = world.begin, world.begin + timedelta(days=3)
    answer = ask(world.url, SESSIONS, now=world.now, since=since, until=until)

    assert (answer.totals["sessions"], answer.totals["events"]) == (1, -(-2 * 1440 // 25))


def test_after_a_change_of_the_zone_sessions_are_walked_anew(world):
    world.log([(day * 1440 + minute, 1, "web", "a") for day in range(4) for minute in (1, 20, 1430)])
    world.fold(9)

    change_zone(world.folder.store, "Asia/Kathmandu", 200)
    world.fold(9.1)

    assert world.check("web", 0, 5, zone="Asia/Kathmandu", interval="day").origin.startswith("rollup: day")


def test_several_sources_have_their_own_sessions(world):
    world.log([(10, 1, "web", "a"), (20, 1, "app", "b")])
    since, until = world.begin, world.begin + timedelta(days=1)

    apart = ask(world.url, SESSIONS, now=world.now, since=since, until=until, sources=("web", "app", "unknown"))
    together = ask(world.url, SESSIONS, now=world.now, since=since, until=until)

    assert (apart.totals["sessions"], together.totals["sessions"]) == (2, 1)
    assert (apart.totals["bounce_rate"], together.totals["events_per_session"]) == (1.0, 2.0)


def test_the_sessions_of_a_real_log_by_address_are_those_of_its_lines(events, ready_url, real_log):
    import_files(events, [real_log])
    since, until = datetime(2015, 5, 18, tzinfo=UTC), datetime(2015, 5, 20, 12, tzinfo=UTC)
    moments = [(line.at, place, line.ip, "http.request") for place, line in enumerate(read_lines(real_log))]
    expected = figures([one for one in sessions_of(moments) if since <= one[0][0] < until])

    answer = ask(ready_url, SESSIONS, since=since, until=until, by="ip")

    assert shown(answer.totals) == close(expected)
    assert ask(ready_url, SESSIONS, since=since, until=until).totals["sessions"] == 0, "no line has a user"
