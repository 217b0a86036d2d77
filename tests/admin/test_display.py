"""How values look: times, payloads in one line, and characters that can't be seen."""

from __future__ import annotations

import json
import unicodedata
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from picoevent_admin.display import ago, clock, day, json_parts, milliseconds, pretty_json, summary, visible

MARKS = "\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
NOON = datetime(2026, 11, 3, 12, 0, 0, 123_000, tzinfo=UTC)
PAYLOADS = st.dictionaries(
    st.text(),
    st.recursive(st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(), st.lists),
)


@pytest.mark.parametrize(
    ("before", "words"),
    [
        (timedelta(0), "just now"),
        (timedelta(seconds=1), "1 second ago"),
        (timedelta(seconds=59), "59 seconds ago"),
        (timedelta(minutes=2), "2 minutes ago"),
        (timedelta(hours=23, minutes=59), "23 hours ago"),
        (timedelta(days=1), "1 day ago"),
        (timedelta(days=59), "59 days ago"),
        (timedelta(days=90), "3 months ago"),
        (timedelta(days=800), "2 years ago"),
        (timedelta(hours=-2), "in 2 hours"),
    ],
)
def test_how_long_ago_is_said_in_one_unit(before, words):
    assert ago(NOON - before, NOON) == words


def test_a_time_is_shown_in_utc_wherever_it_comes_from():
    from zoneinfo import ZoneInfo

    berlin = NOON.astimezone(ZoneInfo("Europe/Berlin"))

    assert (day(berlin), clock(berlin), milliseconds(berlin)) == ("2026-11-03", "12:00:00", ".123")


def test_a_summary_is_one_short_line():
    shown = summary({"amount": 19.9, "items": [1, 2], "note": "x" * 500, "more": "y" * 100, "last": 1})

    assert shown[:2] == [("amount", "19.9"), ("items", "[1, 2]")]
    assert len(shown[2][1]) == 60
    assert shown[-1] == ("", "…")


def test_a_summary_of_a_huge_payload_looks_at_its_beginning_only():
    nested = {"list": [{"k": "v"}] * 300_000}

    assert len(summary(nested)[0][1]) <= 60


@settings(max_examples=40)
@given(PAYLOADS)
def test_pretty_json_means_the_payload_and_its_parts_are_all_of_it(data):
    text, complete = pretty_json(data)

    assert complete
    assert json.loads(text) == data
    assert "".join(part for _, part in json_parts(text)) == text


@given(st.text())
def test_visible_leaves_nothing_that_cant_be_seen(text):
    shown = visible(text)

    assert not any(unicodedata.category(letter) in ("Cc", "Cs", "Zl", "Zp") for letter in shown)
    assert not set(MARKS) & set(shown)
    assert visible(visible(text)) == visible(text)
