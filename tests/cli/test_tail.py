"""`tail`: every event is shown once, also one that commits late, and an outage is waited for."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest

from picoevent import EventLog, NewEvent, StoreUnavailable
from picoevent.cli.follow import FULL_ROUND, Follower, follow

SECOND = timedelta(seconds=1)


class Clock:
    def __init__(self):
        self.now = datetime.now(UTC)

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def events(ready_url):
    with EventLog(ready_url, strict=True) as events:
        yield events


def types(found):
    return [event.event_type for event in found]


def test_it_begins_with_the_last_events_and_shows_new_ones_once(events, clock):
    events.log_many([NewEvent(f"old{n}", at=clock.now - (10 - n) * SECOND) for n in range(5)])
    follower = Follower(events, {}, clock=clock)

    first = follower.start(2)
    before = follower.poll()
    events.log("new", at=clock.now)

    assert types(first) == ["old3", "old4"]
    assert before == []
    assert types(follower.poll()) == ["new"]
    assert follower.poll() == []


def test_an_event_that_commits_late_is_shown(events, clock):
    events.log("newest", at=clock.now)
    follower = Follower(events, {}, clock=clock)
    follower.start(0)
    follower.poll()

    events.log("a little late", at=clock.now - 3 * SECOND)
    soon = follower.poll()
    events.log("very late", at=clock.now - 55 * SECOND)
    clock.now += FULL_ROUND

    assert types(soon) == ["a little late"]
    assert types(follower.poll()) == ["very late"]


def test_an_event_of_a_clock_that_is_ahead_does_not_hide_the_others(events, clock):
    follower = Follower(events, {}, clock=clock)
    follower.start(0)

    events.log("ahead", at=clock.now + 3600 * SECOND)
    ahead = follower.poll()
    events.log("now", at=clock.now)

    assert types(ahead) == ["ahead"]
    assert types(follower.poll()) == ["now"]


def test_filters_are_those_of_a_page(events, clock):
    follower = Follower(events, {"event_type": ["a"], "source": "web"}, clock=clock)
    follower.start(10)

    events.log("a", source="web")
    events.log("b", source="web")
    events.log("a", source="app")

    assert [(event.event_type, event.source) for event in follower.poll()] == [("a", "web")]


def test_what_is_remembered_is_bounded_and_nothing_is_shown_twice(embedded, clock):
    follower = Follower(embedded, {}, clock=clock, max_remembered=10)
    follower.start(0)
    embedded.log_many([NewEvent("burst", at=clock.now + n * SECOND) for n in range(50)])

    shown = len(follower.poll())
    clock.now += 50 * SECOND
    again = follower.poll()

    assert shown == 50
    assert again == []
    assert len(follower._seen) <= 10


def test_ids_outside_the_window_are_forgotten(embedded, clock):
    embedded.log("old", at=clock.now)
    follower = Follower(embedded, {}, clock=clock)
    follower.start(0)

    clock.now += 200 * SECOND
    embedded.log("new", at=clock.now)
    follower.poll()
    clock.now += FULL_ROUND
    follower.poll()

    assert len(follower._seen) == 1


def test_an_outage_is_told_once_and_waited_for(capsys):
    answers = [["a"], StoreUnavailable("It is away."), StoreUnavailable("It is away."), ["b"]]

    class Scripted:
        def poll(self):
            answer = answers.pop(0)
            if isinstance(answer, Exception):
                raise answer
            return answer

    shown, told = [], []
    follow(Scripted(), shown.extend, told.append, sleep=lambda _: None, stop=lambda: not answers)

    assert shown == ["a", "b"]
    assert told == ["It is away. Waiting for it ...", "It answers again."]


def test_a_real_outage_loses_nothing(own_mariadb, run, clock):
    server = own_mariadb()
    url = server.create_database("tail")
    run("--url", url, "init")
    with EventLog(url, strict=True) as events:
        events.log("before", at=clock.now)
        follower = Follower(events, {}, clock=clock)
        follower.start(0)
        server.kill()
        with pytest.raises(StoreUnavailable):
            follower.poll()
        server.start()
        events.log("after", at=clock.now)

        assert types(follower.poll()) == ["after"]


def test_the_verb_prints_events_as_they_come_and_ends_quietly_with_ctrl_c(embedded):
    embedded.log("before", {"text": "\x1b"})
    tail = subprocess.Popen(
        [sys.executable, "-m", "picoevent", "tail", "-n", "1", "--format", "ndjson"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=os.environ,
    )
    first = json.loads(tail.stdout.readline())
    embedded.log("after")
    second = json.loads(tail.stdout.readline())
    tail.send_signal(signal.SIGINT)
    rest, complaints = tail.communicate(timeout=20)

    assert (first["type"], second["type"]) == ("before", "after")
    assert (tail.returncode, rest, complaints.strip()) == (130, b"", b"")
