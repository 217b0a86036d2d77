"""A real access log on real databases: all of it, exactly once, whatever comes in between."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections import Counter
from datetime import UTC, datetime, timedelta

from picoevent.importing import BadLine, ImportOptions, LineProblem, import_files
from picoevent.importing.access_log import AccessLogReader
from picoevent.importing.line_file import open_lines

KILLED_HALF_WAY = """
import os, signal, sys
from picoevent import EventLog
from picoevent.importing import import_files

def on_progress(_done, _total, so_far):
    if so_far >= 1000:
        os.kill(os.getpid(), signal.SIGKILL)

import_files(EventLog(sys.argv[1], deadline_ms=30_000), [sys.argv[2]], on_progress=on_progress)
"""


def test_every_line_but_the_truncated_one_is_stored(events, real_log):
    report = import_files(events, [real_log])

    assert (report.lines, report.stored, report.already, report.bad) == (10_000, 9_999, 0, 1)
    reason = "the user agent is not closed by a quote: the line is cut off"
    assert report.files[0].problems == [LineProblem(str(real_log), 8899, reason)]
    found = list(events.iter_events(event_type="http.request"))
    assert len(found) == 9_999
    assert Counter(event.data["status"] for event in found)[404] == 213
    assert Counter(event.data["ip"] for event in found)["66.249.73.135"] == 482
    monday = datetime(2015, 5, 18, tzinfo=UTC)
    assert events.count(since=monday, until=monday + timedelta(days=1)) == 2_893


def test_what_is_stored_is_what_the_lines_say(embedded, real_log):
    import_files(embedded, [real_log])

    with open_lines(real_log) as lines:
        records = [found for _, found in AccessLogReader(ImportOptions()).read(lines)]
    expected = Counter((r.at, repr(r.data)) for r in records if not isinstance(r, BadLine))
    assert Counter((event.time, repr(event.data)) for event in embedded.iter_events()) == expected


def test_a_second_import_stores_nothing(events, real_log):
    import_files(events, [real_log])

    report = import_files(events, [real_log])

    assert (report.stored, report.already, report.bad) == (0, 9_999, 1)
    assert events.count() == 9_999


def test_an_import_that_was_killed_half_way_is_completed(store_url, events, real_log):
    killed = subprocess.run([sys.executable, "-c", KILLED_HALF_WAY, store_url, real_log], check=False)
    stored_before = events.count()

    report = import_files(events, [real_log])

    assert killed.returncode == -signal.SIGKILL
    assert 1_000 <= stored_before < 9_999
    assert report.already == stored_before
    assert events.count() == 9_999


def test_a_file_named_twice_is_stored_once(embedded, real_log):
    report = import_files(embedded, [real_log, real_log])

    assert [(file.stored, file.already) for file in report.files] == [(9_999, 0), (0, 9_999)]


def test_another_source_makes_other_events(embedded, real_log):
    import_files(embedded, [real_log])

    import_files(embedded, [real_log], ImportOptions(source="mirror", event_type="page.view"))

    assert embedded.count(source="mirror", event_type="page.view") == 9_999
    assert embedded.count() == 2 * 9_999
