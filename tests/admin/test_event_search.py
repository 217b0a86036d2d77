"""What an address asks of the events page, read and written; and what is said where it can't be read."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from flask import request
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.datastructures import MultiDict

from picoevent_admin.event_search import (
    EventSearch,
    Unreadable,
    read_event_types,
    read_search,
    read_time,
    read_user,
    write_event_types,
    write_time,
    write_user,
)


def read(*pairs: tuple[str, str]) -> EventSearch:
    return read_search(MultiDict(pairs))


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("order.paid", ("order.paid",)),
        ("order.paid,page.view", ("order.paid", "page.view")),
        ("  order.paid ,  page.view  ", ("order.paid", "page.view")),
        ("order.paid,,order.paid,", ("order.paid",)),
        ('"a, b", c', ("a, b", "c")),
        ('"say ""hi"""', ('say "hi"',)),
        ('a"b', ('a"b',)),
        ('" "', (" ",)),
    ],
)
def test_event_types_stand_between_commas_or_in_quotes(text, names):
    assert read_event_types(text) == names


def test_repeated_event_types_mean_the_same_as_commas():
    assert read(("type", "a"), ("type", "b,c"), ("type", "")).event_types == ("a", "b", "c")


@given(st.lists(st.text(min_size=1, max_size=20), min_size=1, max_size=5, unique=True))
def test_event_types_are_read_as_they_were_written(names):
    assert read_event_types(write_event_types(tuple(names))) == tuple(names)


@pytest.mark.parametrize(
    ("text", "user"),
    [
        ("0", 0),
        ("42", 42),
        (str(2**62 - 1), 2**62 - 1),
        ('"42"', "42"),
        ("007", "007"),
        ("-1", "-1"),
        ("4.2", "4.2"),
        ("٤٢", "٤٢"),
        ("ann@example.org", "ann@example.org"),
        ('"', '"'),
        ('""""', '"'),
    ],
)
def test_a_whole_number_is_a_number_and_anything_else_a_text(text, user):
    assert read_user(text) == user
    assert type(read_user(text)) is type(user)


@given(st.one_of(st.integers(0, 2**62 - 1), st.text(min_size=1, max_size=30)))
def test_a_user_is_read_as_it_was_written(user):
    assert read_user(write_user(user)) == user


@pytest.mark.parametrize("text", [str(2**62), "9" * 19, "9" * 5000])
def test_a_number_too_large_is_answered_with_what_would_be_right(text):
    with pytest.raises(Unreadable, match='in quotes, as in "42"'):
        read_user(text)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-11-03T14:02", datetime(2026, 11, 3, 14, 2, tzinfo=UTC)),
        ("2026-11-03 14:02:31", datetime(2026, 11, 3, 14, 2, 31, tzinfo=UTC)),
        ("2026-11-03T14:02:31.5", datetime(2026, 11, 3, 14, 2, 31, 500_000, tzinfo=UTC)),
        ("2026-11-03", datetime(2026, 11, 3, tzinfo=UTC)),
        ("2026-11-03T15:02+01:00", datetime(2026, 11, 3, 14, 2, tzinfo=UTC)),
        ("0001-01-01", datetime(1, 1, 1, tzinfo=UTC)),
    ],
)
def test_a_time_without_a_zone_is_in_utc(text, moment):
    assert read_time(text) == moment
    assert read_time(write_time(moment)) == moment


@pytest.mark.parametrize("text", ["yesterday", "2026-13-01", "0001-01-01T00:00+14:00", "1", "'; DROP TABLE event_log"])
def test_what_is_no_time_is_answered_with_one(text):
    with pytest.raises(Unreadable, match="2026-11-03 14:00"):
        read_time(text)


@pytest.mark.parametrize(
    ("pair", "field", "why"),
    [
        (("type", '"open'), "type", "quote is not closed"),
        (("type", ",".join(f"t{number}" for number in range(51))), "type", "50 at most"),
        (("user", "9" * 25), "user", "Too large"),
        (("since", "soon"), "since", "is not a time"),
        (("limit", "51"), "limit", "25, 50, 100 or 250"),
        (("limit", "-1"), "limit", "25, 50, 100 or 250"),
    ],
)
def test_a_field_that_cant_be_read_is_marked_and_the_others_stay(pair, field, why):
    search = read(pair, ("source", "shop"))

    assert list(search.faults) == [field]
    assert why in search.faults[field]
    assert search.values["source"] == "shop"
    assert search.texts[field] == pair[1]


def test_a_range_that_ends_before_it_begins_is_marked():
    search = read(("since", "2026-11-03T14:00"), ("until", "2026-11-03T14:00"))

    assert list(search.faults) == ["until"]


def test_an_address_keeps_every_filter(app):
    search = read(
        ("type", '"a, b",c'), ("user", '"42"'), ("source", "shop & co"), ("since", "2026-11-03"), ("limit", "100")
    )

    with app.test_request_context():
        address = search.url("n123")
    with app.test_request_context(address):
        again = read_search(request.args)

    assert again.values == search.values
    assert again.cursor == "n123"


def test_the_usual_size_of_a_page_is_not_in_the_address(app):
    with app.test_request_context():
        assert read(("limit", "50")).url() == "/events/"


def test_each_filter_can_be_taken_out_alone():
    search = read(("type", "a,b"), ("user", "42"), ("since", "2026-11-03T14:02"))

    found = [(label, text, dict(without.texts)) for label, text, without in search.steps_back()]

    assert found == [
        ("type", "a", {"type": "b", "user": "42", "since": "2026-11-03T14:02"}),
        ("type", "b", {"type": "a", "user": "42", "since": "2026-11-03T14:02"}),
        ("user", "42", {"type": "a, b", "since": "2026-11-03T14:02"}),
        ("since", "2026-11-03 14:02", {"type": "a, b", "user": "42"}),
    ]
