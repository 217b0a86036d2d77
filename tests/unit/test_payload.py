"""Payloads: what JSON holds comes back as it was, the rest has a documented encoding or is refused by name."""

from __future__ import annotations

import dataclasses
import enum
import uuid
from collections import OrderedDict
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from types import MappingProxyType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from picoevent.errors import Rejected, RejectReason
from picoevent.payload import decode_payload, encode_payload

texts = st.text(st.characters(exclude_categories=["Cs"]))
scalars = st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | texts
scalars |= st.floats(allow_nan=False, allow_infinity=False)
values = st.recursive(scalars, lambda inner: st.lists(inner) | st.dictionaries(texts, inner), max_leaves=20)


class Colour(enum.Enum):
    RED = "red"


class Label(str):
    __slots__ = ()


@dataclasses.dataclass
class Point:
    x: int
    y: float


@given(st.dictionaries(texts, values, min_size=1))
def test_what_json_holds_comes_back_equal(data):
    assert decode_payload(encode_payload(data)) == data


@pytest.mark.parametrize(
    ("value", "encoded"),
    [
        (Decimal("12.30"), "12.30"),
        (uuid.UUID(int=5), "00000000-0000-0000-0000-000000000005"),
        (datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC), "2026-01-02T03:04:05Z"),
        (date(2026, 1, 2), "2026-01-02"),
        (timedelta(hours=1), "PT3600S"),
        (b"\x00\xff", "AP8="),
        ((1, 2), [1, 2]),
        ({7}, [7]),
        (Colour.RED, "red"),
        (Label("x"), "x"),
        (Point(1, 2.5), {"x": 1, "y": 2.5}),
        (MappingProxyType({"a": 1}), {"a": 1}),
        (OrderedDict(a=(1,)), {"a": [1]}),
        ({5: "five"}, {"5": "five"}),
        ("a\ud800b", "a�b"),
        ("\ud83d\ude00", "😀"),
        ("\x00", "\x00"),
    ],
    ids=repr,
)
def test_beyond_json_each_value_has_its_documented_encoding(value, encoded):
    assert decode_payload(encode_payload({"value": value})) == {"value": encoded}


def nested(depth: int) -> object:
    value: object = 1
    for _ in range(depth):
        value = [value]
    return value


class Hostile:
    def __str__(self) -> str:
        raise ValueError

    __repr__ = __str__


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (float("nan"), RejectReason.NUMBER_NOT_FINITE),
        ([1, {"x": float("inf")}], RejectReason.NUMBER_NOT_FINITE),
        (Point(1, float("nan")), RejectReason.NUMBER_NOT_FINITE),
        (2**64, RejectReason.NUMBER_TOO_LARGE),
        (-(2**63) - 1, RejectReason.NUMBER_TOO_LARGE),
        ({None: 1}, RejectReason.KEY_NOT_TEXT),
        ({True: 1}, RejectReason.KEY_NOT_TEXT),
        ({1: 1, "1": 2}, RejectReason.KEY_NOT_TEXT),
        ({chr(0xD800): 1, chr(0xD801): 2}, RejectReason.KEY_NOT_TEXT),
        (object(), RejectReason.VALUE_NOT_ENCODABLE),
        (1j, RejectReason.VALUE_NOT_ENCODABLE),
        (Hostile(), RejectReason.VALUE_NOT_ENCODABLE),
        (nested(101), RejectReason.DATA_TOO_DEEP),
        (nested(100_000), RejectReason.DATA_TOO_DEEP),
    ],
    ids=[
        "nan", "inner infinity", "nan in a dataclass", "65 bits", "65 bits below", "None as key", "bool as key",
        "keys equal as text", "keys differing in surrogates", "object", "complex", "hostile", "deep", "very deep",
    ],
)  # fmt: skip
def test_the_rest_is_refused_with_its_reason(value, reason):
    with pytest.raises(Rejected) as caught:
        encode_payload({"value": value})

    assert caught.value.reason is reason


def test_a_payload_that_contains_itself_is_refused():
    data: dict[str, object] = {}
    data["self"] = data

    with pytest.raises(Rejected) as caught:
        encode_payload(data)

    assert caught.value.reason is RejectReason.DATA_TOO_DEEP


def test_lists_that_hold_each_other_many_times_over_are_refused_at_once():
    value: list[object] = []
    for _ in range(60):
        value = [value, value]

    for data in ({"value": value}, {"value": tuple(value)}):
        with pytest.raises(Rejected) as caught:
            encode_payload(data)
        assert caught.value.reason is RejectReason.DATA_TOO_LARGE


def test_a_refusal_names_the_place():
    with pytest.raises(Rejected, match=r"data\.items\[1\]\.price"):
        encode_payload({"items": [{"price": 1.0}, {"price": float("nan")}]})
