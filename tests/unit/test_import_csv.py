"""CSV: columns, numbers, quoted line feeds, and what a stray quote can do."""

from __future__ import annotations

import csv
import time

import pytest

from picoevent.importing.csv_lines import CsvReader
from picoevent.importing.faults import BadLine, UnreadableFile
from picoevent.importing.line_file import GrowingLine, UnfinishedLine
from picoevent.importing.options import ImportOptions

HEADER = "type,time,user_id,note\n"


def read(text, **options):
    content = text if isinstance(text, bytes) else text.encode()
    return list(CsvReader(ImportOptions(**options)).read(enumerate(content.split(b"\n"), start=1)))


def outcome(text):
    """Line number and note of good records, line number and reason of bad ones."""
    return [
        (number, str(found) if isinstance(found, BadLine) else found.data.get("note")) for number, found in read(text)
    ]


def test_columns_are_fields_and_the_rest_is_data():
    [(number, event)] = read("type,time,user_id,source,plan,seats\na,1715947200,7,shop,team,3\n")

    assert number == 2
    assert (event.event_type, event.user_id, event.source) == ("a", 7, "shop")
    assert event.at.isoformat() == "2024-05-17T12:00:00+00:00"
    assert event.data == {"plan": "team", "seats": 3}


def test_a_column_data_holds_json():
    records = read('id,type,time,data\n5,a,1715947200,"{""n"": 1}"\n6,a,1715947200,\n')

    assert [event.data for _, event in records] == [{"n": 1}, None]


def test_with_a_type_from_outside_all_columns_are_data():
    [(_, event)] = read("when,who,type\n1715947200,007,x\n", event_type="a", time_field="when", user_field="who")

    assert (event.event_type, event.user_id, event.data) == ("a", "007", {"type": "x"})


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("42", 42),
        ("-7", -7),
        ("0", 0),
        ("1.5", 1.5),
        ("-0.25", -0.25),
        ("007", "007"),
        ("+1", "+1"),
        ("-0", "-0"),
        ("1.50", "1.50"),
        ("1e5", "1e5"),
        (".5", ".5"),
        ("1.", "1."),
        ("nan", "nan"),
        ("true", "true"),
        ("12345678901234567890", "12345678901234567890"),
        ("0.1234567890123456789", "0.1234567890123456789"),
        ("\u0663", "\u0663"),
    ],
)
def test_a_text_becomes_a_number_only_where_nothing_is_lost(text, value):
    [(_, event)] = read(f"{HEADER}a,1715947200,,{text}")

    assert event.data["note"] == value
    assert type(event.data["note"]) is type(value)


def test_an_empty_field_is_left_out():
    [(_, event)] = read(HEADER + "a,1715947200,,\n")

    assert (event.user_id, event.data) == (None, {})


def test_quoted_line_feeds_do_not_lose_the_line_number():
    text = HEADER + 'a,1715947200,,"one\ntwo\n\nfour"\r\n\na,1715947200,,last\n'

    assert outcome(text) == [(2, "one\ntwo\n\nfour"), (7, "last")]


def test_a_quote_that_is_not_closed_spoils_its_own_line_only():
    assert outcome(HEADER + 'a,1715947200,,"open\na,1715947200,,good\na,1715947200,,"b"x\na,1715947200,,last\n') == [
        (2, "not CSV: ',' expected after '\"'"),
        (3, "good"),
        (4, "not CSV: ',' expected after '\"'"),
        (5, "last"),
    ]


def test_a_quote_that_is_never_closed_is_found_at_the_end_of_the_file():
    assert outcome(HEADER + 'a,1715947200,,"open\na,1715947200,,good') == [
        (2, "a quoted field is not closed before the file ends"),
        (3, "good"),
    ]


def test_a_quote_that_is_never_closed_is_found_after_so_many_bytes():
    good = "a,1715947200,," + "x" * 1_000
    found = outcome(HEADER + 'a,1715947200,,"open\n' + (good + "\n") * 6_000)

    assert found[0] == (2, "a quoted field is not closed within 4 MB")
    assert found[1:] == [(number, "x" * 1_000) for number in range(3, 6_003)]


def test_a_quoted_text_of_many_lines_is_one_record():
    text = "\n".join(f"line {number}" for number in range(20_000))

    assert outcome(f'{HEADER}a,1715947200,,"{text}"\na,1715947200,,last') == [(2, text), (20_002, "last")]


def test_quotes_that_are_opened_on_every_line_take_no_more_than_linear_time():
    started = time.process_time()

    found = outcome(HEADER + 'x","\n' * 50_000)

    assert len(found) == 50_000
    assert time.process_time() - started < 5


def test_a_new_table_needs_no_last_line_feed():
    lines = [HEADER.strip().encode(), UnfinishedLine(b"a,1715947200,,x")]

    [(number, event)] = CsvReader(ImportOptions()).read(enumerate(lines, start=1))

    assert (number, event.event_type) == (2, "a")


def test_the_last_record_of_a_table_that_is_being_written_is_bad_as_a_whole():
    lines = [HEADER.strip().encode(), b'a,1715947200,,"one', b"a,1715947200,,two", GrowingLine(b'three"')]

    [(number, bad)] = CsvReader(ImportOptions()).read(enumerate(lines, start=1))

    assert (number, str(bad)) == (2, "the last line has no end: import the file again when it is complete")


def test_a_record_of_another_width_is_refused():
    assert outcome(HEADER + "a,1\na,1715947200,,x,y\n") == [
        (2, "2 fields, where the header names 4 columns"),
        (3, "5 fields, where the header names 4 columns"),
    ]


def test_a_line_that_is_not_utf_8_is_refused():
    assert outcome(HEADER.encode() + b"a,1715947200,,\xff\na,1715947200,,good") == [
        (2, "byte 14 of line 2 is not UTF-8 (invalid start byte)"),
        (3, "good"),
    ]


def test_a_field_of_a_megabyte_is_read_and_the_limit_of_the_process_stays():
    before = csv.field_size_limit()

    [(_, event), _] = read(HEADER + "a,1715947200,," + "x" * 1_000_000 + "\na,1715947200,,good")

    assert len(event.data["note"]) == 1_000_000
    assert csv.field_size_limit() == before


def test_two_tables_that_are_read_at_once_do_not_lower_the_limit_for_each_other():
    table = (HEADER + "a,1715947200,," + "x" * 1_000_000).encode().split(b"\n")
    one, other = (CsvReader(ImportOptions()).read(enumerate([*table, table[1]], start=1)) for _ in range(2))

    events = [next(one), next(other), *one, *other]

    assert {len(event.data["note"]) for _, event in events} == {1_000_000}


def test_data_that_is_not_json_is_refused_with_its_column():
    [(_, bad)] = read("type,time,data\na,1715947200,{x\n")

    assert str(bad).startswith("in the column data: not JSON")


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        ("type,note", "no column for the time"),
        ("time,note", "no column for the event type"),
        ("type,time,", "unnamed or equal columns"),
        ("type,time,time", "unnamed or equal columns"),
        ('type,"time', "cannot be read"),
    ],
)
def test_a_header_that_cannot_be_used_is_told_before_any_line(header, reason):
    with pytest.raises(UnreadableFile, match=reason):
        read(header + "\na,1\n")


def test_a_file_without_a_header_has_no_events():
    assert read("\n\n") == []
