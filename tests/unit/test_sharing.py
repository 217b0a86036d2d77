"""Calls that are shared between threads: one for all who came before it began, and never one that began before."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from itertools import count

import pytest

from picoevent.report.sharing import Shared


class Clock:
    """Each look is one later; `reached(n)` waits for the n-th."""

    def __init__(self):
        self._numbers, self._last, self._moved = count(1), 0, threading.Condition()

    def __call__(self):
        with self._moved:
            self._last = next(self._numbers)
            self._moved.notify_all()
            return self._last

    def reached(self, number):
        with self._moved:
            return self._moved.wait_for(lambda: self._last >= number, timeout=30)


class Work:
    """A call that waits for its gate, and returns how many there were."""

    def __init__(self):
        self.times, self.gate = 0, threading.Event()

    def __call__(self):
        self.times += 1
        number = self.times
        assert self.gate.wait(30)
        return number


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def pool():
    with ThreadPoolExecutor(8) as pool:
        yield pool


def test_those_who_come_during_a_call_share_the_next_one(clock, pool):
    shared, work = Shared(clock=clock), Work()
    first = pool.submit(shared.ask, "key", work)
    assert clock.reached(2)
    later = [pool.submit(shared.ask, "key", work) for _ in range(5)]
    assert clock.reached(7)

    work.gate.set()

    assert (first.result(30), [one.result(30) for one in later]) == (1, [2] * 5)


def test_who_comes_after_a_call_gets_a_new_one():
    shared, numbers = Shared(), count(1)

    assert [shared.ask("key", lambda: next(numbers)) for _ in range(3)] == [1, 2, 3]


def test_other_keys_do_not_wait(clock, pool):
    shared, work = Shared(clock=clock), Work()
    first = pool.submit(shared.ask, "slow", work)
    assert clock.reached(2)

    assert shared.ask("other", lambda: "at once") == "at once"

    work.gate.set()
    assert first.result(30) == 1


def test_a_failure_is_that_of_all_who_share_the_call_and_of_nobody_after_it(clock, pool):
    shared, gate, failures = Shared(clock=clock), threading.Event(), []

    def fail():
        assert gate.wait(30)
        failures.append(ConnectionError("away"))
        raise failures[-1]

    asked = [pool.submit(shared.ask, "key", fail)]
    assert clock.reached(2)
    asked += [pool.submit(shared.ask, "key", fail) for _ in range(4)]
    assert clock.reached(6)
    gate.set()

    assert [one.exception(30) for one in asked] == [failures[0], *[failures[1]] * 4]
    assert shared.ask("key", lambda: "back") == "back"
