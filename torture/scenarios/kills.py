"""R3: workers are killed at random moments; what they had an id for is stored, once."""

from __future__ import annotations

import os
import signal
import time
from collections import Counter

from torture.account import Traces, judge
from torture.frame import Scenario, Size, Verdict
from torture.nursery import Running
from torture.site import Database, Site
from torture.worker import EXITED_BY_ITSELF

AT_ONCE = 10
LONGEST_LIFE_SECONDS = 1.0
WAYS = (signal.SIGTERM, signal.SIGKILL, os.EX_OK)
"""The last one stands for `os._exit` within the worker."""


def run(site: Site, size: Size) -> Verdict:
    """Start ten workers at a time, end each at a moment and in a way of its own, then count."""
    verdict = Verdict()
    database = site.database()
    workers = [
        worker
        for first in range(0, size.trials, AT_ONCE)
        for worker in _round(site, database, min(AT_ONCE, size.trials - first), first)
    ]
    verdict.trials = len(workers)
    drained = database.drain()
    traces = database.traces()
    judge(verdict, database.account(traces))
    _check_in_flight(verdict, workers, traces)
    verdict.note(f"{len(traces.unanswered)} calls were under way, {drained['adopted']} events were in spools")
    return verdict


def _round(site: Site, database: Database, count: int, first: int) -> list[Running]:
    ends: list[tuple[float, int, Running]] = []
    for number in range(first, first + count):
        way = site.random.choice(WAYS)
        life = site.random.uniform(0.05, LONGEST_LIFE_SECONDS)
        worker = site.start(
            database,
            f"w{number}",
            per_second=100,
            threads=site.random.randint(1, 3),
            batch=site.random.choice((1, 1, 5)),
            text_users=site.random.choice((0, 3)),
            durability=site.random.choice((None, "spool")),
            exit_after=0 if way else life,
        )
        ends.append((life, way, worker))
    began = time.monotonic()
    for life, way, worker in sorted(ends, key=lambda end: end[0]):
        if way:
            time.sleep(max(0, began + life - time.monotonic()))
            worker.send(way)
    for _, way, worker in ends:
        code = worker.wait(10)
        if code != (-way if way else EXITED_BY_ITSELF):
            raise AssertionError(f"{worker.task.name} ended with {code}, see {worker.task.path('errors').read_text()}")
    return [worker for _, _, worker in ends]


def _check_in_flight(verdict: Verdict, workers: list[Running], traces: Traces) -> None:
    """Require that what got no answer is no more than each worker had in its calls."""
    unanswered = Counter(name.partition("-")[0] for name in traces.unanswered)
    for worker in workers:
        bound = worker.task.threads * worker.task.batch
        verdict.require(
            unanswered[worker.task.name] <= bound, f"{worker.task.name} has more unanswered events than calls"
        )


KILLS = Scenario(
    "R3",
    "SIGTERM, SIGKILL and os._exit at random moments, at 100 calls a second",
    run,
    full=Size(trials=1000),
    short=Size(trials=20),
)
