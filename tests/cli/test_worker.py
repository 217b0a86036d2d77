"""`picoevent worker` as a service runs it: one counts, the others say that they stand by, and take over."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import ExitStack

import pytest

from picoevent import EventLog
from picoevent.store import open_store
from picoevent.store.base import Purpose

TAKE_OVER_SECONDS = 5.0
PATIENCE_SECONDS = 60.0
COUNTS, STANDS_BY = "this process counts events", "stands by"


@pytest.fixture
def start():
    """`start(url)` is a worker in a process of its own."""
    with ExitStack() as stack:

        def start(url):
            command = [sys.executable, "-m", "picoevent", "--url", url, "worker"]
            worker = subprocess.Popen(
                command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=os.environ
            )
            stack.callback(worker.communicate)
            stack.callback(worker.kill)
            return worker

        yield start


def wait_for_line(worker, words):
    """Return the next line that holds these words."""
    for line in worker.stdout:
        if words in line:
            return line
    raise AssertionError(words)


def seconds_until_counted(url):
    """Log an event and return how long it takes until it is counted."""
    begun = time.monotonic()
    with EventLog(url, strict=True) as events:
        events.log("signup")
        store = open_store(url, events.settings, Purpose.FOLD)
        while True:
            with store.transaction() as connection:
                waiting = connection.exec_driver_sql("SELECT COUNT(*) FROM pending").scalar()
            if not waiting or time.monotonic() > begun + PATIENCE_SECONDS:
                break
        store.close()
    return time.monotonic() - begun


def test_one_counts_and_the_other_says_that_it_stands_by(ready_url, start):
    first = start(ready_url)
    wait_for_line(first, COUNTS)
    second = start(ready_url)

    line = wait_for_line(second, STANDS_BY)

    assert f"process {first.pid} on " in line
    assert seconds_until_counted(ready_url) < TAKE_OVER_SECONDS


def test_one_that_is_told_to_stop_says_so_and_the_other_takes_over(ready_url, start):
    first = start(ready_url)
    wait_for_line(first, COUNTS)
    second = start(ready_url)
    wait_for_line(second, STANDS_BY)

    first.send_signal(signal.SIGTERM)

    assert wait_for_line(first, "Stopped.")
    assert first.wait() == 0
    assert wait_for_line(second, COUNTS)


@pytest.mark.parametrize("signal_number", [signal.SIGSTOP, signal.SIGKILL])
def test_one_that_is_frozen_or_killed_is_taken_over_from_within_five_seconds(
    mysql_url, initialise, start, signal_number
):
    initialise(mysql_url)
    first = start(mysql_url)
    wait_for_line(first, COUNTS)
    second = start(mysql_url)
    wait_for_line(second, STANDS_BY)

    first.send_signal(signal_number)
    took = seconds_until_counted(mysql_url)

    assert took < TAKE_OVER_SECONDS
    assert wait_for_line(second, COUNTS)


def test_one_that_was_frozen_stands_by_when_it_goes_on(mysql_url, initialise, start):
    initialise(mysql_url)
    first = start(mysql_url)
    wait_for_line(first, COUNTS)
    second = start(mysql_url)
    wait_for_line(second, STANDS_BY)
    first.send_signal(signal.SIGSTOP)
    wait_for_line(second, COUNTS)

    first.send_signal(signal.SIGCONT)

    assert f"process {second.pid} on " in wait_for_line(first, STANDS_BY)
