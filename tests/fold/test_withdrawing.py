"""What is withdrawn counts no more at once, leaves row by row, and can be declared anew; others lose nothing by it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from contextlib import suppress
from functools import partial

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from picoevent.errors import InvalidQuery
from picoevent.fold.declaring import declare
from picoevent.fold.upkeep import clear_withdrawn
from picoevent.fold.verify import Verifier
from picoevent.fold.withdrawing import withdraw
from picoevent.rollup.tiers import DAY_SECONDS

from .declared import declared, read_distinct, read_index
from .test_moving_dimensions import STEPS, WISHES, DeclaredWorld, ranges

ALL = {**WISHES, "searchable": ["path"], "pairs": [("path", "session")]}
EVENTS = [
    (-days * DAY_SECONDS - number, number, ("/a", "/b", None)[number % 3], "xyz"[number % 3], number)
    for number, days in enumerate((0, 0, 0, 1, 2, 3, 40, 95, 0, 3))
]
PARTS = (
    {"dimensions": ["path"]},
    {"dimensions": ["session"]},
    {"pairs": [("path", "session")]},
    {"measures": ["amount"]},
    {"searchable": ["path"]},
    {"distinct": ["session"]},
)
LEAVING = """
import sys
from picoevent import Settings
from picoevent.fold.upkeep import clear_withdrawn
from picoevent.fold.worker import Folder
from picoevent.fold import clearing
clearing.ROWS_AT_ONCE, clearing.CLEARING_SECONDS = 5, 0
folder = Folder(Settings(url=sys.argv[1]), clock=lambda _connection: int(sys.argv[2]))
for _ in range(3):
    folder._take(clear_withdrawn)
