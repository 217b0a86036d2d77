"""JSON lines: which key becomes what, and what is refused in which words."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from picoevent.event import Event
from picoevent.importing.faults import BadLine
from picoevent.importing.ndjson import NdjsonReader
from picoevent.importing.options import ImportOptions
from picoevent.payload import encode_payload

NOON = datetime(2024, 5, 17, 12, tzinfo=UTC)


def parse(line, **options):
    return NdjsonReader(ImportOptions(**options)).parse(line.encode() if isinstance(line, str) else line)


def test_an_exported_event_is_read_back():
    exported = Event((764_251_200 << 31) + (5 << 11), "order.paid", "shop", "ann", {"amount": 42}).to_dict()

    event = parse(encode_payload(exported))

    assert (event.event_type, event.source, event.user_id) == ("order.paid", "shop", "ann")
    assert event.data == {"amount": 42}
    assert event.at.isoformat(timespec="milliseconds") == exported["time"].replace("Z", "+00:00")


@pytest.mark.parametrize("type_key", ["type", "event_type", "event"])
@pytest.mark.parametrize("time_key", ["time", "at", "timestamp"])
@pytest.mark.parametrize("user_key", ["user_id", "user"])
def test_usual_names_of_keys_are_known(type_key, time_key, user_key):
    event = parse(f'{{"{type_key}": "a", "{time_key}": "2024-05-17T12:00:00Z", "{user_key}": 7}}')

    assert (event.event_type, event.at, event.user_id, event.data) == ("a", NOON, 7, {})


def test_without_a_key_data_all_other_keys_are_data():
    event = parse('{"type": "a", "time": "2024-05-17T12:00:00Z", "id": 5, "plan": "team"}')

    assert event.data == {"id": 5, "plan": "team"}


def test_with_a_type_from_outside_the_whole_object_is_data():
    line = '{"ts": "2024-05-17T12:00:00Z", "type": "x", "user": "ann", "who": 7, "data": [1]}'

    event = parse(line, event_type="a", time_field="ts", user_field="who")

    assert (event.event_type, event.at, event.user_id) == ("a", NOON, 7)
    assert event.data == {"type": "x", "user": "ann", "data": [1]}


def test_the_source_of_the_options_wins_over_that_of_the_line():
    line = '{"type": "a", "time": "2024-05-17T12:00:00Z", "source": "shop"}'

    assert parse(line).source == "shop"
    assert parse(line, source="archive").source == "archive"


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("[1]", "not a JSON object that can be stored: Expected `object`, got `array`"),
        ('{"type": "a", "ti', "the JSON ends too early: the line is cut off"),
        ('{"type": NaN}', "not JSON: invalid character (byte 9)"),
        ('{"a": 1e999}', "not a JSON object that can be stored: Number out of range - at `$[...]`"),
        ('{"a": ' + "[" * 100_000, "the JSON is nested too deeply"),
        (b'{"a": "\xff"}', "a text in the JSON is not UTF-8 (invalid start byte)"),
        ('{"type": "a"}', "there is no time (time or at or timestamp), and an import needs each event's own"),
        (
            '{"time": 1}',
            "there is no event type (type or event_type or event); name one for all lines with --type",
        ),
        ('{"type": 5, "time": 1}', "the event type 5 is not a text"),
        ('{"type": "a", "time": 1, "user": true}', "the user True is neither a number nor a text"),
        ('{"type": "a", "time": 1, "source": 1}', "the source 1 is not a text"),
        ('{"type": "a", "time": 1, "data": [1]}', "the data [1] is not an object"),
        (
            '{"type": "a", "time": 1, "data": {}, "plan": 1}',
            "the key 'plan' stands beside the data; put it inside, or leave the key data away",
        ),
    ],
)
def test_a_bad_line_is_refused_with_its_reason(line, reason):
    with pytest.raises(BadLine) as refused:
        parse(line)

    assert str(refused.value) == reason


def test_a_reason_shows_no_control_characters_and_no_long_texts():
    with pytest.raises(BadLine) as refused:
        parse('{"type": "a", "time": "\\u001b[31m' + "x" * 10_000 + '"}')

    assert str(refused.value).isprintable()
    assert len(str(refused.value)) < 200


def test_blank_lines_are_passed_over_and_bad_ones_keep_their_number():
    lines = [(1, b'{"type": "a", "time": 1}'), (2, b""), (3, b" \r"), (4, b"x")]

    (first, _), (fourth, bad) = NdjsonReader(ImportOptions()).read(lines)

    assert (first, fourth) == (1, 4)
    assert isinstance(bad, BadLine)
