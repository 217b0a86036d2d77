"""The report `top_users` against plain counting, in several zones."""

from __future__ import annotations

from collections import Counter
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given

from picoevent.report.top_users import TOP_USERS

from .desks import ask
from .random_events import events as random_events
from .random_events import many_times, store_only


@many_times
@given(drawn=random_events())
@pytest.mark.parametrize("zone", ["UTC", "Asia/Kathmandu", "America/New_York"])
def test_users_are_counted_by_events_days_and_types(ready_url, events, zone, drawn):
    store_only(events, drawn)
    expected = {}
    for user in {event.user_id for event in drawn} - {None}:
        own = [event for event in drawn if event.user_id == user]
        days = {event.at.astimezone(ZoneInfo(zone)).date() for event in own}
        expected[user] = (len(own), len(days), Counter(event.event_type for event in own))

    answer = ask(ready_url, TOP_USERS, zone=zone)

    assert {row.user_id: (row.events, row.active_days, row.by_type) for row in answer.rows} == expected
    assert all(row.distinct_types == len(row.by_type) for row in answer.rows)
    counted = sum(events for events, _, _ in expected.values())
    assert answer.totals == {"users": len(expected), "events": counted}


@many_times
@given(drawn=random_events())
def test_the_first_ones_have_the_most_events(ready_url, events, drawn):
    store_only(events, drawn)
    counts = Counter(event.user_id for event in drawn if event.user_id is not None and event.event_type != "cart")

    answer = ask(ready_url, TOP_USERS, event_types=("view", "paid", "unknown"), limit=2)

    assert [row.events for row in answer.rows] == [events for _, events in counts.most_common(2)]


@many_times
@given(drawn=random_events())
def test_filters_look_into_payloads(ready_url, events, drawn):
    store_only(events, drawn)
    counts = Counter(event.user_id for event in drawn if event.user_id and "plan" not in event.data)

    answer = ask(ready_url, TOP_USERS, filters={"plan": ("(none)",)})

    assert {row.user_id: row.events for row in answer.rows} == counts
    assert answer.totals == {"users": len(counts), "events": counts.total()}
