"""The way in: what is handed in ahead waits for what is before it, and that is not the database's fault."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from picoevent import NewEvent, Settings
from picoevent.accept import Rules
from picoevent.ids import IdMinter
from picoevent.write.breaker import Breaker
from picoevent.write.counters import Counters
from picoevent.write.intake import Intake
from picoevent.write.spooling import Spooling


class SlowWriter:
    """Answers one job after the other, each in a part of the deadline."""

    def __init__(self, counters, seconds):
        self.breaker = Breaker()
        self._counters = counters
        self._seconds = seconds
        self._thread = ThreadPoolExecutor(1)

    def can_be_waited_for(self):
        return not self.breaker.is_open

    def submit(self, job):
        self._thread.submit(self._write, job)

    def _write(self, job):
        time.sleep(self._seconds)
        if job.claim():
            job.outcomes = [draft.event_id for draft in job.drafts]
            self._counters.add(in_flight=-len(job.drafts), stored=len(job.drafts))
            job._done.release()


@pytest.fixture
def counters():
    return Counters()


def test_each_batch_of_a_call_has_the_deadline_for_itself(counters):
    writer = SlowWriter(counters, 0.1)
    rules = Rules(Settings(deadline_ms=250), IdMinter())
    intake = Intake(rules, writer, Spooling(None, counters), counters, rejects=None)

    outcomes = intake.submit([NewEvent("tick")] * 6000)

    assert len(set(outcomes)) == counters.to_dict()["stored"] == 6000
    assert not writer.breaker.is_open
