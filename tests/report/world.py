"""An installation of one zone whose clock stands where it is put, and plain Python that counts the same events."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

from picoevent import EventLog, NewEvent, Settings
from picoevent.fold.declaring import declare
from picoevent.fold.worker import Folder
from picoevent.read.names import NameDirectory
from picoevent.report.desk import Reports
from picoevent.store import open_store
from picoevent.store.base import Purpose
from picoevent.store.installation import InstallationKey

DAY_MS = 86_400_000
ODD_DAYS = {
    "UTC": (2026, 2, 28),
    "Europe/Berlin": (2026, 3, 29),
    "America/New_York": (2025, 11, 2),
    "Asia/Kathmandu": (2026, 1, 31),
    "Asia/Kolkata": (2024, 2, 29),
    "Australia/Lord_Howe": (2026, 4, 5),
}
"""A day in each zone on which clocks change, a month ends, or it is 29 February."""
TYPES, SOURCES = ("order.paid", "page.view", "signup"), ("shop", "blog")
DECLARING = ("order.paid", "page.view")
WISHES = {
    "dimensions": ["plan", "path"],
    "pairs": [("plan", "path")],
    "distinct": ["path"],
    "searchable": ["path"],
    "measures": ["amount"],
}
NEEDED = {
    "top_values": {"of": "plan"},
    "breakdown": {"by": "plan"},
    "user_timeline": {"user": "ann"},
    "history": {"dimension": "path", "value": "/1"},
    "funnel": {"steps": "page.view > order.paid"},
}
"""What reports can't do without."""
USERS = (None, 1, 2, 3, 2**31 + 5, "ann", "bob", "cem")


@dataclass(frozen=True)
class Known:
    """An event as the oracle knows it."""

    ms: int
    event_type: str
    source: str
    user: int | str | None
    data: dict

    @property
    def time(self):
        return datetime.fromtimestamp(self.ms // 1000, UTC) + timedelta(milliseconds=self.ms % 1000)


EVENTS = st.lists(
    st.tuples(
        st.one_of(st.integers(-100 * DAY_MS, 0), st.integers(-2 * DAY_MS, 0), st.integers(-7200_000, 0)),
        st.sampled_from(TYPES),
        st.sampled_from(SOURCES),
        st.sampled_from(USERS),
        st.integers(-5, 5),
    ),
    max_size=25,
)
"""Events as (milliseconds from now, type, source, user, number)."""
STEPS = st.lists(st.tuples(st.integers(0, 40 * 3600), EVENTS), min_size=1, max_size=4)
"""Each step: seconds that pass, and the events that are logged then; most of them are late."""


class World:
    """Logs, folds and asks, by a clock of its own."""

    def __init__(self, url, zone="UTC", *, begin=None, **overrides):
        self.zone = ZoneInfo(zone)
        settings = Settings(url=url, timezone=zone)
        with closing(open_store(url, settings, Purpose.ADMIN)) as store:
            store.init()
        begin = begin or datetime(*ODD_DAYS[zone], 2, 7, 30, tzinfo=self.zone)
        self.now_ms = int(begin.timestamp()) * 1000 + 250
        # Long enough for a machine that runs other tests meanwhile.
        self.events = EventLog(Settings(url=url), strict=True, deadline_ms=30_000)
        self.folder = Folder(Settings(url=url, **overrides), clock=lambda _connection: self.now_ms)
        self.store = open_store(url, Settings(url=url), Purpose.READ)
        self.reports = Reports(
            self.store, NameDirectory(), InstallationKey(), Settings(url=url, **overrides), clock_ms=lambda: self.now_ms
        )
        for name in DECLARING:
            self.declare(name, **WISHES)
        self.known = []

    @property
    def now(self):
        """The time of this world."""
        return datetime.fromtimestamp(self.now_ms // 1000, UTC) + timedelta(milliseconds=self.now_ms % 1000)

    def declare(self, event_type, **wishes):
        """Declare what is counted of an event type."""
        declare(self.folder.store, event_type, wishes)

    def log(self, *events, seconds=0, keep_up=True):
        """Let time pass, log events as (milliseconds from now, type, source, user, number), and count them.

        Without `keep_up` nothing is closed, and nothing filled in that was declared later.
        """
        self.now_ms += seconds * 1000
        new = [
            Known(self.now_ms + offset, name, source, user, _data(number))
            for offset, name, source, user, number in events
        ]
        self.events.log_many(
            [NewEvent(event.event_type, event.data, event.user, event.source, event.time) for event in new]
        )
        self.known += new
        self.folder.fold_all()
        if keep_up:
            self.folder.keep_up()

    def ask(self, name, **arguments):
        """Return the answer of a report."""
        return self.reports.answer(name, arguments)

    def within(self, answer, types=None, sources=None):
        """Return the events in the range that an answer says it covers."""
        since, until = (int(moment.timestamp() * 1000 + 0.5) for moment in (answer.since, answer.until))
        return [
            event
            for event in self.known
            if since <= event.ms < until
            and (types is None or event.event_type in types)
            and (sources is None or event.source in sources)
        ]

    def close(self):
        """Close all."""
        self.events.close()
        self.folder.close()
        self.store.close()


def _data(number):
    data = {"amount": number, "plan": f"plan {number % 3}", "path": f"/{abs(number)}"}
    return data if number else {}


def users_of(events):
    """Return how many users events have."""
    return len({event.user for event in events if event.user is not None})


def interval_key(moment, interval):
    """Return what all moments of an interval have in common, by the clock of their zone."""
    if interval == "month":
        return moment.year, moment.month
    if interval == "week":
        return moment.isocalendar()[:2]
    if interval == "day":
        return moment.date()
    if interval == "hour":
        return moment.date(), moment.hour, moment.utcoffset()
    return int(moment.timestamp()) // (900 if interval == "quarter" else 60)
