"""Work in the background: each key once, in few threads, none of which outlives it."""

from __future__ import annotations

import threading

import pytest

from picoevent.report.refreshing import MAX_QUEUED, Refresher


def refreshers():
    return [thread for thread in threading.enumerate() if thread.name == "picoevent-refresher"]


@pytest.fixture
def refresher():
    refresher = Refresher()
    yield refresher
    assert refresher.close(5)
    for thread in refreshers():
        thread.join(5)
    assert refreshers() == []


@pytest.fixture
def gate():
    """Work that is under way holds until this is set."""
    gate = threading.Event()
    yield gate
    gate.set()


def test_work_is_done_and_its_thread_ends(refresher):
    done = threading.Event()

    assert refresher.submit("a", done.set)

    assert done.wait(5)
    assert refresher.close(5)


def test_a_key_is_not_worked_on_twice_at_a_time(refresher, gate):
    assert refresher.submit("a", gate.wait)

    assert not refresher.submit("a", gate.wait)
    assert refresher.submit("b", gate.wait)


def test_more_work_makes_no_more_threads(refresher, gate):
    for number in range(50):
        refresher.submit(f"{number}", gate.wait)

    assert len(refreshers()) == 2


def test_what_is_too_much_is_left_out(refresher, gate):
    taken = [refresher.submit(f"{number}", gate.wait) for number in range(MAX_QUEUED + 10)]

    assert MAX_QUEUED <= sum(taken) <= MAX_QUEUED + 2


def test_work_that_fails_is_told_and_the_next_is_done(refresher, caplog):
    done = threading.Event()

    refresher.submit("a", lambda: 1 // 0)
    refresher.submit("b", done.set)

    assert done.wait(5)
    assert refresher.close(5)
    assert "An answer could not be refreshed: integer division" in caplog.text


def test_nothing_begins_after_the_close(refresher, gate):
    refresher.submit("a", gate.wait)
    refresher.submit("b", gate.wait)

    assert not refresher.close(0)
    assert not refresher.submit("c", gate.wait)
