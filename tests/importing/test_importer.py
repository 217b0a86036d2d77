"""What an import does with bad lines, bad files, refused events and a store that goes away."""

from __future__ import annotations

import gzip
import io
import json
import os

import pytest

from picoevent import EventLog, RejectReason, StoreNotReady
from picoevent.importing import FileFormat, ImportOptions, ImportStopped, LineProblem, import_files
from picoevent.importing.report import KEPT_PROBLEMS


def line(second, **fields):
    return json.dumps({"type": "ping", "time": f"2024-05-17T12:00:{second:02d}Z", **fields})


def test_events_of_all_fields_are_stored(events, write_lines):
    path = write_lines(line(7, user_id="ann", source="shop", data={"amount": 42}))

    import_files(events, [path])

    [event] = events.events().events
    assert (event.event_type, event.source, event.user_id, event.data) == (
        "ping",
        "shop",
        "ann",
        {"amount": 42},
    )
    assert event.time.isoformat() == "2024-05-17T12:00:07+00:00"


def test_exported_events_are_the_same_after_an_import(events, write_lines, open_log, tmp_path):
    texts = ["\u00e9\u4e16\U0001f600", "\x1b[31m", 'a"b\\c\n', ""]
    for number, text in enumerate(texts):
        events.log("a.b", {"text": text, "n": number}, user_id=text or number, source="shop")
    exported = [event.to_dict() for event in events.iter_events()]
    other = open_log(f"sqlite:///{tmp_path / 'other.db'}")

    import_files(other, [write_lines(*map(json.dumps, exported))])

    imported = [event.to_dict() for event in other.iter_events()]
    assert sorted(_without_id(imported)) == sorted(_without_id(exported))


def _without_id(rows):
    return [json.dumps({**row, "id": ""}) for row in rows]


def test_bad_lines_do_not_stop_the_rest_and_are_told_with_number_and_reason(embedded, write_lines):
    told = []
    path = write_lines(line(1), "{", "", line(2), "[]", line(3))

    report = import_files(embedded, [path], on_bad_line=told.append)

    assert (report.lines, report.stored, report.bad, report.complete) == (6, 3, 2, False)
    assert told == report.files[0].problems
    assert str(told[0]) == f"{path}, line 2: the JSON ends too early: the line is cut off"
    assert [problem.line for problem in told] == [2, 5]


def test_refused_events_are_counted_by_reason_and_told_with_their_line(embedded, write_lines):
    path = write_lines(line(1), line(2, type=""), "x", line(3, time="1999-01-01T00:00:00Z"), line(4, type=""), line(5))

    report = import_files(embedded, [path])

    assert (report.stored, report.bad) == (2, 1)
    assert report.refused == {RejectReason.EVENT_TYPE_INVALID: 2, RejectReason.TIME_INVALID: 1}
    assert [(p.line, p.refused) for p in report.files[0].problems if p.refused] == [
        (2, RejectReason.EVENT_TYPE_INVALID),
        (4, RejectReason.TIME_INVALID),
        (5, RejectReason.EVENT_TYPE_INVALID),
    ]


def test_only_the_first_bad_lines_are_kept_and_all_are_counted(embedded, write_lines):
    path = write_lines(*["x"] * (KEPT_PROBLEMS + 50))

    report = import_files(embedded, [path], ImportOptions(FileFormat.NDJSON))

    assert report.bad == KEPT_PROBLEMS + 50
    assert len(report.files[0].problems) == KEPT_PROBLEMS
    assert report.files[0].problems[0] == LineProblem(str(path), 1, "not JSON: invalid character (byte 0)")


def test_a_file_that_cannot_be_read_does_not_stop_the_others(embedded, write_lines, tmp_path):
    paths = [tmp_path / "missing", tmp_path, write_lines("?", name="a.txt"), write_lines(line(1))]

    report = import_files(embedded, paths)

    troubles = [file.trouble for file in report.files]
    assert troubles[0] == f"{paths[0]}: cannot be opened: No such file or directory."
    assert "Is a directory" in troubles[1]
    assert "--file-format: ndjson, csv, access-log" in troubles[2]
    assert (troubles[3], report.stored, report.complete) == ("", 1, False)


def test_a_gzip_file_that_is_cut_off_is_stored_up_to_there_and_completed_later(embedded, tmp_path):
    content = "".join(line(number % 60, data={"n": number}) + "\n" for number in range(3_000)).encode()
    path = tmp_path / "a.ndjson.gz"
    path.write_bytes(gzip.compress(content)[:-3_000])
    first = import_files(embedded, [path])
    path.write_bytes(gzip.compress(content))

    second = import_files(embedded, [path])

    assert (
        first.files[0].trouble == f"{path}: the gzip file is cut off: it ends in the middle, after line {first.lines}."
    )
    assert (first.stored, first.bad) == (first.lines, 0)
    assert (second.already, second.stored + second.already) == (first.stored, 3_000)


