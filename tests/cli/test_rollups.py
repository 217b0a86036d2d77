"""`picoevent rollups` shows how far the rollups are, and mends them."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime

import pytest

from picoevent.store.rollup_sizes import TABLES


def test_status_says_who_counts_what_waits_and_what_is_kept(run, ready_url):
    run("log", "signup", "--user", "7")

    document = json.loads(run("rollups", "status", "--format", "json").stdout)
    run("worker", "--once")
    words = run("rollups", "status").stdout

    assert (document["pending_events"], document["zone"], document["raw_from"]) == (1, "UTC", None)
    assert [table["table"] for table in document["tables"]] == [table.name for table in TABLES]
    assert words.startswith("Counting          ")
    assert "0 events wait" in words
    assert words.count(f"{datetime.now(UTC):%Y-%m}") >= 4


def test_sizes_grow_with_what_is_counted(run, embedded_url):
    run("log", "signup", "--user", "7")
    run("worker", "--once")

    tables = json.loads(run("rollups", "status", "--format", "json").stdout)["tables"]

    sizes = {table["table"]: (table["rows"], table["bytes"]) for table in tables}
    assert sizes["rollup"] == (16, 16 * 5 * 8)
    # Four sets of a member, five bytes each, in the minute.
    assert sizes["rollup_users"] == (4, 4 * (7 * 8 + 5))


def test_rebuild_mends_what_verify_finds_and_counts_what_waits_first(run, ready_url, monkeypatch):
    run("log", "signup", "--user", "7")
    before = run("rollups", "rebuild", "--range", "today")
    spoil(ready_url, "UPDATE rollup SET events = 5")
    found = run("verify")

    done = run("rollups", *found.stderr.split("picoevent rollups ")[1].split())

    assert before.stdout == done.stdout == "1 day, 1 event counted anew. Check: picoevent verify\n"
    assert run("verify").exit_code == 0


def spoil(url, statement):
    from picoevent import Settings
    from picoevent.store import open_store
    from picoevent.store.base import Purpose

    store = open_store(url, Settings(url=url), Purpose.ADMIN)
    with store.transaction() as connection:
        connection.exec_driver_sql(statement)
    store.close()


def test_rebuild_wants_to_know_which_days(run, embedded_url):
    done = run("rollups", "rebuild")

    assert done.exit_code == 2
    assert "Say which days" in done.stderr


def test_rebuild_refuses_where_events_were_dropped(run, embedded_url):
    run("log", "signup")
    spoil(embedded_url, "UPDATE fold_state SET raw_from = 1700000000")

    done = run("rollups", "rebuild", "--since", "2023-01-01")

    assert done.exit_code == 1
    assert "events were dropped already. Begin with --since 2023-11-15T00:00+00:00" in done.stderr


@pytest.mark.parametrize("alone", [(), ("--help",)])
def test_the_group_alone_shows_its_verbs(run, alone):
    assert "rebuild" in run("rollups", *alone).stdout


def test_rezone_says_first_what_it_does_and_does_it_only_with_yes(run, ready_url):
    run("log", "signup", "--user", "7", "--at", "400d")
    run("worker", "--once")

    said = run("rollups", "rezone", "Asia/Kathmandu")
    between = json.loads(run("rollups", "status", "--format", "json").stdout)["zone"]
    done = run("rollups", "rezone", "Asia/Kathmandu", "--yes")

    assert said.stdout.startswith("From UTC to Asia/Kathmandu.")
    assert "counted anew from about 1 event." in said.stdout
    assert said.stdout.splitlines()[-1] == "Nothing was changed. To do it, add --yes."
    assert (between, done.exit_code) == ("UTC", 0)
    assert run("rollups", "rezone", "Asia/Kathmandu").stdout == "The reporting zone is Asia/Kathmandu already.\n"
    assert run("verify").exit_code == 0


def test_rezone_of_what_was_never_counted_says_that_nothing_is_cut(run, embedded_url):
    run("log", "signup")

    said = run("rollups", "rezone", "Asia/Kathmandu").stdout

    assert said.splitlines()[0] == "From UTC to Asia/Kathmandu. Nothing was counted yet, so nothing is cut anew."
    assert "1970" not in said


def test_rezone_works_whatever_zone_is_set_and_refuses_one_that_is_none(run, embedded_url, monkeypatch):
    run("log", "signup")
    monkeypatch.setenv("PICOEVENT_TIMEZONE", "Asia/Kathmandu")

    refused = run("events")
    done = run("rollups", "rezone", "Asia/Kathmandu", "--yes")

    assert (refused.exit_code, done.exit_code) == (2, 0)
    assert run("events").exit_code == 0
    assert run("rollups", "rezone", "Atlantis").exit_code == 2


def test_rezone_says_which_days_go(run, embedded_url):
    run("log", "signup")
    run("worker", "--once")
    spoil(embedded_url, "UPDATE fold_state SET raw_from = 1790000000")

    said = run("rollups", "rezone", "America/New_York").stdout

    month = re.search(r"no day before (\d{4}-\d\d)-01 can be cut anew: those days go", said)[1]
    assert f"Months before {month} stay as UTC has cut them. No total changes." in said
