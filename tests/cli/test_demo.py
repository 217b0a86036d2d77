"""`demo`: a filled shop with one command; cut off anywhere it is completed, and it never harms another file."""

from __future__ import annotations

import os
import re
import signal
import sqlite3
import subprocess
import sys
import urllib.request
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from picoevent import EventLog, NewEvent
from picoevent.demo import shop_events
from picoevent.demo.history import FILL_STARTED, fill, make_plan
from picoevent.demo.place import DemoPlace, NotADemo
from picoevent.demo.run import events_per_second, log_steps
from picoevent.testing.process import free_port

TINY = ("--days", "1", "--events-per-day", "300", "--no-serve")


@pytest.fixture
def place(clean_place):
    return DemoPlace(clean_place / "demo.db")


@pytest.fixture
def events(place):
    with EventLog(place.settings()) as events:
        yield events


def shop_count(events):
    return events.count(source="shop") + events.count(source="shop-api")


def stop_after(batches):
    """Return a progress that interrupts the fill after so many batches."""
    seen = []

    def on_progress(*_):
        seen.append(1)
        if len(seen) == batches:
            raise KeyboardInterrupt

    return on_progress


def test_the_first_run_fills_and_the_second_goes_on(run, clean_place):
    first = run("demo", *TINY)
    second = run("demo", *TINY)

    assert first.exit_code == second.exit_code == 0
    assert first.stdout.startswith("Filling picoevent-demo.db with 24 hours of a small web shop ...\n")
    assert re.search(r"\n\d+ events in [\d.]+ s \([\d,]+/s\)\.\n", first.stdout)
    assert second.stdout.startswith("Going on with picoevent-demo.db.\n\nSee it on the command line:")


def test_a_fill_that_was_cut_off_is_completed_exactly(events):
    now = datetime.now(UTC)
    span = make_plan(events, now, 1, 3000).following
    expected = len(list(shop_events(span.begin, span.end, span.seed, 3000)))
    with pytest.raises(KeyboardInterrupt):
        fill(events, span, stop_after(2))
    half = shop_count(events)

    plan = make_plan(events, now + timedelta(hours=2), 1, 3000)
    fill(events, plan.unfinished[0])

    assert 0 < half < expected
    assert plan.unfinished == (span,)
    assert shop_count(events) == expected


def test_the_gap_since_the_last_event_is_filled_and_no_more_than_asked_for(events):
    now = datetime.now(UTC)
    span = make_plan(events, now, 1, 300).following
    fill(events, span)

    soon = make_plan(events, now + timedelta(seconds=20), 1, 300)
    later = make_plan(events, now + timedelta(hours=5), 1, 300)
    much_later = make_plan(events, now + timedelta(days=90), 7, 300)

    assert soon.spans == ()
    assert later.following.begin == span.end
    assert (later.following.end - later.following.begin) < timedelta(hours=6)
    assert (much_later.following.end - much_later.following.begin) == timedelta(days=7)


def test_filling_twice_stores_nothing_twice(events):
    span = make_plan(events, datetime.now(UTC), 1, 3000).following

    count = fill(events, span)
    fill(events, span)

    assert shop_count(events) == count


def test_fresh_begins_again(run, clean_place):
    run("demo", *TINY)
    run("--url", "sqlite:///picoevent-demo.db", "log", "mine")

    result = run("demo", *TINY, "--fresh")

    assert result.stdout.startswith("Filling")
    assert run("--url", "sqlite:///picoevent-demo.db", "events", "--type", "mine").stderr == "No event matches.\n"


def make_event_log(path):
    with EventLog(f"sqlite:///{path}") as events:
        events.log("mine")


def make_other_program(path):
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE bookmarks (url)")


def make_text(path):
    path.write_text("not a database at all, and longer than its header would be\n" * 20)


@pytest.mark.parametrize("make", [make_event_log, make_other_program, make_text])
@pytest.mark.parametrize("fresh", [["--fresh"], []], ids=["fresh", "filled"])
def test_another_file_stays_as_it_is(run, clean_place, make, fresh):
    path = clean_place / "mine.db"
    make(path)
    before = path.read_bytes()

    result = run("demo", "--file", "mine.db", *TINY, *fresh)

    assert result.exit_code == 1
    assert "not a demo. It stays as it is; name another file with --file." in result.stderr
    assert path.read_bytes() == before


def test_a_demo_is_known_by_its_first_event(place, events):
    empty = place.check()
    events.log(FILL_STARTED)
    events.log("mine")

    assert not empty
    assert place.check()


def test_two_demos_do_not_fill_one_file(run, place):
    with place.reserved():
        result = run("demo", "--file", place.path, *TINY)

    assert result.exit_code == 1
    assert "A demo is running on" in result.stderr


def test_the_key_is_kept_for_its_owner_alone(place):
    key = place.secret_key()

    assert len(key) >= 32
    assert place.secret_key() == key
    assert place.key_path.stat().st_mode & 0o777 == 0o600


def test_a_database_url_is_not_for_the_demo(run):
    result = run("--url", "sqlite:///mine.db", "demo", *TINY)

    assert result.exit_code == 2
    assert "say --file" in result.stderr


def test_the_trickle_waits_between_events_and_ends_when_told(events):
    steps = [(0.7, NewEvent("one")), (0.2, NewEvent("two")), (9.0, NewEvent("three"))]
    slept = []

    log_steps(events, steps, goes_on=lambda: len(slept) < 4, sleep=slept.append)

    assert slept == pytest.approx([0.5, 0.2, 0.2, 0.5])
    assert events.count() == 2
    assert events_per_second(86_400) == 3.0


def processes_of(path):
    """Command lines that name this file."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "cmdline").read_bytes()
        except OSError:
            continue
        if str(path).encode() in words:
            found.append(words)
    return found


def start_demo(path, *options):
    command = [sys.executable, "-m", "picoevent", "demo", "--file", str(path), "--days", "1", *options]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ)


def read_until(stream, words):
    lines = []
    for line in stream:
        lines.append(line)
        if words in line:
            return "".join(lines)
    raise AssertionError("".join(lines))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["ctrl-c", "terminated"])
def test_the_whole_demo_serves_its_link_and_leaves_nothing_behind(clean_place, number):
    path = clean_place / "demo.db"
    demo = start_demo(path, "--port", str(free_port()))
    said = read_until(demo.stdout, "Ctrl-C stops everything.")
    link = re.search(r"http://127.0.0.1:\d+/sign-in/link/\S+", said)[0]
    with urllib.request.urlopen(link) as page:  # noqa: S310  # our own page
        text = page.read().decode()

    demo.send_signal(number)
    rest, complaints = demo.communicate(timeout=30)

    assert "demo" in text
    assert (demo.returncode, complaints) == (0, "")
    assert rest == f"Stopped. The data stays in {path}.\n"
    assert processes_of(path) == []


def test_a_demo_that_is_stopped_while_it_fills_says_that_it_goes_on(clean_place):
    path = clean_place / "demo.db"
    demo = start_demo(path, "--events-per-day", "200000", "--no-serve")
    read_until(demo.stdout, "Filling")

    demo.send_signal(signal.SIGINT)
    rest, complaints = demo.communicate(timeout=30)

    assert (demo.returncode, complaints) == (130, "")
    assert rest == f"Stopped. The data stays in {path}; the next run goes on with it.\n"


def test_a_file_of_another_kind_is_told_apart_without_opening_it(place):
    place.path.write_bytes(b"SQLite format 3\0" + b"rubbish" * 100)

    with pytest.raises(NotADemo):
        place.check()
