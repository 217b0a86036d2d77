"""The report `history`: everything about one object, page by page, whatever event types tell of it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from picoevent import InvalidQuery, NewEvent
from picoevent.fold.declaring import declare

from .world import World

PLANS = ("team", "solo", 7)


@pytest.fixture
def world(store_url):
    world = World(store_url)
    for name in ("order.paid", "order.sent"):
        declare(world.folder.store, name, {"dimensions": ["order.plan"], "searchable": ["order.plan"]})
    yield world
    world.close()


def read_all(world, limit, **arguments):
    """Return the rows of all pages."""
    rows, cursor = [], None
    while True:
        more = {} if cursor is None else {"cursor": cursor}
        answer = world.ask("history", dimension="order.plan", limit=limit, **more, **arguments)
        rows += answer.rows
        cursor = answer.totals["next_cursor"]
        if cursor is None:
            return rows


@settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    drawn=st.lists(
        st.tuples(
            st.integers(0, 90_000), st.sampled_from(("order.paid", "order.sent", "else")), st.sampled_from(PLANS)
        ),
        max_size=30,
    )
)
def test_pages_of_any_size_hold_each_event_once_newest_first(world, drawn):
    world.events.log_many(
        NewEvent(name, {"order": {"plan": plan}}, at=world.now - timedelta(milliseconds=ms)) for ms, name, plan in drawn
    )
    world.folder.fold_all()
    stored = [event for event in world.events.iter_events() if event.event_type != "else"]

    for plan in PLANS:
        own = [event for event in stored if event.data["order"]["plan"] == plan]
        expected = sorted(own, key=lambda event: (event.time, event.event_id), reverse=True)
        for limit in (2, 100):
            rows = read_all(world, limit, value=plan)
            assert [row.id for row in rows] == [str(event.event_id) for event in expected]
            assert [(row.event_type, row.data) for row in rows] == [(one.event_type, one.data) for one in expected]


def test_types_sources_and_a_range_narrow_it(world):
    for hours, name, source in ((1, "order.paid", "web"), (2, "order.sent", "web"), (3, "order.paid", "app")):
        at = world.now - timedelta(hours=hours)
        world.events.log(name, {"order": {"plan": "team"}}, source=source, at=at)
    world.folder.fold_all()

    def found(**arguments):
        return [row.event_type for row in read_all(world, 10, value="team", **arguments)]

    assert found() == ["order.paid", "order.sent", "order.paid"]
    assert found(types=["order.paid"], sources=["app"]) == ["order.paid"]
    assert found(since=world.now - timedelta(hours=2.5), until=world.now - timedelta(hours=1.5)) == ["order.sent"]


def test_gaps_are_the_time_to_the_event_before(world):
    for seconds in (10, 4, 0):
        world.events.log("order.paid", {"order": {"plan": "x"}}, at=world.now - timedelta(seconds=seconds))
    world.folder.fold_all()

    assert [row.gap_seconds for row in read_all(world, 1, value="x")] == [4.0, 6.0, None]


def test_a_value_that_nothing_has_is_an_empty_page_and_an_unknown_dimension_an_error(world):
    assert read_all(world, 10, value="never") == []
    with pytest.raises(InvalidQuery, match=r"'plan' is no searchable dimension. Searchable are: order.plan"):
        world.ask("history", dimension="plan", value="x")
    with pytest.raises(InvalidQuery, match="dimension is missing"):
        world.ask("history", value="x")


def test_an_index_that_is_still_being_filled_is_told(world):
    world.events.log("late", {"order": {"plan": "team"}}, at=world.now)
    world.folder.fold_all()
    declare(world.folder.store, "late", {"dimensions": ["order.plan"], "searchable": ["order.plan"]})

    before = world.ask("history", dimension="order.plan", value="team")
    others = world.ask("history", dimension="order.plan", value="team", types=["order.paid"])
    world.folder.keep_up()
    after = world.ask("history", dimension="order.plan", value="team", limit=3)

    assert (len(before.rows), before.exact, others.exact) == (0, False, True)
    assert before.notes[0].endswith("are still being looked through: some may be missing.")
    assert (len(after.rows), after.exact, after.notes) == (1, True, ())


def test_a_value_longer_than_is_stored_is_found_by_all_of_it(world):
    world.events.log("order.paid", {"order": {"plan": "x" * 5_000}}, at=world.now)
    world.folder.fold_all()

    assert len(read_all(world, 10, value="x" * 5_000)) == 1
    assert read_all(world, 10, value="x" * 4_999) == []
