"""Those who fold are killed under load, again and again: each event is counted once, whatever they were doing."""

from __future__ import annotations

import signal
import time

from torture.account import judge
from torture.folding import counted_events, fast_clock, free_lease, judge_rollups, leader_pid
from torture.frame import Scenario, Size, Verdict
from torture.measure import check_balance
from torture.nursery import Running
from torture.site import Database, Site

LOGGERS, BATCH, CALLS_A_SECOND = 2, 10, 40
HOURS_BACK = 100
SPEED = 600
"""A quarter of an hour in 1.5 seconds: buckets are closed and dropped all the time."""
TAKE_OVER_SECONDS = 5.0
UNAIDED = 10
"""One kill in so many, the first of all too, is left to the lease; else it is ended, so that hours become minutes."""
LONGEST_LIFE_SECONDS = 0.3


def run(site: Site, size: Size) -> Verdict:
    """Kill the leader again and again while another one stands by, then compare rollups and events."""
    verdict = Verdict(trials=size.trials)
    database = site.database()
    loggers = [
        site.start(
            database, f"load{n}", batch=BATCH, per_second=CALLS_A_SECOND, text_users=50, event_types=3,
            hours_back=HOURS_BACK,
        )
        for n in range(LOGGERS)
    ]  # fmt: skip
    slowest = 0.0
    since = time.time()
    for trial in range(size.trials):
        unaided = trial % UNAIDED == 0
        slowest = max(slowest, _kill_leader(site, database, f"f{trial}", 1 if unaided else SPEED, since))
    for logger in loggers:
        logger.finish()
        logger.wait(60)
        check_balance(verdict, database.report(logger.task.name))
    database.drain()
    judge(verdict, database.account(), folded=True)
    judge_rollups(verdict, database, fast_clock(since, SPEED))
    verdict.note(f"{counted_events(database):,} events counted; taken over after {slowest:.2f} s at most")
    verdict.require_in_time(slowest <= site.bound(TAKE_OVER_SECONDS * 1000) / 1000, f"taken over after {slowest:.2f} s")
    return verdict


def _kill_leader(site: Site, database: Database, name: str, speed: float, since: float) -> float:
    """Have two fold, kill the one that leads, and return after how many seconds the other one did."""
    pair = [site.start(database, f"{name}{which}", fold_speed=speed, fold_since=since) for which in "ab"]
    if speed != 1:
        free_lease(database)
    _wait_for_more(database)
    time.sleep(site.random.uniform(0, LONGEST_LIFE_SECONDS))
    first, second = sorted(pair, key=lambda worker: worker.pid != leader_pid(database))
    _kill(first)
    took = _wait_for_more(database) if speed == 1 else 0.0
    _kill(second)
    return took


def _wait_for_more(database: Database) -> float:
    before = counted_events(database)
    return database.wait_until(lambda: counted_events(database) > before, 30, "events are counted")


def _kill(worker: Running) -> None:
    worker.send(signal.SIGKILL)
    worker.wait(10)


FOLDS = Scenario(
    "FOLD",
    "kill -9 of those who fold, under load, while buckets are closed and dropped",
    run,
    full=Size(trials=100),
    short=Size(trials=20),
)
