"""The report `funnel` against an oracle that tries every beginning of every user."""

from __future__ import annotations

from datetime import timedelta
from statistics import median

import pytest
from hypothesis import given
from hypothesis import strategies as st

from picoevent import InvalidQuery, NewEvent
from picoevent.ids import unix_ms
from picoevent.report.frame import Arguments
from picoevent.report.funnel import FUNNEL
from picoevent.report.raw import shortest, walk_of
from picoevent.report.steps import read_steps
from picoevent.store.packed_rows import RowReader

from .desks import BEGIN, END, ask, open_desk
from .random_events import events as random_events
from .random_events import in_time, many_times, store_only

STEPS = (
    "view > cart > paid",
    "view > view",
    "paid | cart > view > cart | paid > view",
    "view[plan=a|7] > cart > paid[plan=b]",
    "view > unknown > cart",
)


def furthest(own, steps, window):
    """Return the times of the try that got furthest, of a user's events in the order of time."""
    tries = []
    for place, event in enumerate(own):
        if not passes(event, steps[0]):
            continue
        reached = [event]
        for later in own[place + 1 :]:
            if len(reached) < len(steps) and passes(later, steps[len(reached)]):
                if later.time - event.time > window:
                    break
                reached.append(later)
        tries.append(reached)
    return max(tries, key=len, default=[])


def passes(event, step):
    values = {path: str(event.data.get(path, "(none)")) for path in step.filters}
    return event.event_type in step.event_types and all(values[path] in step.filters[path] for path in values)


def expected(stored, steps, window):
    """Return users and median seconds from the step before, for each step."""
    users = {event.user_id for event in stored} - {None}
    tries = [furthest([event for event in stored if event.user_id == user], steps, window) for user in users]
    rows = []
    for place in range(len(steps)):
        here = [reached for reached in tries if len(reached) > place]
        took = [(reached[place].time - reached[place - 1].time).total_seconds() for reached in here if place]
        rows.append((len(here), round(median(took), 3) if took else None))
    return rows


@many_times
@given(drawn=random_events(), hours=st.sampled_from((1, 30, 24 * 14)))
@pytest.mark.parametrize("steps", STEPS)
def test_steps_are_those_of_the_try_that_got_furthest(ready_url, events, steps, drawn, hours):
    store_only(events, drawn)
    stored = in_time(events.iter_events())

    answer = ask(ready_url, FUNNEL, steps=steps, window=hours * 3600)

    found = [(row.users, row.median_seconds) for row in answer.rows]
    wanted = expected(stored, read_steps(steps), timedelta(hours=hours))
    assert [users for users, _ in found] == [users for users, _ in wanted]
    assert [took for _, took in found] == pytest.approx([took for _, took in wanted], abs=0.002)


def test_conversion_is_from_the_step_before_and_from_the_first(ready_url, events):
    journeys = {1: "abc", 2: "ab", 3: "ab", 4: "a", 5: "ba"}
    events.log_many(
        NewEvent(name, user_id=user, at=BEGIN + timedelta(minutes=minute))
        for user, names in journeys.items()
        for minute, name in enumerate(names)
    )

    rows = ask(ready_url, FUNNEL, steps=["a", "b", {"types": ["c"]}], window="2m").rows

    assert [(row.name, row.users) for row in rows] == [("a", 5), ("b", 3), ("c", 1)]
    assert [row.conversion for row in rows] == [1.0, 0.6, pytest.approx(1 / 3, abs=1e-6)]
    assert [row.conversion_from_first for row in rows] == [1.0, 0.6, 0.2]
    assert [row.median_seconds_from_first for row in rows] == [None, 60.0, 120.0]


def test_the_end_of_the_window_counts_and_a_millisecond_later_does_not(ready_url, events):
    for user, late in ((1, 0), (2, 1)):
        events.log("a", user_id=user, at=BEGIN)
        events.log("b", user_id=user, at=BEGIN + timedelta(hours=1, milliseconds=late))

    answer = ask(ready_url, FUNNEL, steps="a > b", window="1h")

    assert [row.users for row in answer.rows] == [2, 1]
    assert answer.totals == {"users": 2, "completed": 1, "conversion": 0.5, "window_seconds": 3600}


def test_a_frequent_type_is_read_along_the_primary_key_and_a_rare_one_along_its_own(ready_url, events):
    events.log_many(NewEvent("rare" if number == 7 else "frequent", user_id=number, at=BEGIN) for number in range(20))
    events.report("top_types")

    with open_desk(ready_url) as desk:
        asked = Arguments(unix_ms(BEGIN), unix_ms(END))
        walks = [shortest(desk, walk_of(desk, asked, [name])) for name in ("frequent", "rare")]
        found = [[len(rows) for rows in RowReader(desk.connection, None).narrow(walk, ["event_id"])] for walk in walks]

    assert [walk.index for walk in walks] == ["PRIMARY", "event_type_id"]
    assert found == [[19], [1]]


@pytest.mark.parametrize(
    "steps", [None, "a", "a > > b", "a > [x=1]", "a > b[x]", ["a", {"filters": {}}], "a>" * 10 + "a"]
)
def test_steps_that_cannot_be_read_are_refused_with_an_example(ready_url, steps):
    with pytest.raises(InvalidQuery):
        ask(ready_url, FUNNEL, steps=steps)
