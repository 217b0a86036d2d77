"""What event types declare is counted of each event that is folded, exactly, wherever in time it lies."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import text

from picoevent import NewEvent
from picoevent.fold.declaring import declare
from picoevent.rollup.tiers import Calendar
from picoevent.store.fold_state import FOR_EVER

from .declared import (
    count_cells,
    count_measure,
    read_cells,
    read_distinct,
    read_index,
    read_measure,
)

UTC_CALENDAR = Calendar("UTC")
EVER = (0, FOR_EVER)
NOW = datetime.now(UTC).replace(microsecond=0)


def logged(events, *rows, at=NOW, apart_ms=1000):
    """Log (user, data), some time apart, and return what `count_cells` takes."""
    times = [at - timedelta(milliseconds=place * apart_ms) for place in range(len(rows))]
    new = [NewEvent("visit", data, user, at=time) for time, (user, data) in zip(times, rows, strict=True)]
    events.log_many(new)
    return [(int(time.timestamp() * 1000), user, data) for time, (user, data) in zip(times, rows, strict=True)]


@pytest.fixture
def cells(folder):
    """`cells(name)` is what the rollups hold of a dimension of "visit"."""
    return lambda name, event_type="visit": read_cells(folder.store, UTC_CALENDAR, *EVER, event_type, name)


AGES = [timedelta(0), timedelta(hours=2), timedelta(days=2), timedelta(days=100), timedelta(days=800)]


@pytest.mark.parametrize("age", AGES, ids=lambda age: f"{age.days}d{age.seconds // 3600}h")
def test_each_value_has_its_events_first_and_last_moment_and_users(events, folder, cells, age):
    declare(folder.store, "visit", {"dimensions": ["path"]})
    rows = [(1, {"path": "/a"}), (2, {"path": "/a"}), (2, {"path": "/b"}), (None, {"path": "/b"}), (3, {})]

    known = logged(events, *rows, at=NOW - age)
    folder.fold_all()

    assert cells("path") == count_cells(known, lambda data: data.get("path"))


def test_parts_of_many_rounds_add_up(events, folder, cells):
    declare(folder.store, "visit", {"dimensions": ["path"]})
    known = []
    for _ in range(4):
        known += logged(events, (1, {"path": "/a"}), (2, {"path": "/b"}))
        folder.fold_all()

    assert cells("path") == count_cells(known, lambda data: data["path"])


def test_a_path_leads_into_objects_and_nowhere_else(events, folder, cells):
    declare(folder.store, "visit", {"dimensions": ["context.ip"]})
    payloads = [
        {"context": {"ip": "::1"}},
        {"context": "ip"},
        {"context": [{"ip": 1}]},
        {"ip": "::2"},
        None,
        {"context": {"ip": None}},
    ]

    logged(events, *((None, data) for data in payloads))
    folder.fold_all()

    assert {value: cell[0] for value, cell in cells("context.ip").items()} == {"::1": 1, None: 5}


VALUES = [
    ("/a ", "/a "),
    ("", ""),
    (7, "7"),
    (7.5, "7.5"),
    (True, "true"),
    ([1, "b"], '[1,"b"]'),
    ({"b": [1]}, '{"b":[1]}'),
    ("Käse\u0000 \U0001f9c0", "Käse\u0000 \U0001f9c0"),
    ("x" * 255, "x" * 255),
]


def test_values_are_texts_numbers_and_compact_json(events, folder, cells):
    declare(folder.store, "visit", {"dimensions": ["key"]})

    logged(events, *((None, {"key": value}) for value, _ in VALUES))
    folder.fold_all()

    assert set(cells("key")) == {stored for _, stored in VALUES}


def test_a_long_value_keeps_its_beginning_and_differs_by_its_end(events, folder, cells):
    declare(folder.store, "visit", {"dimensions": ["key"]})

    logged(events, *((None, {"key": "x" * 300 + end}) for end in "aab"))
    folder.fold_all()

    assert sorted(cell[0] for cell in cells("key").values()) == [1, 2]
    assert all(value.startswith("x" * 200 + "...") and len(value) == 219 for value in cells("key"))


def test_a_pair_counts_its_two_values_together(events, folder, cells):
    declare(folder.store, "visit", {"pairs": [("collection", "action")]})
    payloads = [{"collection": "docs", "action": "read"}] * 2 + [{"collection": "docs"}, {"action": 1}, {}]

    logged(events, *((None, data) for data in payloads))
    folder.fold_all()

    found = {value: cell[0] for value, cell in cells("collection,action").items()}
    assert found == {'["docs","read"]': 2, '["docs",null]': 1, '[null,"1"]': 1, None: 1}


@pytest.mark.parametrize("age", AGES, ids=lambda age: f"{age.days}d{age.seconds // 3600}h")
def test_values_that_are_counted_distinct_are_known_in_total_and_for_each_value(events, folder, cells, age):
    declare(folder.store, "visit", {"dimensions": ["path"], "distinct": ["session"]})
    rows = [(1, {"path": "/a", "session": s}) for s in "xxyz"] + [
        (2, {"path": "/b", "session": "x"}),
        (3, {"path": "/b"}),
    ]

    known = logged(events, *rows, at=NOW - age)
    folder.fold_all()

    distinct = [("session", lambda data: data.get("session"))]
    assert cells("path") == count_cells(known, lambda data: data["path"], distinct)
    assert read_distinct(folder.store, UTC_CALENDAR, *EVER, "session", "visit") == {"x", "y", "z"}
    assert read_distinct(folder.store, UTC_CALENDAR, *EVER, "session") == {"x", "y", "z"}


def test_a_measure_sums_numbers_exactly_and_counts_nothing_else(events, folder):
    declare(folder.store, "visit", {"measures": ["order.amount"]})
    amounts = ["0.10", 0.2, 3, "-1.5", 10**19, "12 EUR", "1e3", None, True, [1], ""]

    logged(events, *((None, {"order": {"amount": amount}}) for amount in amounts), (None, {}))
    folder.fold_all()

    found = read_measure(folder.store, UTC_CALENDAR, *EVER, "visit", "order.amount")
    assert (found.count, found.total) == (5, Decimal("10000000000000000001.80"))
    assert (found.least, found.greatest) == (Decimal("-1.5"), Decimal(10**19))


def test_events_are_found_by_the_values_of_a_searchable_dimension(events, folder):
    declare(folder.store, "visit", {"searchable": ["ip"], "dimensions": ["path"]})
    ids = [events.log("visit", data) for data in ({"ip": "1.1.1.1"}, {"ip": "2.2.2.2"}, {"ip": "1.1.1.1"}, {})]

    folder.fold_all()

    assert read_index(folder.store, "ip") == {"1.1.1.1": {ids[0], ids[2]}, "2.2.2.2": {ids[1]}}
    assert read_index(folder.store, "path") == {}


def test_a_type_that_declares_nothing_costs_nothing(events, folder):
    declare(folder.store, "visit", {"dimensions": ["path"]})
    events.log("order", {"path": "/a"})
    folder.fold_all()

    with folder.store.transaction() as connection:
        assert connection.execute(text("SELECT COUNT(*) FROM rollup_dimension")).scalar() == 0


def test_a_value_has_one_number_in_all_types_and_after_a_restart(events, folder, ready_url):
    for name in ("visit", "order"):
        declare(folder.store, name, {"dimensions": ["plan"]})
        events.log(name, {"plan": "team"})
    folder.fold_all()
    other = type(folder)(events.settings)
    events.log("order", {"plan": "team"})
    folder.turns.resign()
    other.fold_all()
    other.close()

    with folder.store.transaction() as connection:
        assert connection.execute(text("SELECT COUNT(*) FROM dimension_value")).scalar() == 1


def test_numbers_given_in_a_round_that_was_rolled_back_are_forgotten(events, folder, cells, monkeypatch):
    declare(folder.store, "visit", {"dimensions": ["path"]})
    logged(events, (1, {"path": "/lost"}))
    with monkeypatch.context() as broken:
        broken.setattr("picoevent.fold.round.touch_late_days", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            folder.fold_all()
    with folder.store.transaction() as connection:
        connection.execute(text("DELETE FROM pending"))
    logged(events, (1, {"path": "/kept"}))
    folder.fold_all()

    assert set(cells("path")) == {"/kept"}


def test_a_payload_that_somebody_damaged_counts_as_none(events, folder, cells):
    declare(folder.store, "visit", {"dimensions": ["path"]})
    logged(events, *((None, {"path": f"/{number}"}) for number in range(5)))
    with folder.store.transaction() as connection:
        connection.execute(text("UPDATE event_data SET event_data = '{\"path\":' WHERE event_data LIKE '%/3%'"))
    folder.fold_all()

    assert set(cells("path")) == {"/0", "/1", "/2", "/4", None}


def test_large_payloads_are_read_in_several_answers(events, folder, cells):
    declare(folder.store, "visit", {"dimensions": ["path"]})
    logged(events, *((None, {"path": f"/{number}", "rest": "x" * 900_000}) for number in range(20)))

    folder.fold_all()

    assert set(cells("path")) == {f"/{number}" for number in range(20)}


def test_many_values_are_all_counted_while_their_minute_is_open(events, folder, cells):
    declare(folder.store, "visit", {"dimensions": ["path"], "measures": ["size"]})
    known = logged(events, *((n % 7, {"path": f"/{n % 700}", "size": n}) for n in range(3000)), apart_ms=1)
    folder.fold_all()

    assert cells("path") == count_cells(known, lambda data: data["path"])
    found = read_measure(folder.store, UTC_CALENDAR, *EVER, "visit", "size")
    assert (found.count, found.total, found.least, found.greatest) == count_measure(known, "size")
