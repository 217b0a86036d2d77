"""`verify` and `rebuild` know of dimensions and measures, too: in every tier, capped or not, filled in or not yet."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import text

from picoevent import NewEvent, Settings
from picoevent.fold.declaring import declare
from picoevent.fold.rebuild import Rebuilder
from picoevent.fold.worker import Folder
from picoevent.rollup.tiers import Tier

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


def test_the_words_say_which_dimension_and_which_sum(folded):
    with folded.store.transaction() as connection:
        connection.execute(text("DELETE FROM rollup_measure WHERE tier < 3"))
        connection.execute(text("DELETE FROM rollup_dimension WHERE dimension_id = 1 AND tier < 3"))

    words = {one.what for one in differences(folded)}

    assert "events by path" in words
    assert any(one.startswith("amount (sum 0 instead of ") for one in words)


def test_values_beyond_the_cap_hide_in_other_and_all_together_are_exact(ready_url, events):
    folder = Folder(Settings(url=ready_url, dimension_values_kept=10))
    declare(folder.store, "visit", WISHES)
    moment = NOW - timedelta(days=2)
    events.log_many([NewEvent("visit", {"path": f"/{n % 40}", "amount": n}, n % 7, at=moment) for n in range(100)])
    folder.fold_all()
    folder.keep_up()
    before = differences(folder)

    Rebuilder(folder.store, 10).rebuild(None, None)

    assert (before, differences(folder)) == ([], [])
    folder.close()


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
