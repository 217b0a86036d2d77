"""What was logged before somebody declared it is filled in exactly, whatever is logged and folded meanwhile."""

from __future__ import annotations

import random
from collections import defaultdict

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text, update

from picoevent.fold.declaring import declare
from picoevent.fold.filling import Filler
from picoevent.rollup.tiers import DAY_SECONDS
from picoevent.store.rollup_tables import fold_state

from .declared import count_cells, declared, read_cells, read_distinct, read_index
from .test_moving_dimensions import PATHS, SESSIONS, STEPS, WISHES, DeclaredWorld, ranges

PARTS = ({"dimensions": ["path"]}, {"distinct": ["session"]}, {"measures": ["amount"], "searchable": ["path"]})
"""What `WISHES` has, and an index, one after the other."""


def check_index(world):
    """Compare the index of values with what was logged."""
    expected = defaultdict(int)
    for _, _, data in world.known:
        if "path" in data:
            expected[data["path"]] += 1
    assert {value: len(found) for value, found in read_index(world.folder.store, "path").items()} == expected


@given(STEPS, st.permutations(PARTS), st.lists(st.integers(0, 4), min_size=3, max_size=3), st.integers(0, 400))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_is_declared_when_all_of_it_is_exact_in_the_end(tmp_path_factory, steps, parts, when, first):
    world = DeclaredWorld(f"sqlite:///{tmp_path_factory.mktemp('world') / 'w.db'}", "Europe/Berlin")
    for place, (seconds, logged) in enumerate(steps):
        for part, declared_at in zip(parts, when, strict=True):
            if declared_at == place:
                declare(world.folder.store, "visit", part)
        world.step(seconds, logged)
    for part in parts:
        declare(world.folder.store, "visit", part)
    world.step(3600, [])

    for since, until in ranges(world, first, 100):
        world.check(since, until)
    check_index(world)
    world.close()


@pytest.fixture(params=["sqlite", "mysql"])
def world(request, monkeypatch):
    """A world in Kathmandu that fills in three events or so a turn."""
    monkeypatch.setattr("picoevent.fold.filling.EVENTS_AT_ONCE", 3)
    world = DeclaredWorld(request.getfixturevalue(f"{request.param}_url"), "Asia/Kathmandu")
    yield world
    world.close()


def some_events(rng, count, span=100 * DAY_SECONDS):
    """Return events of any time within a span before now."""
    return [
        (-rng.randrange(span), rng.randrange(9), rng.choice(PATHS), rng.choice(SESSIONS), rng.randrange(99))
        for _ in range(count)
    ]


def fill_once(world):
    """Fill in what one turn does; return whether there may be more."""
    rounds = world.folder._rounds
    with world.folder.turns.leading() as turn:
        more = Filler(rounds.dimensions, rounds.numbers).fill_some(turn)
    rounds.keep()
    return more


def test_events_that_come_between_two_turns_are_counted_once(world):
    rng = random.Random(7)
    world.step(0, some_events(rng, 60))
    declare(world.folder.store, "visit", {**WISHES, "searchable": ["path"]})

    turns = 0
    while fill_once(world):
        turns += 1
        world.log(rng.randrange(40), some_events(rng, 2))
        if turns % 2:
            world.folder.fold_all()
    world.step(3600, [])

    assert turns >= 20
    (days, _, _) = ranges(world, 0, 100)
    world.check(*days)
    check_index(world)


def test_a_range_is_whole_from_where_it_was_filled_in_to(world):
    rng = random.Random(11)
    world.step(0, some_events(rng, 40))
    declare(world.folder.store, "visit", {"dimensions": ["path"]})
    for _ in range(5):
        fill_once(world)

    with world.folder.store.transaction() as connection:
        filled_from = declared(connection, "visit").dimensions[0].filled_from
    days = [day for day in world.calendar.buckets(3, filled_from + DAY_SECONDS, world.now) if day >= filled_from]
    known = world.within(days[0], world.now + DAY_SECONDS)
    found = read_cells(world.folder.store, world.calendar, days[0], world.now + DAY_SECONDS, "visit", "path")
    assert known
    assert found == count_cells(known, lambda data: data.get("path"))


def test_more_events_in_one_second_than_a_turn_takes_are_filled_in_at_once(world):
    world.step(0, [(-50, number, "/a", "x", 1) for number in range(20)])
    declare(world.folder.store, "visit", WISHES)

    world.step(1, [])

    world.check(world.begin - DAY_SECONDS, world.begin + DAY_SECONDS)


def test_a_turn_that_holds_up_the_fold_for_too_long_is_followed_by_shorter_ones(world, monkeypatch):
    for name, value in (("EVENTS_AT_ONCE", 24), ("LEAST_AT_ONCE", 1), ("TURN_SECONDS", 0)):
        monkeypatch.setattr(f"picoevent.fold.filling.{name}", value)
    world.step(0, [(-number, number, "/a", "x", 1) for number in range(20)])
    declare(world.folder.store, "visit", WISHES)
    rounds = world.folder._rounds
    filler = Filler(rounds.dimensions, rounds.numbers)
    filled = []
    for _ in range(5):
        with world.folder.turns.leading() as turn:
            filled.append(filler.fill(turn).events)
        filler.keep()

    assert filled == [8, 4, 2, 1, 1]


def test_what_still_waits_to_be_folded_is_left_to_the_fold(world):
    world.step(0, [(-60, 1, "/a", "x", 1)])
    world.log(1, [(-120, 2, "/b", "y", 2), (0, 3, "/c", "z", 3)])
    declare(world.folder.store, "visit", WISHES)
    world.log(1, [(-180, 4, "/a", "x", 4), (0, 5, "/b", "y", 5)])

    while fill_once(world):
        pass
    world.step(1, [])

    world.check(world.begin - DAY_SECONDS, world.begin + DAY_SECONDS)


def test_distinct_values_of_another_type_are_filled_in_for_any_type(world):
    world.step(0, [(-60, 1, "/a", "x", 1), (-40 * DAY_SECONDS, 1, "/a", "y", 1)])
    declare(world.folder.store, "visit", {"distinct": ["session"]})
    world.step(1, [])

    month = world.calendar.bucket(4, world.begin - 40 * DAY_SECONDS)
    found = read_distinct(world.folder.store, world.calendar, month, world.begin + DAY_SECONDS, "session")
    assert found == {"x", "y"}


def test_filling_in_ends_where_raw_rows_were_dropped(world):
    world.step(0, some_events(random.Random(3), 30, span=10 * DAY_SECONDS))
    horizon = world.begin - 5 * DAY_SECONDS
    with world.folder.store.transaction() as connection:
        connection.execute(update(fold_state).values(raw_from=horizon))
    declare(world.folder.store, "visit", WISHES)
    world.step(1, [])

    with world.folder.store.transaction() as connection:
        moments = {one.filled_from for one in declared(connection, "visit").dimensions}
    assert moments == {horizon}
    world.check(horizon, world.begin + DAY_SECONDS)


def test_a_batch_that_cannot_be_read_delays_filling_in(world):
    world.step(0, [(-60, 1, "/a", "x", 1)])
    declare(world.folder.store, "visit", WISHES)
    with world.folder.store.transaction() as connection:
        connection.execute(text("INSERT INTO pending (events, packed) VALUES (1, X'00')"))
    assert not fill_once(world)
    with world.folder.store.transaction() as connection:
        connection.execute(text("DELETE FROM pending"))

    world.step(1, [])

    world.check(world.begin - DAY_SECONDS, world.begin + DAY_SECONDS)
