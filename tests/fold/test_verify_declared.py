"""`verify` and `rebuild` know of dimensions and measures, too: in every tier, capped or not, filled in or not yet."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from sqlalchemy import select, text, update

from picoevent import NewEvent, Settings
from picoevent.fold.declaring import declare
from picoevent.fold.rebuild import Rebuilder
from picoevent.fold.worker import Folder
from picoevent.rollup.cells import pack_cells, unpack_cells
from picoevent.rollup.tiers import Tier
from picoevent.store.rollup_tables import rollup_dimension

from .past import NOW, differences

WISHES = {
    "dimensions": ["path", "session"],
    "pairs": [("path", "session")],
    "measures": ["amount"],
    "searchable": ["path"],
    "distinct": ["session"],
}
MINUTES_BACK = (0, 1, 20, 200, 1500, 3000, 60_000, 200_000)
DAMAGES = {
    "cells": "DELETE FROM rollup_dimension WHERE dimension_id = 2",
    "sets": "DELETE FROM rollup_value_users",
    "distinct values": "DELETE FROM rollup_users WHERE dimension_id > 0",
    # MySQL does not read a table that it writes.
    "others": "UPDATE rollup_dimension SET packed = (SELECT MAX(packed) FROM (SELECT packed FROM rollup_dimension) d)",
}

VALUE_SETS = "rollup_value_users WHERE"
ONE_BY_ONE = {
    f"DELETE FROM {VALUE_SETS} counted_id = 0": r"users \(\d missing, 0 too many\) of value '/\d' of path",
    f"DELETE FROM {VALUE_SETS} counted_id > 0": r"session \(\d missing, 0 too many\) of value '/\d' of path",
    "UPDATE rollup_value_users SET packed = X'0009000000'": r"session \(\d missing, 1 too many\) of value",
    "DELETE FROM event_dimension WHERE value_id = 1": r"rows of the index of path \(\d+ missing, 0 too many\)",
    "UPDATE event_dimension SET value_id = value_id + 7": r"of the index of path \((\d+) missing, \1 too many\)",
    "INSERT INTO event_dimension SELECT 1, 9, event_id + 1 FROM event_dimension": r"\(0 missing, \d+ too many\)",
}


def data(number):
    found = {"path": f"/{number % 3}", "session": f"s{number % 5}", "amount": number / 8}
    return {key: value for place, (key, value) in enumerate(found.items()) if (number + place) % 7}


@pytest.fixture
def folded(events, folder):
    """A folded database of half a year, whose type was declared before its first event."""
    declare(folder.store, "visit", WISHES)
    log(events)
    folder.fold_all()
    folder.keep_up()
    return folder


def log(events):
    for place, minutes in enumerate(MINUTES_BACK):
        moment = NOW - timedelta(minutes=minutes)
        source = "xy"[place % 2]
        events.log_many(
            [NewEvent("visit", data(n * place), n % 4, source=source, at=moment) for n in range(1, 12)]
            + [NewEvent("other", {"path": "/"}, at=moment)]
        )


def test_what_was_folded_agrees(folded):
    assert differences(folded) == []


@pytest.mark.parametrize("damage", DAMAGES)
def test_what_is_wrong_is_told_and_mended(folded, damage):
    with folded.store.transaction() as connection:
        assert connection.execute(text(DAMAGES[damage])).rowcount
        assert connection.execute(text("DELETE FROM rollup_measure WHERE source_id = 1")).rowcount
    found = differences(folded)

    rebuilt = Rebuilder(folded.store, 200).rebuild(None, None)

    assert {one.event_type_id for one in found} <= {0, 1}
    assert {Tier.QUARTER, Tier.DAY, Tier.MONTH} & {one.tier for one in found}
    assert rebuilt.events == 12 * len(MINUTES_BACK)
    assert differences(folded) == []


@pytest.mark.parametrize("damage", ONE_BY_ONE)
def test_sets_of_values_and_the_index_are_told_in_words_and_mended(folded, damage):
    with folded.store.transaction() as connection:
        assert connection.execute(text(damage)).rowcount
    found = differences(folded)

    Rebuilder(folded.store, 200).rebuild(None, None)

    assert any(re.search(ONE_BY_ONE[damage], one.what) for one in found)
    assert differences(folded) == []


@pytest.mark.parametrize(("counted_id", "name"), [(0, "users"), (2, "session")])
def test_sets_within_minutes_and_quarters_are_told_and_mended(folded, counted_id, name):
    with folded.store.transaction() as connection:
        lose_sets(connection, counted_id)
    found = differences(folded)

    Rebuilder(folded.store, 200).rebuild(None, None)

    told = {(one.tier, one.what.partition(" ")[0]) for one in found}
    assert told == {(Tier.MINUTE, name), (Tier.QUARTER, name)}
    assert differences(folded) == []


def lose_sets(connection, counted_id):
    """Take one kind of set out of all cells of the first dimension that hold sets."""
    c = rollup_dimension.c
    for row in connection.execute(select(rollup_dimension).where(c.tier < int(Tier.DAY), c.dimension_id == 1)).all():
        cells = unpack_cells(row.packed)
        for cell in cells.values.values():
            cell.sets.pop(counted_id, None)
        mine = [column == row._mapping[column] for column in rollup_dimension.primary_key]
        connection.execute(update(rollup_dimension).where(*mine).values(packed=pack_cells(cells, with_sets=True)))


def test_the_words_say_which_dimension_and_which_sum(folded):
    with folded.store.transaction() as connection:
        connection.execute(text("DELETE FROM rollup_measure WHERE tier < 3"))
        connection.execute(text("DELETE FROM rollup_dimension WHERE dimension_id = 1 AND tier < 3"))

    words = {one.what for one in differences(folded)}

    assert "events by path" in words
    assert any(one.startswith("amount (sum 0 instead of ") for one in words)


@pytest.fixture
def capped(ready_url, events):
    """A folded database whose closed buckets keep fewer values than there are."""
    folder = Folder(Settings(url=ready_url, dimension_values_kept=10))
    declare(folder.store, "visit", WISHES)
    moment = NOW - timedelta(days=2)
    visits = [{"path": f"/{n % 40}", "session": f"s{n % 30}", "amount": n} for n in range(100)]
    events.log_many([NewEvent("visit", visit, place % 7, at=moment) for place, visit in enumerate(visits)])
    folder.fold_all()
    folder.keep_up()
    yield folder
    folder.close()


def test_values_beyond_the_cap_hide_in_other_and_all_together_are_exact(capped):
    before = differences(capped)

    Rebuilder(capped.store, 10).rebuild(None, None)

    assert (before, differences(capped)) == ([], [])


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        ("DELETE FROM rollup_value_users WHERE value_id > 1000", "missing, 0 too many) of all values of path"),
        ("UPDATE rollup_value_users SET packed = X'0009000000' WHERE counted_id = 2", "at most, session of value"),
    ],
)
def test_sets_behind_the_cap_are_told_and_mended(capped, damage, words):
    with capped.store.transaction() as connection:
        assert connection.execute(text(damage)).rowcount
    found = differences(capped)

    Rebuilder(capped.store, 10).rebuild(None, None)

    assert any(words in one.what for one in found)
    assert differences(capped) == []


def test_what_is_declared_later_agrees_before_and_while_it_is_filled_in(events, folder, monkeypatch):
    monkeypatch.setattr("picoevent.fold.filling.EVENTS_AT_ONCE", 20)
    log(events)
    folder.fold_all()
    declare(folder.store, "visit", WISHES)
    found = [differences(folder)]
    for _ in range(4):
        steps = iter([True, True, True])
        folder.keep_up(lambda steps=steps: next(steps, True))
        found.append(differences(folder))
    Rebuilder(folder.store, 200).rebuild(None, None)
    folder.keep_up()

    assert [*found, differences(folder)] == [[]] * 6