with folder.turns.leading() as turn:
    clear_withdrawn(turn, folder._rounds)
    print("within", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def few_at_once(monkeypatch):
    """Let a turn delete some rows only."""
    monkeypatch.setattr("picoevent.fold.clearing.ROWS_AT_ONCE", 5)
    monkeypatch.setattr("picoevent.fold.clearing.CLEARING_SECONDS", 0)


@pytest.fixture(params=["sqlite", "mysql"])
def world(request, few_at_once):
    """A world of three months in which two types declare the same, and all of it is counted."""
    world = DeclaredWorld(request.getfixturevalue(f"{request.param}_url"), "Europe/Berlin")
    declare(world.folder.store, "visit", ALL)
    declare(world.folder.store, "order", ALL)
    world.events.log("order", {"path": "/a", "session": "x", "amount": 7}, at=world.calendar.local(world.now))
    world.step(0, EVENTS)
    world.step(2 * DAY_SECONDS, [])
    yield world
    world.close()


def differences(world):
    return Verifier(world.folder.store).verify().differences


def number_of_rows(world, condition):
    """Return how many rows there are of visits, in all tables that hold what is declared."""
    with world.folder.store.transaction() as connection:
        type_id = declared(connection, "visit").event_type_id
        tables = ("rollup_dimension", "rollup_value_users", "rollup_users", "rollup_measure")
        mine = f"event_type_id = {type_id} AND"
        counts = [f"(SELECT COUNT(*) FROM {table} WHERE {mine} {condition(table)})" for table in tables]
        return connection.execute(text(f"SELECT {' + '.join(counts)}")).scalar()


def of_number(what, table):
    """Return the condition for the rows of a dimension, or measure, by its path."""
    kind = "measure" if table == "rollup_measure" else "dimension"
    return f"{kind}_id IN (SELECT {kind}_id FROM {kind} WHERE path = '{what}')"


@pytest.mark.parametrize("part", PARTS, ids=lambda part: "-".join(map(str, *part.items())))
def test_verify_agrees_behind_each_turn_until_the_last_row_has_left(world, part):
    withdraw(world.folder.store, "visit", part)

    turns = 0
    while world.folder._take(clear_withdrawn):
        turns += 1
        assert differences(world) == []
        world.step(600, [])

    assert turns >= 1
    assert differences(world) == []


@pytest.mark.parametrize("path", ["path", "session", "amount"])
def test_no_row_is_left_of_what_was_withdrawn(world, path):
    if path == "amount":
        withdraw(world.folder.store, "visit", {"measures": [path]})
    else:
        withdraw(world.folder.store, "visit", {"dimensions": [path], "pairs": [("path", "session")]})

    world.folder.keep_up()

    assert number_of_rows(world, partial(of_number, path)) == 0
    assert number_of_rows(world, lambda _: "1 = 1") > 0


def test_events_of_other_types_are_still_found_by_the_same_values(world):
    withdraw(world.folder.store, "visit", {"searchable": ["path"]})

    world.folder.keep_up()

    (found,) = read_index(world.folder.store, "path").values()
    assert [world.events.get(event_id).event_type for event_id in found] == ["order"]


def test_an_index_that_nobody_else_declares_is_emptied(world):
    for name in ("order", "visit"):
        withdraw(world.folder.store, name, {"searchable": ["path"]})

    world.folder.keep_up()

    assert read_index(world.folder.store, "path") == {}


def test_what_any_type_counts_distinct_is_then_what_the_others_do(world):
    withdraw(world.folder.store, "visit", {"distinct": ["session"]})

    world.folder.keep_up()

    ever = (world.folder.store, world.calendar, 0, world.now + DAY_SECONDS, "session")
    assert read_distinct(*ever) == {"x"}
    assert number_of_rows(world, lambda table: "dimension_id > 0" if table == "rollup_users" else "1 = 0") == 0


@pytest.mark.parametrize("turns", [0, 3, 1000])
def test_what_is_declared_anew_is_filled_in_again_however_much_of_it_had_left(world, turns):
    names = ("dimensions", "pairs", "measures")
    withdraw(world.folder.store, "visit", {**{name: ALL[name] for name in names}, "distinct": ["session"]})
    for _ in range(turns):
        if not world.folder._take(clear_withdrawn):
            break
    world.log(60, EVENTS[:3])
    world.folder.fold_all()

    declare(world.folder.store, "visit", ALL)
    world.step(60, EVENTS[:3])

    check_all(world)


def check_all(world):
    """Compare all that visits declare with what was logged."""
    assert differences(world) == []
    (days, _, _) = ranges(world, 0, 100)
    world.check(*days)
    paths = Counter(data["path"] for _, _, data in world.known if "path" in data)
    found = {value: len(ids) for value, ids in read_index(world.folder.store, "path").items()}
    assert found == paths + Counter({"/a": 1} if paths else {})


def test_when_who_deletes_is_killed_the_next_one_goes_on(world):
    withdraw(world.folder.store, "visit", {"dimensions": ["path"], "distinct": ["session"]})
    world.folder.turns.resign()
    url, now = world.folder._settings.url, world.now
    with subprocess.Popen(
        [sys.executable, "-c", LEAVING, url, f"{now}000"], stdin=-1, stdout=-1, env=os.environ
    ) as one:
        assert one.stdout.readline() == b"within\n"
        one.kill()
    world.now += 10
    before = differences(world)
    world.step(10, EVENTS[:2])

    assert before == differences(world) == []
    assert number_of_rows(world, partial(of_number, "path")) == number_of_rows(world, pair_of_path) > 0


def pair_of_path(table):
    """Return the condition for rows of the pair, which was not withdrawn."""
    return of_number("path", table).replace("path = 'path'", "second_path <> ''") if "measure" not in table else "1 = 0"


@given(STEPS, st.lists(st.tuples(st.sampled_from(PARTS), st.integers(0, 4)), max_size=6))
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_is_withdrawn_and_declared_anew_is_exact_in_the_end(tmp_path_factory, few_at_once, steps, parts):
    world = DeclaredWorld(f"sqlite:///{tmp_path_factory.mktemp('world') / 'w.db'}", "Asia/Kathmandu")
    declare(world.folder.store, "visit", ALL)
    for place, (seconds, logged) in enumerate(steps):
        world.log(seconds, logged)
        for part in [part for part, withdrawn_at in parts if withdrawn_at == place]:
            with suppress(InvalidQuery):  # it is withdrawn already
                withdraw(world.folder.store, "visit", part)
        world.folder.fold_all()
        world.folder._take(clear_withdrawn)
        assert differences(world) == []
    declare(world.folder.store, "visit", ALL)
    world.step(3600, [])

    for since, until in ranges(world, 7, 100):
        world.check(since, until)
    assert differences(world) == []
    world.close()


def test_what_is_withdrawn_makes_room_at_once(world):
    declare(world.folder.store, "visit", {"dimensions": [f"key{number}" for number in range(6)]})

    withdraw(world.folder.store, "visit", {"dimensions": ["path"]})
    found = declare(world.folder.store, "visit", {"dimensions": ["another"]})

    assert "another" in {one.name for one in found.dimensions}


@pytest.mark.parametrize(
    ("event_type", "counted", "said"),
    [
        ("visit", {"dimensions": ["path", "no.such"]}, "does not declare the dimension 'no.such'"),
        ("visit", {"pairs": [("session", "path")]}, "does not declare the pair 'session,path'"),
        ("visit", {"measures": ["path"]}, "does not declare the measure 'path'"),
        ("visit", {"searchable": ["session"]}, "does not declare 'session' as searchable"),
        ("visit", {"distinct": ["path"]}, "does not declare 'path' as counted distinct"),
        ("visit", {"owner": "web"}, "There is no 'owner' to withdraw"),
        ("visit", {}, "Nothing is named to withdraw"),
        ("no.such", {"dimensions": ["path"]}, "declares nothing"),
    ],
)
def test_what_is_not_declared_cannot_be_withdrawn_and_nothing_is_changed(world, event_type, counted, said):
    before = world.events.declarations()

    with pytest.raises(InvalidQuery, match=said):
        withdraw(world.folder.store, event_type, counted)

    assert world.events.declarations() == before
