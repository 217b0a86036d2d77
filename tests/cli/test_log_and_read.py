"""`init`, `log`, `events` and `get`: an event goes in by one line and comes out by another."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, datetime, timedelta

import pytest

from picoevent import NewEvent

SECOND = timedelta(seconds=1)


def test_init_prints_its_steps_and_repeated_has_nothing_to_do(run, store_url):
    first = run("--url", store_url, "init")
    second = run("init", "--url", store_url)

    assert first.stdout.startswith("0001.1 create table installation\n")
    assert first.stdout.splitlines()[-1] == "Schema is at version 3."
    assert second.stdout == "Nothing to do: schema is at version 3.\n"


def test_a_logged_event_is_found_by_its_printed_id(run, ready_url):
    event_id = run("log", "order.paid", '{"amount": 42}', "--user", "7", "--source", "web").stdout.strip()

    found = json.loads(run("get", event_id, "--format", "json").stdout)

    assert found["id"] == event_id
    assert (found["type"], found["source"], found["user_id"], found["data"]) == ("order.paid", "web", 7, {"amount": 42})


def test_get_shows_a_person_one_line_a_field(run, embedded_url):
    event_id = run("log", "hello", '{"a": "\\u001b[31m"}', "--at", "2026-01-02T03:04:05.678+01:00").stdout.strip()

    assert run("get", event_id).stdout.splitlines() == [
        f"id      {event_id}",
        "time    2026-01-02 02:04:05.678 UTC",
        "type    hello",
        "source  default",
        "user    none",
        "data    {",
        '  "a": "\\u001b[31m"',
        "}",
    ]


def test_data_comes_from_standard_input_too(run, embedded_url):
    event_id = run("log", "probe.done", "-", stdin='{"ok": true}').stdout.strip()

    assert json.loads(run("get", event_id, "--format", "ndjson").stdout)["data"] == {"ok": True}


@pytest.mark.parametrize(
    ("options", "user"),
    [
        (["--user", "7"], 7),
        (["--user", "ann"], "ann"),
        (["--user", "007"], "007"),
        (["--text-user", "7"], "7"),
        ([], None),
    ],
    ids=str,
)
def test_digits_are_a_number_and_everything_else_is_a_text(run, embedded_url, options, user):
    event_id = run("log", "signup", *options).stdout.strip()

    shown = run("events", "--format", "ndjson", *options).stdout

    assert json.loads(shown)["user_id"] == user
    assert json.loads(shown)["id"] == event_id


def test_events_are_filtered_by_type_user_source_and_time(run, ready_url):
    run("log", "a", "--source", "web", "--user", "1", "--at", "2026-01-01")
    run("log", "b", "--source", "web", "--at", "2026-01-02")
    run("log", "c", "--source", "app", "--at", "2026-01-03")

    def types(*filters):
        return [json.loads(line)["type"] for line in run("events", "--format", "ndjson", *filters).stdout.splitlines()]

    assert types() == ["c", "b", "a"]
    assert types("--order", "oldest", "--type", "a", "--type", "c") == ["a", "c"]
    assert types("--user", "1") == ["a"]
    assert types("--source", "web") == ["b", "a"]
    assert types("--since", "2026-01-02", "--until", "2026-01-03") == ["b"]


def test_a_page_ends_with_the_cursor_of_the_next_one(run, embedded):
    embedded.log_many([NewEvent("step", {"n": n}, at=datetime.now(UTC) - 9 * SECOND + n * SECOND) for n in range(3)])

    first = run("events", "--limit", "2")
    cursor = first.stderr.split()[-1]
    rest = json.loads(run("events", "--limit", "2", "--cursor", cursor, "--format", "json").stdout)

    assert first.stderr == f"more: --cursor {cursor}\n"
    assert [event["data"]["n"] for event in rest["events"]] == [0]
    assert rest["next_cursor"] is None


def test_json_is_one_document_also_when_it_is_long_or_empty(run, embedded):
    empty = json.loads(run("events", "--format", "json").stdout)
    embedded.log_many([NewEvent("step", {"n": n}) for n in range(1500)])

    everything = json.loads(run("events", "--all", "--format", "json").stdout)

    assert empty == {"events": [], "next_cursor": None, "complete": True}
    assert len(everything["events"]) == 1500
    assert list(everything) == ["events", "next_cursor", "complete"]


def test_a_table_is_aligned_and_obeys_no_control_characters(run, embedded):
    embedded.log("red\x1b[31m", {"text": "a\u202eb\x07"}, user_id="ann")
    embedded.log("wide-日本", {}, user_id=12)

    header, wide, red = run("events").stdout.splitlines()

    assert {"\x1b", "\u202e", "\x07"} & set(red) == set()
    assert r"red\x1b[31m" in red
    assert header.index("DATA") == red.index("{")
    assert header.index("SOURCE") == red.index("default") == wide.index("default") + 2


def test_csv_is_safe_to_open_in_a_spreadsheet_and_keeps_everything(run, embedded):
    embedded.log("=cmd()", {"a": [1, "x,y"]}, user_id="+1", source="@web")
    embedded.log("-minus", None, user_id="\tann", source="\rweb")

    rows = list(csv.DictReader(io.StringIO(run("events", "--order", "oldest", "--format", "csv").stdout)))

    assert [row["type"] for row in rows] == ["'=cmd()", "'-minus"]
    assert [row["user_id"] for row in rows] == ["'+1", "'\tann"]
    assert rows[0]["source"] == "'@web"
    assert json.loads(rows[0]["data"]) == {"a": [1, "x,y"]}


def test_no_match_is_said_and_is_no_failure(run, embedded_url):
    result = run("events", "--type", "nothing.like.it")

    assert result.exit_code == 0
    assert result.stderr == "No event matches.\n"


def test_all_and_a_page_exclude_each_other(run, embedded_url):
    assert run("events", "--all", "--limit", "5").exit_code == 2
    assert run("events", "--all", "--cursor", "n1").exit_code == 2
