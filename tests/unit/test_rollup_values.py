"""Values of payloads as dimensions and measures hold them."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from picoevent import InvalidQuery
from picoevent.rollup.shown_values import read_value, show_value
from picoevent.rollup.values import (
    LONGEST_VALUE,
    join_pair,
    number_of,
    pair_half,
    pair_text,
    pair_value_text,
    shortened,
    value_text,
)

LONG_TEXTS = st.builds(
    lambda part, times: part * times, st.sampled_from(("a", '"', "\x01", "\U0001f600", "ab\\")), st.integers(0, 300)
)

UNREADABLE = [b'"\\ud800"', b"[" * 5000 + b"]" * 5000, b"1e999", b'"\xff"']


@pytest.mark.parametrize("piece", UNREADABLE, ids=["surrogate", "nested", "huge", "bytes"])
def test_what_can_not_be_read_is_no_value_and_stops_nothing(piece):
    assert value_text(piece) is None
    assert number_of(piece) is None
    assert pair_value_text(join_pair(piece, b'"a"')) in (None, '[null,"a"]')


@pytest.mark.parametrize("value", [None, "", "(none)", "(other)", '"(none)"', '""(other)""', '"a"', '(none)"', '"'])
def test_what_is_shown_leads_back_to_the_value(value):
    assert read_value(show_value(value)) == value


def test_all_other_values_together_can_not_be_read_as_a_value():
    with pytest.raises(InvalidQuery, match="can't be looked for"):
        read_value("(other)")


@given(first=LONG_TEXTS, second=LONG_TEXTS)
def test_a_pair_fits_its_column_and_its_halves_do_not_depend_on_each_other(first, second):
    pair = pair_text(first, second)

    assert len(pair) <= LONGEST_VALUE
    assert json.loads(pair) == [pair_half(first), pair_half(second)]
    assert pair_half(first) == pair_half(shortened(first)) == pair_half(pair_half(first))


@given(first=LONG_TEXTS, second=LONG_TEXTS)
def test_different_halves_stay_different(first, second):
    assert (pair_half(first) == pair_half(second)) == (first == second)
