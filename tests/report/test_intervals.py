"""The report `intervals` against a plain walk over all events."""

from __future__ import annotations

from collections import defaultdict
from datetime import timedelta
from itertools import pairwise
from statistics import median

from hypothesis import given

from picoevent import NewEvent
from picoevent.report.gaps import INTERVALS

from .desks import BEGIN, ask
from .random_events import events as random_events
from .random_events import many_times, store_only


def between(moments):
    """Return the number of moments, and the average and the median of the seconds between them."""
    gaps = [(later - earlier) // timedelta(milliseconds=1) for earlier, later in pairwise(sorted(moments))]
    if not gaps:
        return len(moments), None, None
    return len(moments), round(sum(gaps) / len(gaps) / 1000, 3), round(median(gaps) / 1000, 3)


@many_times
@given(drawn=random_events())
def test_each_type_has_the_time_between_its_events(ready_url, events, drawn):
    store_only(events, drawn)
    moments = defaultdict(list)
    for event in drawn:
        moments[event.event_type].append(event.at)

    answer = ask(ready_url, INTERVALS)

    found = {row.event_type: (row.events, row.average_seconds, row.median_seconds) for row in answer.rows}
    assert found == {name: between(times) for name, times in moments.items()}
    assert [row.events for row in answer.rows] == sorted((row.events for row in answer.rows), reverse=True)


@many_times
@given(drawn=random_events())
def test_of_one_user_only_their_events_count(ready_url, events, drawn):
    store_only(events, drawn)

    answer = ask(ready_url, INTERVALS, user="ann", sources=("web",))

    own = [event.at for event in drawn if event.user_id == "ann" and event.source == "web"]
    assert tuple(answer.totals.values()) == between(own)


@many_times
@given(drawn=random_events())
def test_filters_look_into_payloads(ready_url, events, drawn):
    store_only(events, drawn)

    answer = ask(ready_url, INTERVALS, filters={"plan": ("7", "a")})

    assert answer.totals["events"] == sum(event.data.get("plan") in (7, "a") for event in drawn)


def test_shortest_and_longest_are_those_between_neighbours(ready_url, events):
    events.log_many([NewEvent("beat", at=BEGIN + timedelta(seconds=second)) for second in (0, 1, 5, 20)])

    (row,) = ask(ready_url, INTERVALS).rows

    assert (row.shortest_seconds, row.longest_seconds) == (1.0, 15.0)
