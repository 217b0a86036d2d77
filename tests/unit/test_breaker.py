"""The breaker: who asks a database that is away, and when; and one that is slow again and again."""

from __future__ import annotations

import logging
import random

from picoevent import StoreUnavailable
from picoevent.write.breaker import Breaker

AWAY = StoreUnavailable("It does not answer.")


class Clock:
    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


def make():
    clock = Clock()
    return clock, Breaker(clock=clock, rng=random.Random(1))


def test_it_asks_again_within_a_second_however_long_the_outage():
    clock, breaker = make()
    breaker.trip(AWAY)
    pauses = []
    for _ in range(50):
        pauses.append(breaker.seconds_to_probe())
        clock.now += pauses[-1]
        breaker.extend(AWAY)

    assert max(pauses) <= 1.0
    assert max(pauses[:1]) <= 0.1
    assert len(set(pauses)) > 40


def test_a_hundred_callers_that_find_out_the_same_open_it_once(caplog):
    _, breaker = make()
    for _ in range(100):
        breaker.trip(AWAY)

    assert breaker.is_open
    assert len(caplog.records) == 1


def test_an_answer_closes_it():
    clock, breaker = make()
    breaker.trip(AWAY)
    clock.now += 0.2
    breaker.reset()

    assert not breaker.is_open


def test_a_database_that_is_slow_again_and_again_holds_up_fewer_and_fewer_callers(caplog):
    caplog.set_level(logging.INFO)
    clock, breaker = make()
    began, held = clock.now, 0
    while clock.now < began + 60:
        if not breaker.is_open:
            held += 1
            clock.now += 0.8
            breaker.trip(AWAY)
        clock.now += 0.1
        breaker.reset()

    assert held <= 12
    assert len([record for record in caplog.records if record.levelno == logging.WARNING]) == 2


def test_one_that_was_calm_for_a_while_is_believed_at_once():
    clock, breaker = make()
    for _ in range(5):
        breaker.trip(AWAY)
        clock.now += 9
        breaker.reset()
        clock.now += 1
    clock.now += 20
    breaker.trip(AWAY)
    clock.now += 0.1
    breaker.reset()

    assert not breaker.is_open
