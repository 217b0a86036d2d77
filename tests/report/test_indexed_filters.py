"""Filters find the same events by the index of values as in payloads, and the index only where it has all of them."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from picoevent import NewEvent
from picoevent.fold.declaring import declare
from picoevent.ids import unix_ms
from picoevent.report.frame import Arguments
from picoevent.report.indexed import find_indexed
from picoevent.report.raw import chosen_rows, raw_rows, walk_of

from .world import World

PLANS = ("team", "solo", 7, None)
FILTERS = ({"plan": ("team",)}, {"plan": ("7", "solo")}, {"plan": ("(none)", "team")}, {"plan": ("never",)})


@pytest.fixture
def world(store_url):
    world = World(store_url)
    for name in ("order.paid", "order.sent"):
        declare(world.folder.store, name, {"dimensions": ["plan"], "searchable": ["plan"]})
    yield world
    world.close()


def asked(world, types, filters, since=None):
    """Return the ids of the events that pass, and how many walks along the index found them."""
    since_ms = unix_ms(since or world.now - timedelta(days=1))
    arguments = Arguments(since_ms, world.now_ms + 1, types, None, filters=filters)
    with world.reports.desk() as desk:
        walk = walk_of(desk, arguments)
        indexed = find_indexed(desk, walk, filters)
        with raw_rows(desk, "test", walk) as reader:
            found = [row[0] for rows in chosen_rows(desk, reader, walk, filters, ("event_id",)) for row in rows]
    return sorted(found), None if indexed is None else len(indexed)


def log(world, drawn):
    world.events.log_many(
        NewEvent(name, {} if plan is None else {"plan": plan}, user, at=world.now - timedelta(milliseconds=ms))
        for ms, name, plan, user in drawn
    )
    world.folder.fold_all()


@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    drawn=st.lists(
        st.tuples(
            st.integers(0, 90_000),
            st.sampled_from(("order.paid", "order.sent")),
            st.sampled_from(PLANS),
            st.sampled_from((1, None)),
        ),
        max_size=40,
    ),
    seconds=st.integers(1, 100),
)
def test_the_index_finds_what_payloads_hold(world, drawn, seconds):
    log(world, drawn)
    stored = list(world.events.iter_events(since=(since := world.now - timedelta(seconds=seconds, milliseconds=7))))

    for filters in FILTERS:
        for types in (("order.paid",), ("order.paid", "order.sent")):
            found, _ = asked(world, types, filters, since)

            passing = [one for one in stored if str(one.data.get("plan", "(none)")) in filters["plan"]]
            assert found == sorted(one.event_id for one in passing if one.event_type in types)


def test_the_index_is_walked_once_for_each_value_that_there_is(world):
    log(world, [(0, "order.paid", plan, 1) for plan in PLANS])

    assert asked(world, ("order.paid", "order.sent"), {"plan": ("team", "7", "never")})[1] == 2


@pytest.mark.parametrize(
    ("types", "filters"),
    [
        (("order.paid",), {"plan": ("(none)", "team")}),
        (("order.paid",), {"plan": ("team",), "path": ("/",)}),
        (("order.paid", "signup"), {"plan": ("team",)}),
        (None, {"plan": ("team",)}),
    ],
)
def test_what_the_index_cannot_answer_is_read_from_payloads(world, types, filters):
    log(world, [(0, name, "team", 1) for name in ("order.paid", "signup")])

    assert asked(world, types, filters)[1] is None


def test_an_index_that_begins_later_or_is_old_is_not_used(world):
    log(world, [(0, "page.view", "team", 1)])
    world.now_ms += 2000
    declare(world.folder.store, "page.view", {"dimensions": ["plan"], "searchable": ["plan"]})
    log(world, [(0, "page.view", "team", 1)])

    assert asked(world, ("page.view",), {"plan": ("team",)})[1] is None
    assert asked(world, ("order.paid",), {"plan": ("team",)})[1] == 1
    world.now_ms += 11_000
    assert asked(world, ("order.paid",), {"plan": ("team",)})[1] is None
