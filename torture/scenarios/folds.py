"""Those who fold are killed under load, again and again: each event is counted once, whatever they were doing."""

from __future__ import annotations

import signal
import time

from torture.account import judge
from torture.folding import counted_events, declare_some, fast_clock, free_lease, judge_rollups, leader_pid
from torture.frame import Scenario, Size, Verdict
from torture.measure import check_balance
from torture.nursery import Running
from torture.site import Database, Site

LOGGERS, BATCH, CALLS_A_SECOND = 2, 10, 40
HOURS_BACK = 100
SPEED = 600
"""A quarter of an hour in 1.5 seconds: buckets are closed and dropped all the time."""
TAKE_OVER_SECONDS = 5.0
UNAIDED = 20
"""One kill in so many, the first of all too, is left to the lease; else it is ended, so that hours become minutes."""
LONGEST_LIFE_SECONDS = 0.3


def run(site: Site, size: Size) -> Verdict:
    """Kill the leader again and again while another one stands by, then compare rollups and events."""
    verdict = Verdict(trials=size.trials)
    database = site.database()
    declare_some(database)
    loggers = [
        site.start(
            database, f"load{n}", batch=BATCH, per_second=CALLS_A_SECOND, text_users=50, event_types=3,
            hours_back=HOURS_BACK,
        )
        for n in range(LOGGERS)
    ]  # fmt: skip
    crew = Crew(site, database)
    slowest = max(crew.kill_leader(1 if trial % UNAIDED == 0 else SPEED) for trial in range(size.trials))
    crew.end()
    for logger in loggers:
        logger.finish()
        logger.wait(60)
        check_balance(verdict, database.report(logger.task.name))
    database.drain()
    judge(verdict, database.account(), folded=True)
    judge_rollups(verdict, database, fast_clock(crew.since, SPEED))
    verdict.note(f"{counted_events(database):,} events counted; taken over after {slowest:.2f} s at most")
    verdict.require_in_time(slowest <= site.bound(TAKE_OVER_SECONDS * 1000) / 1000, f"taken over after {slowest:.2f} s")
    return verdict


class Crew:
    """Two that fold; one of them is killed and replaced, again and again."""

    def __init__(self, site: Site, database: Database) -> None:
        self._site = site
        self._database = database
        self._alive: list[Running] = []
        self._speed = 0.0
        self._started = 0
        self.since = time.time()

    def kill_leader(self, speed: float) -> float:
        """Kill who leads while it does, by a clock of this speed; return after how many seconds the other one did."""
        if speed != self._speed:
            self.end()
            self._speed = speed
        while len(self._alive) < 2:  # noqa: PLR2004  # a pair
            self._start()
        self._wait_for_more()
        time.sleep(self._site.random.uniform(0, LONGEST_LIFE_SECONDS))
        leader = leader_pid(self._database)
        self._kill(next((worker for worker in self._alive if worker.pid == leader), self._alive[0]))
        return self._wait_for_more() if speed == 1 else 0.0

    def end(self) -> None:
        """Kill both, and let whoever comes lead at once."""
        for worker in list(self._alive):
            self._kill(worker)
        free_lease(self._database)

    def _start(self) -> None:
        self._started += 1
        name = f"fold{self._started}"
        worker = self._site.start(self._database, name, fold_speed=self._speed, fold_since=self.since)
        self._alive.append(worker)

    def _kill(self, worker: Running) -> None:
        self._alive.remove(worker)
        worker.send(signal.SIGKILL)
        worker.wait(10)

    def _wait_for_more(self) -> float:
        before = counted_events(self._database)
        return self._database.wait_until(lambda: counted_events(self._database) > before, 30, "events are counted")


FOLDS = Scenario(
    "FOLD",
    "kill -9 of those who fold, under load, while buckets are closed and dropped",
    run,
    full=Size(trials=100),
    short=Size(trials=20),
)
