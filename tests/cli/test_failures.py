"""What goes wrong is one line on stderr with a hint, and the exit code says of which kind it was."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from picoevent.cli.failures import exit_code_of
from picoevent.errors import Rejected, RejectReason

AWAY = "mysql://app:geheim@127.0.0.1:1/picoevent"


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["log", ""], 1, "Event refused (event_type_invalid)"),
        (["log", "a", '{"x": NaN}'], 1, "Event refused (number_not_finite): data.x"),
        (["log", "a", "--at", "2200-01-01"], 1, "Event refused (time_invalid)"),
        (["get", "1"], 1, "There is no event 1."),
        (["get", "one"], 2, "'one' is not an event id."),
        (["log"], 2, "Missing argument 'TYPE'. See: picoevent log --help"),
        (["log", "a", "{broken"], 2, "DATA is not JSON"),
        (["log", "a", "[1]"], 2, "DATA is JSON, but not an object."),
        (["log", "a", "--user", "1", "--text-user", "1"], 2, "--user and --text-user exclude each other."),
        (["events", "--since", "soon"], 2, "'soon' is not a time. Write 2026-11-22"),
        (["events", "--cursor", "x1"], 2, "This cursor was not made here."),
        (["events", "--format", "xml"], 2, "'xml' is not one of"),
        (["--url", "oracle://db1/x", "events"], 2, "The setting url is 'oracle://db1/x'"),
        (["--url", AWAY, "events"], 3, "See runbooks/mysql-away.md."),
        (["--url", AWAY, "init"], 3, "MySQL at 127.0.0.1:1 does not answer"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_an_error_is_one_line_with_its_exit_code(run, embedded_url, arguments, code, words):
    result = run(*arguments)

    assert result.exit_code == code
    assert result.stdout == ""
    assert result.stderr.startswith("error: ")
    assert result.stderr.count("\n") == 1
    assert words in result.stderr
    assert "geheim" not in result.stderr


def test_a_database_without_tables_is_not_ready(run, mysql_url):
    result = run("--url", mysql_url, "events")

    assert result.exit_code == 3
    assert result.stderr.endswith("has no PicoEvent schema. Run: picoevent init\n")


def test_an_event_that_finds_no_tables_says_what_to_run_at_its_end(run, mysql_url):
    result = run("--url", mysql_url, "log", "signup")

    assert result.exit_code == 3
    assert result.stderr.startswith("error: The event was not stored: MySQL at ")
    assert result.stderr.endswith("has no PicoEvent schema. Run: picoevent init\n")


def test_an_event_that_has_to_wait_says_why_and_where_and_no_more(run, clean_place, monkeypatch):
    monkeypatch.setenv("PICOEVENT_SPOOL_DIR", str(clean_place / "spool"))

    result = run("--url", AWAY, "log", "signup")

    why, where = result.stderr.splitlines()
    assert (result.exit_code, result.stdout.strip().isdigit()) == (0, True)
    assert why.startswith("warning: the database is away")
    assert where.startswith("The event is in the spool on this machine's disk")


@pytest.mark.parametrize("verb", [["events"], ["get", "1"], ["tail"], ["analyst", "list"]], ids=" ".join)
def test_reading_does_not_make_a_file_that_is_not_there(run, clean_place, verb):
    result = run(*verb)

    assert result.exit_code == 3
    assert result.stderr.startswith(
        f"error: There is no file {Path.cwd()}/picoevent.db. Log an event or run `picoevent init`"
    )
    assert list(clean_place.iterdir()) == []


def test_a_wrong_variable_is_named_with_what_would_be_right(run, monkeypatch):
    monkeypatch.setenv("PICOEVENT_PORT", "http")

    result = run("settings")

    assert result.exit_code == 2
    assert "The setting port is 'http', which is wrong. Set PICOEVENT_PORT" in result.stderr


def test_refusals_of_a_database_that_is_away_are_of_its_kind():
    assert exit_code_of(Rejected(RejectReason.STORE_UNAVAILABLE, "away")) == 3
    assert exit_code_of(Rejected(RejectReason.DATA_TOO_DEEP, "deep")) == 1


def test_a_traceback_is_shown_to_whoever_asks(run, embedded_url, monkeypatch):
    silent = run("get", "1")
    monkeypatch.setenv("PICOEVENT_DEBUG", "1")
    loud = run("get", "1")

    assert "Traceback" not in silent.stderr
    assert "Traceback" in loud.stderr
    assert loud.stderr.endswith(silent.stderr)


def test_a_reader_that_has_seen_enough_ends_the_output_quietly(embedded):
    embedded.log_many([{"event_type": "step", "data": {"text": "x" * 500}} for _ in range(1000)])
    reading = subprocess.Popen(
        [sys.executable, "-m", "picoevent", "events", "--all", "--format", "ndjson"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=os.environ,
    )
    reading.stdout.read(100)
    reading.stdout.close()

    assert reading.stderr.read() == b""
    reading.stderr.close()
    assert reading.wait(20) == 0
