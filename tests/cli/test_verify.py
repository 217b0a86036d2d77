"""`picoevent verify` says in one line that all is well, and in a table where it is not."""

from __future__ import annotations

import json
import sqlite3

import pytest


@pytest.fixture
def file(embedded, embedded_url, run):
    """The SQLite file of two days' events, counted."""
    embedded.log("signup", source="shop", at=moment("2026-03-01T12:00:00"))
    embedded.log("signup", source="shop", at=moment("2026-03-31T12:10:00"))
    assert run("worker", "--once").exit_code == 0
    return embedded_url.removeprefix("sqlite:///")


def moment(text):
    from datetime import UTC, datetime

    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def spoil(file, statement):
    with sqlite3.connect(file) as connection:
        connection.execute(statement)


def test_one_line_says_that_all_is_well(run, file):
    done = run("verify")

    assert (done.exit_code, done.stdout) == (0, "31 days, 2 events: rollups and events agree.\n")


def test_a_table_says_what_differs_and_the_exit_code_is_1(run, file):
    spoil(
        file,
        "UPDATE rollup SET events = 7 WHERE tier = 3 AND event_type_id = 1 AND source_id = 1 AND bucket > 1774800000",
    )

    done = run("verify", "--range", "2026-03-31")

    assert done.exit_code == 1
    lines = [line.split() for line in done.stdout.splitlines()]
    assert lines[1] == ["day", "2026-03-31T00:00+00:00", "signup", "shop", "events", "7", "1"]
    assert lines[2] == ["month", "2026-03-01T00:00+00:00", "signup", "shop", "events", "2", "8"]
    assert done.stdout.splitlines()[-1] == "1 day, 1 event: 2 differences."
    assert done.stderr == "Run: picoevent rollups rebuild --range 2026-03-01..2026-04-01\n"


def test_where_events_wait_and_none_was_ever_counted_it_says_so_and_what_to_do(run, ready_url):
    run("log", "signup")

    before = run("verify")
    document = json.loads(run("verify", "--format", "json").stdout)
    run("worker", "--once")
    after = run("verify")

    words = "Nothing was counted yet, and 1 event waits: there is nothing to compare.\n"
    assert (before.exit_code, before.stdout, before.stderr) == (1, words, "Run: picoevent worker\n")
    assert (document["begun"], document["waiting"]) == (False, 1)
    assert (after.exit_code, after.stdout) == (0, "1 day, 1 event: rollups and events agree.\n")


def test_json_has_the_same(run, file):
    spoil(file, "DELETE FROM rollup WHERE tier = 4 AND event_type_id = 0 AND source_id = 0")

    found = json.loads(run("verify", "--format", "json").stdout)

    assert (found["agree"], found["days"], found["events"]) == (False, 31, 2)
    assert [(one["event_type"], one["source"], one["rollup"], one["raw"]) for one in found["differences"]] == [
        ("(any)", "(any)", 0, 2)
    ]


def test_an_unreadable_batch_is_named_and_what_waits_is_counted(run, file, embedded):
    spoil(file, "INSERT INTO pending (seq, events, packed) VALUES (77, 3, X'00')")
    embedded.log("signup", at=moment("2026-03-05T00:00:00"))

    done = run("verify")

    assert done.exit_code == 1
    assert "1 event more wait to be counted" in done.stderr
    assert "batch 77 of pending can't be read: its 3 events are in no rollup" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "days"),
    [
        (("--range", "2026-03"), 31),
        (("--range", "2026-03-01"), 1),
        (("--range", "2026-03-01..2026-03-11"), 10),
        (("--since", "2026-03-30", "--until", "2026-04-01"), 2),
        (("--range", "2026-03-31.."), 1),
    ],
)
def test_a_range_is_given_as_people_write_it(run, file, arguments, days):
    assert json.loads(run("verify", *arguments, "--format", "json").stdout)["days"] == days


@pytest.mark.parametrize("arguments", [("--range", "2026-13"), ("--since", "soon"), ("--range", "7d", "--since", "7d")])
def test_a_range_that_is_none_is_refused(run, file, arguments):
    assert run("verify", *arguments).exit_code == 2


def test_without_a_file_none_is_made(run, sqlite_url, monkeypatch):
    monkeypatch.setenv("PICOEVENT_URL", sqlite_url)

    done = run("verify")

    assert done.exit_code == 3
    assert "There is no file" in done.stderr
