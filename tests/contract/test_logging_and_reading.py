"""What every store must do for an application that logs, and for a person who reads: the same on each backend."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from picoevent import EventLog, EventNotFound, InvalidQuery, NewEvent, Rejected, RejectReason
from picoevent.ids import IdMinter, id_time
from picoevent.read.query import make_query

DAY = datetime(2026, 3, 1, tzinfo=UTC)
texts = st.text(st.characters(exclude_categories=["Cs"]))


def fill(events, count, **fields):
    """Log `count` events, a minute apart, numbered from 0."""
    return events.log_many(
        NewEvent(**{"event_type": "page.view", "data": {"n": n}, "at": DAY + timedelta(minutes=n)} | fields)
        for n in range(count)
    )


def numbers(page):
    return [event.data["n"] for event in page]


def walk(events, **filters):
    """All pages of a query, one after the other."""
    cursor, found = None, []
    while True:
        page = events.events(cursor=cursor, **filters)
        found += page.events
        cursor = page.next_cursor
        if cursor is None:
            return found


def test_what_was_logged_is_read_back(events):
    event_id = events.log("invoice.paid", {"amount": 42, "plan": "team"}, user_id=7, source="shop")

    event = events.get(event_id)

    assert (event.event_type, event.source, event.user_id) == ("invoice.paid", "shop", 7)
    assert event.data == {"amount": 42, "plan": "team"}
    assert abs(event.time - datetime.now(UTC)) < timedelta(minutes=1)


def test_it_is_read_back_without_any_cache(events):
    event_id = events.log("invoice.paid", {"amount": 42}, user_id="ann")

    with EventLog(events.settings.replaced(cache_url="none://")) as reader:
        assert reader.get(event_id) == events.get(event_id)


def test_an_id_is_a_string_in_json(events):
    event_id = events.log("invoice.paid", {"amount": 42})

    shown = json.loads(json.dumps(events.get(str(event_id)).to_dict()))

    assert shown["id"] == str(event_id)
    assert shown["time"].endswith("Z")


def test_an_event_that_is_not_there_is_said_to_be_missing(events):
    with pytest.raises(EventNotFound, match="There is no event 5"):
        events.get(5)


def test_an_id_that_can_not_be_is_an_invalid_query(events):
    for event_id in ("", "x", "-1", "1.5", 2**63, -1, "9" * 30, 10**5000, True, "٣"):
        with pytest.raises(InvalidQuery, match="is not an event id"):
            events.get(event_id)


@pytest.mark.parametrize("order", ["newest", "oldest"])
def test_pages_lead_through_all_events_once_in_order(events, order):
    fill(events, 237)

    found = numbers(walk(events, order=order, limit=50))

    assert found == sorted(range(237), reverse=order == "newest")


def test_a_full_last_page_has_no_next_one(events):
    fill(events, 100)

    last = events.events(limit=50, cursor=events.events(limit=50).next_cursor)

    assert len(last.events) == 50
    assert last.next_cursor is None


def test_filters_are_combined(events):
    fill(events, 40)
    fill(events, 30, event_type="order.paid", user_id=7)
    fill(events, 20, event_type="order.paid", user_id="7", source="api")
    fill(events, 10, event_type="order.sent", user_id=7, source="api")

    assert events.count() == 100
    assert len(walk(events, event_type="order.paid", limit=7)) == 50
    assert len(walk(events, event_type=["order.paid", "order.sent", "unknown"], limit=7)) == 60
    assert len(walk(events, user_id=7, limit=7)) == 40
    assert len(walk(events, user_id="7", limit=7)) == 20
    assert len(walk(events, user_id=7, event_type=["order.sent"], limit=7)) == 10
    assert len(walk(events, source="api", limit=7)) == 30
    assert len(walk(events, source="api", event_type="order.paid", user_id="7", limit=7)) == 20
    assert events.count(source="api", event_type="order.paid", user_id=7) == 0


@pytest.mark.parametrize("filters", [{"event_type": "unknown"}, {"source": "unknown"}, {"user_id": "unknown"}])
def test_a_filter_that_names_nothing_finds_nothing(events, filters):
    fill(events, 3)

    assert events.events(**filters).events == ()
    assert events.count(**filters) == 0
    assert list(events.iter_events(**filters)) == []


def test_no_event_types_at_all_match_nothing(events):
    fill(events, 3)

    assert events.events(event_type=[]).events == ()
    assert events.count(event_type=[]) == 0


def test_any_time_can_be_asked_for(events):
    fill(events, 3)
    first, last = datetime.min.replace(tzinfo=timezone(timedelta(hours=14))), datetime.max.replace(tzinfo=UTC)

    assert events.count(since=first, until=last) == 3
    assert events.count(since=datetime(2140, 1, 1, tzinfo=UTC)) == 0


def test_a_stream_of_large_events_holds_few_of_them_at_once(events):
    events.log_many(NewEvent("big", {"text": "x" * 400_000}, at=DAY + timedelta(seconds=n)) for n in range(60))
    reader, query, steps = events._parts.reader, make_query({}, order="oldest", limit=20), []
    while query is not None:
        page, query = reader.stream_page(query)
        steps.append(len(page.events))

    assert sum(steps) == 60
    assert max(steps[1:]) <= 10


def test_since_counts_and_until_does_not_to_the_millisecond(events):
    at = [DAY + timedelta(milliseconds=ms) for ms in (0, 1, 499, 500, 501, 999, 1000, 1500)]
    events.log_many(NewEvent("tick", {"n": n}, at=moment) for n, moment in enumerate(at))

    for low in at:
        for high in at:
            expected = [n for n, moment in enumerate(at) if low <= moment < high]
            assert sorted(numbers(events.events(since=low, until=high).events)) == expected


def test_a_range_finer_than_a_millisecond_takes_no_event_from_outside(events):
    events.log("tick", {"n": 0}, at=DAY + timedelta(milliseconds=5))

    assert events.count(since=DAY + timedelta(milliseconds=5, microseconds=1)) == 0
    assert events.count(until=DAY + timedelta(milliseconds=5, microseconds=1)) == 1


def test_streaming_gives_everything_in_either_order(events):
    fill(events, 2345)

    assert numbers(events.iter_events()) == list(range(2345))
    assert numbers(events.iter_events(order="newest", event_type="page.view")) == list(range(2344, -1, -1))


def test_a_rare_source_is_found_however_many_others_lie_before_it(events):
    fill(events, 1, source="rare")
    events.log_many(NewEvent("page.view", {"n": n}, at=DAY + timedelta(days=1, seconds=n)) for n in range(3000))

    page = events.events(source="rare", limit=10)

    assert numbers(page.events) == [0]
    assert page.complete


WRONG_QUESTIONS = [
    {"order": "sideways"},
    {"limit": 0},
    {"limit": 10_001},
    {"limit": True},
    {"cursor": "x"},
    {"cursor": "o5"},
    {"cursor": "n" + "9" * 40},
    {"since": datetime(2026, 1, 1)},  # noqa: DTZ001  # the point of it
    {"user_id": -1},
    {"user_id": 1.5},
    {"source": 5},
    {"colour": "red"},
    {"event_type": 5},
    {"event_type": [[]]},
    {"event_type": "\ud800"},
    {"source": "\ud800"},
    {"user_id": "\udfff"},
    {"cursor": 5},
]


def test_a_wrong_question_is_named_and_asks_nothing(events):
    for wrong in WRONG_QUESTIONS:
        with pytest.raises(InvalidQuery):
            events.events(**wrong)


def test_a_refused_event_is_none_counted_logged_and_kept(events, caplog):
    assert events.log("x" * 101, {"secret": 1}) is None

    assert events.counters()["refused.event_type_invalid"] == 1
    assert "Event refused (event_type_invalid)" in caplog.text
    assert "secret" not in caplog.text
    kept = events.rejected_events()
    assert [(row.reason, json.loads(row.raw)["data"]) for row in kept] == [("event_type_invalid", {"secret": 1})]


def test_refused_events_are_capped(ready_url):
    with EventLog(ready_url, max_rejected_events=3) as events:
        for n in range(5):
            events.log("", {"n": n})

        assert [json.loads(row.raw)["data"]["n"] for row in events.rejected_events()] == [4, 3, 2]


def test_strict_raises_what_would_be_none(ready_url):
    with EventLog(ready_url, strict=True) as events, pytest.raises(Rejected) as caught:
        events.log("ok", {"x": float("nan")})

    assert caught.value.reason is RejectReason.NUMBER_NOT_FINITE


def test_whatever_goes_wrong_below_log_does_not_raise(events, monkeypatch, caplog):
    monkeypatch.setattr(events._parts.store, "writing", lambda: 1 / 0)

    assert events.log("tick") is not None
    counters = events.counters()
    assert counters["spooled"] + counters["set_aside"] == 1
    assert "ZeroDivisionError" in caplog.text


def test_a_clock_that_can_not_be_right_is_a_reason(ready_url, monkeypatch):
    monkeypatch.setattr("picoevent.write.path.IdMinter", lambda: IdMinter(clock_ms=lambda: 0))

    with EventLog(ready_url) as events:
        assert events.log("tick") is None
        assert events.log("tick", at=DAY) is not None
        assert events.counters()["refused.time_invalid"] == 1


def test_bad_events_do_not_stop_the_good_ones_beside_them(events):
    ids = events.log_many(
        [NewEvent("good"), NewEvent(""), {"event_type": "good"}, {"typ": "good"}, "nonsense", NewEvent("good")]
    )

    assert [event_id is not None for event_id in ids] == [True, False, True, False, False, True]
    assert events.count(event_type="good") == 3


def test_names_are_compared_exactly(events):
    names = ["login", "Login", "login ", " login", "lógin", "login\x00", "ｌogin"]  # noqa: RUF001
    for name in names:
        events.log(name, source=name, user_id=name)

    assert [events.count(event_type=name) for name in names] == [1] * 7
    assert [events.count(source=name) for name in names] == [1] * 7
    assert [events.count(user_id=name) for name in names] == [1] * 7
    assert sorted(row.name for row in events.event_types()) == sorted(names)
    assert sorted(row.name for row in events.sources()) == sorted(names)


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(data=st.dictionaries(texts, texts | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False)))
def test_every_text_comes_back_bit_equal(events, data):
    data = {key: value for key, value in data.items() if value not in (float("inf"), float("-inf"))}
    event_id = events.log("text", data, user_id=(next(iter(data), "") or "x")[:255])

    with EventLog(events.settings.replaced(cache_url="none://")) as reader:
        event = reader.get(event_id)

    assert event.data == data
    assert event.user_id == (next(iter(data), "") or "x")[:255]


def test_a_payload_of_a_megabyte_is_stored(events):
    event_id = events.log("big", {"text": "é" * 500_000})

    with EventLog(events.settings.replaced(cache_url="none://")) as reader:
        assert reader.get(event_id).data == {"text": "é" * 500_000}


def test_after_close_events_are_refused_and_questions_raise(events):
    events.close()

    assert events.log("late") is None
    assert events.counters()["refused.closed"] == 1
    with pytest.raises(Exception, match="was closed"):
        events.events()


def test_ids_of_one_process_rise(events):
    ids = [events.log("tick") for _ in range(20)]

    assert ids == sorted(ids)
    assert id_time(ids[0]) <= id_time(ids[-1])