ACCESS = '192.0.2.7 - - [17/May/2024:12:00:00 +0000] "GET / HTTP/1.1" 200 5678'


@pytest.mark.parametrize(
    ("name", "whole"),
    [
        ("access.log", ACCESS + "\n" + ACCESS),
        ("only.log", ACCESS),
        ("paid.ndjson", line(1, data={"bytes": 5678})),
    ],
)
def test_a_file_that_is_still_being_written_leaves_no_half_event(embedded, tmp_path, name, whole):
    path = tmp_path / name
    path.write_text(whole[:-2])
    first = import_files(embedded, [path])
    path.write_text(whole + "\n")

    import_files(embedded, [path])

    assert (first.bad, first.files[0].trouble) == (1, "")
    assert {event.data["bytes"] for event in embedded.iter_events()} == {5678}


@pytest.mark.parametrize(
    ("name", "content"), [("access.log", ACCESS), ("paid.csv", "type,time,bytes\npaid,1715947200,5678")]
)
def test_a_file_that_was_left_alone_for_a_minute_needs_no_last_line_feed(embedded, tmp_path, name, content):
    path = tmp_path / name
    path.write_text(content)
    os.utime(path, (path.stat().st_mtime - 61,) * 2)

    report = import_files(embedded, [path])

    assert (report.stored, report.bad) == (1, 0)


@pytest.mark.parametrize(
    "bad",
    [
        line(1, time=-63_135_596_800),
        line(1, time="9999-12-31T23:59:59"),
        line(1, time="9999-12-31T23:59:59-05:00"),
        line(1, time="0001-01-01T00:00:00+09:00"),
        ACCESS.replace("17/May/2024:12", "31/Dec/9999:23").replace("+0000", "-0500"),
        ACCESS.replace("17/May/2024:12", "01/Jan/0001:00").replace("+0000", "+0900"),
    ],
)
def test_a_time_at_the_ends_of_the_calendar_does_not_stop_the_rest(events, write_lines, bad):
    good = ACCESS if bad.startswith("192") else line(2)
    path = write_lines(good, bad, good)

    report = import_files(events, [path], ImportOptions(timezone="America/New_York"))

    assert (report.stored, report.bad + report.refused.total()) == (2, 1)


def test_batches_are_bounded_by_bytes_too(embedded, write_lines):
    path = write_lines(*[line(number, data={"text": "x" * 900_000}) for number in range(12)])
    told = []

    import_files(embedded, [path], on_progress=lambda _done, _total, events: told.append(events))

    assert told == [5, 10, 12]


def test_an_empty_file_stores_nothing_and_is_no_trouble(embedded, write_lines):
    report = import_files(embedded, [write_lines(name="empty.log")])

    assert (report.lines, report.stored, report.complete) == (0, 0, True)


def test_standard_input_is_imported(embedded, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(line(1).encode())))
    told = []

    report = import_files(embedded, ["-"], on_progress=lambda *progress: told.append(progress))

    assert report.files[0].file == "standard input"
    assert (report.stored, told) == (1, [(len(line(1)), None, 1)])


def test_progress_is_told_in_bytes_of_all_files(embedded, write_lines):
    lines = [line(number % 60, data={"n": number}) for number in range(40_000)]
    paths = [write_lines(*lines[:30_000], name="a.ndjson"), write_lines(*lines[30_000:], name="b.ndjson")]
    told = []

    report = import_files(embedded, paths, on_progress=lambda *progress: told.append(progress))

    size = sum(path.stat().st_size for path in paths)
    assert {total for _, total, _ in told} == {size}
    assert [so_far for _, _, so_far in told][:4] == [1_000, 3_000, 7_000, 12_000]
    assert told == sorted(told)
    assert told[-1][0] == size
    assert report.events_per_second > 0


@pytest.mark.parametrize("local_infile", [True, False])
def test_a_store_that_goes_away_stops_the_import_and_repeating_it_completes(
    own_mariadb, write_lines, open_log, local_infile
):
    server = own_mariadb(local_infile=local_infile)
    events = open_log(server.create_database("app"))
    path = write_lines(*[line(number % 60, data={"n": number}) for number in range(20_000)])

    kills = iter([server.kill])

    # The batch behind the first one may have been committed already.
    with pytest.raises(ImportStopped, match=r"At least [13],000 events were stored .* Repeat the same import"):
        import_files(events, [path], on_progress=lambda *_: next(kills, int)())
    server.start()
    report = import_files(events, [path])

    assert report.already >= 1_000
    assert report.already + report.stored == 20_000


def test_a_store_without_a_schema_says_so(mysql_url, write_lines):
    with EventLog(mysql_url) as events, pytest.raises(StoreNotReady):
        import_files(events, [write_lines(line(1))])
