"""Declaring: what is checked, what is written, and that repeating it changes nothing."""

from __future__ import annotations

import pytest

from picoevent.errors import InvalidQuery
from picoevent.fold.declaring import declare
from picoevent.ids import id_unix_ms
from picoevent.settings import Settings
from picoevent.store import open_store
from picoevent.store.base import Purpose
from picoevent.store.fold_state import read_state


@pytest.fixture
def store(ready_url):
    store = open_store(ready_url, Settings(url=ready_url), Purpose.FOLD)
    yield store
    store.close()


def test_what_is_declared_is_there(store):
    found = declare(
        store, "visit", {"dimensions": ["path", "context.ip"], "pairs": [("path", "status")], "measures": ["bytes"]}
    )

    assert [one.name for one in found.dimensions] == ["path", "context.ip", "path,status"]
    assert [one.path for one in found.measures] == ["bytes"]
    assert {one.filled_from for one in (*found.dimensions, *found.measures)} == {0}


def test_declaring_makes_the_event_type_with_its_words(store, events):
    declare(store, "visit", {"dimensions": ["path"], "description": "Somebody looks", "owner": "web"})

    (found,) = events.event_types()

    assert (found.name, found.description, found.owner, found.declared) == ("visit", "Somebody looks", "web", 1)


def test_a_declared_type_leaves_room_for_others_that_are_only_logged(store, events, ready_url):
    events.log("visit")
    declare(store, "visit", {"dimensions": ["path"]})
    with type(events)(ready_url, max_auto_event_types=1) as narrow:
        assert narrow.log("another") is not None
        assert narrow.log("a third") is None


def test_declaring_again_adds_and_takes_nothing_back(store):
    first = declare(store, "visit", {"dimensions": ["path"], "searchable": ["path"]})
    again = declare(store, "visit", {"dimensions": ["path", "ip"], "distinct": ["ip"]})

    assert again.dimensions[0] == first.dimensions[0]
    assert [(one.name, one.searchable, one.counted_distinct) for one in again.dimensions] == [
        ("path", True, False),
        ("ip", False, True),
    ]


def test_a_path_has_one_number_for_all_types(store):
    one = declare(store, "visit", {"dimensions": ["ip"], "measures": ["bytes"]})
    other = declare(store, "order", {"dimensions": ["ip"], "measures": ["bytes"]})

    assert one.dimensions[0].dimension_id == other.dimensions[0].dimension_id >= 1
    assert one.measures[0].measure_id == other.measures[0].measure_id


def test_a_type_with_events_is_whole_from_behind_its_last_one(store, events):
    last = max(events.log_many([{"event_type": "visit", "data": {"ip": "1.2.3.4"}} for _ in range(3)]))

    (found,) = declare(store, "visit", {"dimensions": ["ip"]}).dimensions

    assert found.filled_from == id_unix_ms(last) // 1000 + 1


def test_what_is_marked_later_is_whole_from_later_on(store, events):
    declare(store, "visit", {"dimensions": ["ip"]})
    events.log("visit", {"ip": "1.2.3.4"})

    (found,) = declare(store, "visit", {"searchable": ["ip"]}).dimensions

    assert (found.filled_from, found.distinct_from, found.searchable_from > 0) == (0, 0, True)


def test_each_declaration_is_seen_by_whoever_folds(store):
    declare(store, "visit", {"dimensions": ["path"]})
    declare(store, "order", {"measures": ["amount"]})

    with store.transaction() as connection:
        assert read_state(connection).declarations == 2


@pytest.mark.parametrize(
    "wishes",
    [
        {"dimensions": ["a..b"]},
        {"dimensions": [""]},
        {"dimensions": ["x" * 256]},
        {"dimensions": [7]},
        {"dimensions": "path"},
        {"measures": ["a,b"]},
        {"pairs": [("a",)]},
        {"pairs": [("a", "a")]},
        {"colour": ["red"]},
        {"description": "x" * 1001},
        {"dimensions": [f"key{n}" for n in range(9)]},
        {"measures": [f"key{n}" for n in range(5)]},
    ],
    ids=lambda wishes: next(iter(wishes)),
)
def test_what_cannot_be_declared_is_refused_and_nothing_is_written(store, events, wishes):
    with pytest.raises(InvalidQuery):
        declare(store, "visit", wishes)

    assert events.event_types() == []


def test_the_ninth_dimension_is_refused_also_when_they_come_one_by_one(store):
    for number in range(8):
        declare(store, "visit", {"dimensions": [f"key{number}"]})

    with pytest.raises(InvalidQuery, match="9 dimensions; 8 are possible"):
        declare(store, "visit", {"dimensions": ["one.more"]})


@pytest.mark.parametrize("name", ["", "x" * 101, None])
def test_a_name_that_no_event_type_can_have_is_refused(store, name):
    with pytest.raises(InvalidQuery):
        declare(store, name, {"dimensions": ["path"]})
