"""The format of a file, found by what is in it, then by its name, or asked for."""

from __future__ import annotations

import io

import pytest

from picoevent.importing.access_log import AccessLogReader
from picoevent.importing.detection import detect_format, open_reader
from picoevent.importing.faults import UnreadableFile
from picoevent.importing.line_file import LineFile
from picoevent.importing.options import FileFormat, ImportOptions

ACCESS = b'::1 - - [17/May/2015:10:05:03 +0000] "GET / HTTP/1.1" 200 5 "-" "-"\n'


def detect(content, name="standard input", **options):
    return detect_format(LineFile(io.BytesIO(content), name), ImportOptions(**options))


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b'\n\n{"a": 1}\n', FileFormat.NDJSON),
        (ACCESS, FileFormat.ACCESS_LOG),
        (ACCESS[20:] + ACCESS, FileFormat.ACCESS_LOG),
        (b"time,type,amount\n1,a,5\n", FileFormat.CSV),
        (b'"time","event"\r\n', FileFormat.CSV),
    ],
    ids=["json", "access log", "first line damaged", "csv", "csv quoted"],
)
def test_the_first_lines_tell_the_format(content, found):
    assert detect(content) is found


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("a.ndjson", FileFormat.NDJSON),
        ("a.jsonl.gz", FileFormat.NDJSON),
        ("A.CSV", FileFormat.CSV),
        ("/var/log/access.log.1", FileFormat.ACCESS_LOG),
        ("access_log-20150517.gz", FileFormat.ACCESS_LOG),
    ],
)
def test_the_name_tells_the_format_where_the_lines_do_not(name, found):
    assert detect(b"what is this\n", name) is found


def test_the_lines_win_over_the_name():
    assert detect(ACCESS, "a.json") is FileFormat.ACCESS_LOG


def test_named_fields_make_a_header_a_header():
    assert detect(b"when,amount\n1,5\n", event_type="a", time_field="when") is FileFormat.CSV


def test_a_format_that_was_named_is_not_guessed():
    lines = LineFile(io.BytesIO(b'{"a": 1}\n'), "a.json")

    assert isinstance(open_reader(lines, ImportOptions(FileFormat.ACCESS_LOG)), AccessLogReader)


def test_an_empty_file_raises_no_question():
    assert detect(b"") is FileFormat.NDJSON
    assert detect(b"\n\n") is FileFormat.NDJSON


@pytest.mark.parametrize(
    "content", [b"what is this\n", b"\xe9,time\n", b'"time'], ids=["words", "latin-1", "open quote"]
)
def test_an_unknown_format_is_asked_for_with_the_choices(content):
    with pytest.raises(UnreadableFile, match="--file-format: ndjson, csv, access-log"):
        detect(content, "a.txt")


@pytest.mark.parametrize("content", [b'[\n {"a": 1}\n]\n', b'{\n "a": 1\n}\n'])
def test_a_json_document_over_several_lines_is_refused_with_a_way_out(content):
    with pytest.raises(UnreadableFile, match=r"jq -c"):
        detect(content, "a.json")
