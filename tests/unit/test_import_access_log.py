"""Access log lines: every field, every way of being wrong, and hostile ones."""

from __future__ import annotations

import time
from collections import Counter
from datetime import UTC, datetime, timedelta, timezone

import pytest

from picoevent.importing.access_log import AccessLogReader, read_log_time
from picoevent.importing.faults import BadLine
from picoevent.importing.line_file import UnfinishedLine, open_lines
from picoevent.importing.options import ImportOptions

FRONT = '192.0.2.7 - - [17/May/2015:10:05:03 +0200] "GET /a?b=c HTTP/1.1" 200 512'
COMBINED = FRONT + ' "http://example.org/" "Mozilla/5.0 (X11)"'


def parse(line, **options):
    line = line.encode() if isinstance(line, str) else line
    return AccessLogReader(ImportOptions(**options)).parse(line)


def with_request(request):
    return f'192.0.2.7 - - [17/May/2015:10:05:03 +0200] "{request}" 400 0 "-" "-"'


def test_a_combined_line_becomes_an_event_with_its_own_time():
    event = parse(COMBINED)

    assert event.event_type == "http.request"
    assert event.at == datetime(2015, 5, 17, 10, 5, 3, tzinfo=timezone(timedelta(hours=2)))
    assert event.user_id is None
    assert event.data == {
        "ip": "192.0.2.7",
        "method": "GET",
        "path": "/a?b=c",
        "status": 200,
        "bytes": 512,
        "referrer": "http://example.org/",
        "agent": "Mozilla/5.0 (X11)",
        "protocol": "HTTP/1.1",
    }


def test_a_common_line_has_no_referrer_and_no_agent():
    assert parse(FRONT).data.keys() == {"ip", "method", "path", "status", "bytes", "protocol"}


def test_type_and_source_are_the_callers():
    event = parse(COMBINED, event_type="page.view", source="shop")

    assert (event.event_type, event.source) == ("page.view", "shop")


def test_a_dash_is_none():
    data = parse('192.0.2.7 - - [17/May/2015:10:05:03 +0000] "-" 408 - "-" "-"').data

    assert data == {
        "ip": "192.0.2.7",
        "method": None,
        "path": None,
        "status": 408,
        "bytes": None,
        "referrer": None,
        "agent": None,
    }


def test_users_are_kept_where_the_log_names_one():
    data = parse(COMBINED.replace("- -", "id9 Ann Lee")).data

    assert (data["ident"], data["remote_user"]) == ("id9", "Ann Lee")


@pytest.mark.parametrize("address", ["2001:db8::1", "::1", "fe80::1%eth0", "host.example.org"])
def test_addresses_are_kept_as_they_are(address):
    data = parse(COMBINED.replace("192.0.2.7", address)).data

    assert data["ip"] == address
    assert "vhost" not in data


@pytest.mark.parametrize(
    ("request_line", "expected"),
    [
        ("GET / HTTP/2.0", ("GET", "/", "HTTP/2.0")),
        ("GET /", ("GET", "/", None)),
        ("GET /a b HTTP/1.1", ("GET", "/a b", "HTTP/1.1")),
        ("M-SEARCH * HTTP/1.1", ("M-SEARCH", "*", "HTTP/1.1")),
        (r"GET /\"a\" HTTP/1.1", ("GET", '/"a"', "HTTP/1.1")),
        (r"GET /a\\ HTTP/1.1", ("GET", "/a\\", "HTTP/1.1")),
        (r"GET /caf\xc3\xa9 HTTP/1.1", ("GET", "/caf\u00e9", "HTTP/1.1")),
        (r"GET /caf\xe9 HTTP/1.1", ("GET", r"/caf\xe9", "HTTP/1.1")),
        (r"GET /\x22\t\q HTTP/1.1", ("GET", '/"\t\\q', "HTTP/1.1")),
    ],
)
def test_requests_are_split_and_unescaped(request_line, expected):
    data = parse(with_request(request_line)).data

    assert (data["method"], data["path"], data.get("protocol")) == expected


@pytest.mark.parametrize(
    ("request_line", "kept"), [(r"\x16\x03\x01", "\x16\x03\x01"), ("quit", "quit"), ("1 2 3", "1 2 3")]
)
def test_a_request_that_is_not_http_is_kept_whole(request_line, kept):
    data = parse(with_request(request_line)).data

    assert (data["method"], data["path"], data["request"]) == (None, None, kept)


def test_bytes_that_are_not_utf_8_stay_visible():
    data = parse(COMBINED.encode().replace(b"X11", b"\xff\xc3\xa9")).data

    assert data["agent"] == "Mozilla/5.0 (\\xff\u00e9)"


@pytest.mark.parametrize(
    ("tail", "found"),
    [
        (" www.example.org", {"vhost": "www.example.org"}),
        (' "203.0.113.9"', {"extra": ["203.0.113.9"]}),
        (' 0.004 "203.0.113.9, 10.0.0.1" -', {"extra": ["0.004", "203.0.113.9, 10.0.0.1", None]}),
    ],
)
def test_fields_behind_the_user_agent_are_kept(tail, found):
    data = parse(COMBINED + tail).data

    assert data == parse(COMBINED).data | found


