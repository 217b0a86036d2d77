"""`import`: every line is stored once or reported, and the summary adds up."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys

import pytest

from .conftest import make_tables

GOOD = '{"type": "a", "time": "2026-01-01T00:00:00Z"}\n'


def test_a_real_log_is_stored_once_however_often_it_is_imported(run, ready_url, real_log):
    first = run("import", real_log, "--source", "www")
    second = run("import", real_log, "--source", "www")

    assert first.exit_code == second.exit_code == 0
    assert f"{real_log}: 10,000 lines, 9,999 stored, 0 already there, 0 refused, 1 bad line in " in first.stdout
    assert ", 0 stored, 9,999 already there, 0 refused, 1 bad line in " in second.stdout
    complaint = f"{real_log}:8899: the user agent is not closed by a quote: the line is cut off"
    assert [line for line in first.stderr.splitlines() if not line.startswith(("note: ", "warning: "))] == [complaint]


def test_a_server_that_forbids_load_data_is_named_once(run, mysql_url, loading_url, clean_place):
    (clean_place / "a.ndjson").write_text(GOOD)
    for url in (mysql_url, loading_url):
        make_tables(url)

    forbidden, allowed = (run("--url", url, "import", "a.ndjson") for url in (mysql_url, loading_url))

    notes = [line for line in forbidden.stderr.splitlines() if line.startswith("note: ")]
    assert len(notes) == 1
    assert notes[0].startswith("note: the events were stored by INSERT, which takes longer: MySQL at 127.0.0.1")
    assert notes[0].endswith(" does not allow LOAD DATA LOCAL (4166).")
    assert ("note: " in allowed.stderr, "1 stored" in allowed.stdout) == (False, True)


def test_bad_lines_fail_the_import_only_where_that_is_wanted(run, embedded_url, clean_place):
    (clean_place / "a.ndjson").write_text(GOOD + "broken\n")

    assert run("import", "a.ndjson").exit_code == 0
    assert run("import", "a.ndjson", "--strict").exit_code == 1


def test_the_first_bad_lines_are_shown_and_the_rest_is_counted(run, embedded_url, clean_place):
    (clean_place / "a.ndjson").write_text(GOOD + "broken\n" * 25)

    some = run("import", "a.ndjson").stderr.splitlines()
    every = run("import", "a.ndjson", "--all-bad-lines").stderr.splitlines()

    assert len(some) == 21
    assert some[-1] == "... and 5 more; --all-bad-lines shows them."
    assert len(every) == 25
    assert every[0].startswith("a.ndjson:2: not JSON")


def test_a_refused_event_is_reported_once_and_fails_the_import(run, embedded_url, clean_place):
    (clean_place / "a.ndjson").write_text(GOOD + '{"type": "b", "time": "2190-01-01T00:00:00Z"}\n')

    result = run("import", "a.ndjson")

    assert result.exit_code == 1
    assert result.stderr.startswith("a.ndjson:2: refused (time_invalid)")
    assert result.stderr.count("\n") == 1


def test_several_files_have_a_line_each_and_a_total(run, embedded_url, clean_place):
    (clean_place / "a.ndjson").write_text(GOOD)
    (clean_place / "b.csv").write_text("type,time\nb,2026-01-01T00:00:00Z\n")

    lines = run("import", "a.ndjson", "b.csv").stdout.splitlines()

    assert [line.partition(":")[0] for line in lines] == ["a.ndjson", "b.csv", "total"]
    assert "2 stored" in lines[2]


def test_a_file_that_is_not_there_fails_and_the_others_are_imported(run, embedded_url, clean_place):
    (clean_place / "a.ndjson").write_text(GOOD)

    result = run("import", "nowhere.csv", "a.ndjson", "--format", "json")
    document = json.loads(result.stdout)

    assert result.exit_code == 1
    assert document["total"]["stored"] == 1
    assert "nowhere.csv" in document["files"][0]["trouble"]


def test_standard_input_is_a_file_too(run, embedded_url):
    result = run(
        "import", "-", "--type", "visit", "--file-format", "ndjson", stdin='{"time": "2026-01-01T00:00:00Z"}\n'
    )

    assert result.stdout.startswith("standard input: 1 line, 1 stored")


def test_what_was_exported_can_be_imported_elsewhere(run, embedded_url, clean_place):
    run("log", "order.paid", '{"amount": 42}', "--user", "ann", "--source", "shop")
    exported = run("events", "--all", "--format", "ndjson").stdout

    run("--url", "sqlite:///other.db", "import", "-", stdin=exported)
    other = json.loads(run("--url", "sqlite:///other.db", "events", "--format", "ndjson").stdout)

    assert {**other, "id": None} == {**json.loads(exported), "id": None}


def test_ctrl_c_says_that_the_import_can_be_repeated(embedded_url):
    command = [sys.executable, "-m", "picoevent", "import", "-"]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    importing = subprocess.Popen(command, **pipes, text=True, env=os.environ)
    importing.stdin.write("broken\n" + GOOD * 2000)
    importing.stdin.flush()
    # It has stored a batch then, and waits for more lines.
    importing.stderr.readline()

    importing.send_signal(signal.SIGINT)
    _, complaints = importing.communicate(timeout=20)

    assert importing.returncode == 130
    assert complaints.strip() == "Stopped. Repeat the same import: it goes on, and stores nothing twice."


@pytest.mark.parametrize("options", [["--timezone", "Mars/Base"], ["--file-format", "xml"]], ids=" ".join)
def test_wrong_options_stop_before_anything_is_read(run, embedded_url, options):
    result = run("import", "-", *options, stdin=GOOD)

    assert result.exit_code == 2
    assert result.stderr.startswith("error: ")
