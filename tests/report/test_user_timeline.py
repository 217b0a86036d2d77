"""The report `user_timeline`: pages in the order of time, without a gap between them, and with the time in between."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given

from picoevent import EventLog, InvalidQuery, NewEvent
from picoevent.report.user_timeline import USER_TIMELINE

from .desks import BEGIN, ask
from .random_events import events as random_events
from .random_events import in_time, many_times, store_only


def read_all(url, limit, **arguments):
    """Return the rows of all pages."""
    rows, cursor = [], None
    while True:
        answer = ask(url, USER_TIMELINE, limit=limit, cursor=cursor, **arguments)
        rows += answer.rows
        cursor = answer.totals["next_cursor"]
        if cursor is None:
            return rows


@many_times
@given(drawn=random_events((0, 40)))
@pytest.mark.parametrize("user", [2, "ann"])
def test_pages_of_any_size_hold_each_event_once_newest_first(ready_url, events, user, drawn):
    store_only(events, drawn)
    expected = [str(event.event_id) for event in reversed(in_time(events.events(user_id=user, limit=100).events))]

    pages = {limit: read_all(ready_url, limit, user=user) for limit in (1, 3, 100)}

    assert {limit: [row.id for row in rows] for limit, rows in pages.items()} == dict.fromkeys(pages, expected)
    assert pages[1] == pages[3] == pages[100]


def test_events_of_one_second_are_in_the_order_of_time_whoever_wrote_them(ready_url):
    for milliseconds in (10, 700, 300):
        # Each writer has a tag of its own.
        with EventLog(ready_url) as another:
            another.log("click", {"ms": milliseconds}, user_id=7, at=BEGIN + timedelta(milliseconds=milliseconds))

    rows = read_all(ready_url, 2, user=7)

    assert [row.data["ms"] for row in rows] == [700, 300, 10]
    assert [row.gap_seconds for row in rows] == [0.4, 0.29, None]


def test_types_and_sources_narrow_it(ready_url, events):
    events.log_many([NewEvent(name, user_id=7, source=name, at=BEGIN) for name in ("a", "b", "c")])

    rows = ask(ready_url, USER_TIMELINE, user=7, event_types=("a", "b"), sources=("b", "c")).rows

    assert [(row.event_type, row.source, row.user_id) for row in rows] == [("b", "b", 7)]


def test_digits_are_a_number_and_in_quotes_a_text(ready_url, events):
    events.log_many([NewEvent("number", user_id=7, at=BEGIN), NewEvent("text", user_id="7", at=BEGIN)])

    found = [ask(ready_url, USER_TIMELINE, user=user).rows[0].event_type for user in (7, "7", '"7"')]

    assert found == ["number", "number", "text"]


def test_it_needs_a_user(ready_url, events):
    with pytest.raises(InvalidQuery, match="needs a user"):
        ask(ready_url, USER_TIMELINE)