def test_a_virtual_host_in_front_is_not_taken_for_the_address():
    data = parse("www.example.org:443 " + COMBINED).data

    assert (data["vhost"], data["ip"]) == ("www.example.org:443", "192.0.2.7")


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (COMBINED[:-1], "the user agent is not closed by a quote: the line is cut off"),
        (COMBINED[:-1] + '\\"', "the user agent is not closed by a quote: the line is cut off"),
        (FRONT + ' "-"', "the user agent is missing: the line is cut off"),
        (FRONT + ' "http://exa', "the referrer is not closed by a quote: the line is cut off"),
        (FRONT[:-4], "the size in bytes is missing: the line is cut off"),
        (FRONT[:-8], "the status is missing: the line is cut off"),
        (FRONT[:-10], "the request is not closed by a quote: the line is cut off"),
        (FRONT.replace("512", "5x"), "the size in bytes is not a number"),
        (FRONT.replace(" 200 ", " ok "), "the status is not three digits"),
        (FRONT.replace("17/May", "2015-05"), "the time is not like [17/May/2015:10:05:03 +0000]"),
        (FRONT.replace("17/May", "31/Feb"), "the time '31/Feb/2015:10:05:03 +0200' does not exist"),
        (FRONT.replace("May", "Mai"), "the time '17/Mai/2015:10:05:03 +0200' does not exist"),
        (FRONT.replace(":10:", ":24:"), "the time '17/May/2015:24:05:03 +0200' does not exist"),
        ("192.0.2.7 - - 10:05", "the user before the time is not followed by a time in brackets"),
        ("192.0.2.7 -", "the second field is not a word"),
        ("- - -", "the line does not begin with an address"),
        (COMBINED + '"x"', "what follows the user agent is not parted from it by a space: '\"x\"'"),
        (COMBINED + ' "x', "what follows the last field is neither quoted nor a word: '\"x'"),
    ],
)
def test_a_bad_line_is_refused_with_the_field_and_the_reason(line, reason):
    with pytest.raises(BadLine) as refused:
        parse(line)

    assert str(refused.value) == reason


def test_a_line_cut_off_after_the_size_is_not_taken_for_the_common_format():
    reader = AccessLogReader(ImportOptions())
    reader.parse(COMBINED.encode())

    with pytest.raises(BadLine, match="the referrer is missing, which earlier lines have"):
        reader.parse(FRONT[:-1].encode())


@pytest.mark.parametrize(
    "line",
    [FRONT, FRONT.replace("512", "-"), COMBINED + " 0.00", COMBINED + " www.example.or"],
    ids=["the size", "no size", "a duration", "a host"],
)
def test_an_unfinished_line_whose_last_field_may_be_longer_is_refused(line):
    with pytest.raises(BadLine, match="the last line has no end: import the file again when it is complete"):
        AccessLogReader(ImportOptions()).parse(UnfinishedLine(line.encode()))


@pytest.mark.parametrize("tail", ["", "\r", ' "203.0.113.9"'], ids=repr)
def test_an_unfinished_line_that_ends_with_a_quote_is_whole(tail):
    assert AccessLogReader(ImportOptions()).parse(UnfinishedLine((COMBINED + tail).encode())) == parse(COMBINED + tail)


@pytest.mark.parametrize("tail", [' "a" "b"', ' "a" -'])
def test_an_unfinished_line_that_lacks_fields_of_earlier_lines_is_refused(tail):
    reader = AccessLogReader(ImportOptions())
    reader.parse((COMBINED + tail).encode())

    with pytest.raises(BadLine, match="the last line has no end"):
        reader.parse(UnfinishedLine((COMBINED + ' "a"').encode()))


def test_log_times_have_the_offset_of_their_line():
    assert read_log_time("01/Jan/2024:00:30:00 -0530") == datetime(2024, 1, 1, 6, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    "line",
    [
        '"' * 1_000_000,
        "a:1 " * 250_000,
        "a " * 500_000,
        " " * 999_999 + "x",
        COMBINED[:-1] + '\\"' * 500_000,
        COMBINED + ' "' + "\\" * 1_000_001,
        COMBINED + " a" * 500_000,
        "1 - - " + ' [17/May/2015:10:05:03 +0000] "\\"' * 30_000,
        with_request("G " * 500_000),
        with_request("\\x41" * 250_000),
    ],
    ids=range(10),
)
def test_a_hostile_line_of_a_megabyte_takes_no_second(line):
    reader = AccessLogReader(ImportOptions())
    started = time.process_time()

    list(reader.read([(1, line.encode())]))

    assert time.process_time() - started < 1


def test_the_real_log_is_read_but_for_its_truncated_line(real_log):
    with open_lines(real_log) as lines:
        records = list(AccessLogReader(ImportOptions()).read(lines))

    bad = [(number, str(found)) for number, found in records if isinstance(found, BadLine)]
    events = [found for _, found in records if not isinstance(found, BadLine)]
    assert bad == [(8899, "the user agent is not closed by a quote: the line is cut off")]
    assert len(events) == 9_999
    assert Counter(event.data["status"] for event in events)[404] == 213
    assert Counter(event.data["ip"] for event in events)["66.249.73.135"] == 482
    assert Counter(str(event.at.astimezone(UTC).date()) for event in events)["2015-05-18"] == 2_893
