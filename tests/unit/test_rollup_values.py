"""Values of payloads as dimensions and measures hold them."""

from __future__ import annotations

import pytest

from picoevent.rollup.values import join_pair, number_of, pair_value_text, value_text

UNREADABLE = [b'"\\ud800"', b"[" * 5000 + b"]" * 5000, b"1e999", b'"\xff"']


@pytest.mark.parametrize("json", UNREADABLE, ids=["surrogate", "nested", "huge", "bytes"])
def test_what_can_not_be_read_is_no_value_and_stops_nothing(json):
    assert value_text(json) is None
    assert number_of(json) is None
    assert pair_value_text(join_pair(json, b'"a"')) in (None, '[null,"a"]')
