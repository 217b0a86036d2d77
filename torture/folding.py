"""One that folds, to be killed; and whether rollups say what the events say, once all is counted."""

from __future__ import annotations

import signal
import threading
import time
from typing import TYPE_CHECKING

from picoevent.fold import worker
from picoevent.fold.declaring import declare
from picoevent.fold.turns import Clock, server_clock
from picoevent.fold.verify import Verifier
from picoevent.fold.worker import Folder
from picoevent.settings import Settings
from picoevent.store import open_store
from picoevent.store.base import Purpose

if TYPE_CHECKING:
    from torture.frame import Verdict
    from torture.site import Database
    from torture.task import Task

ROUND_SECONDS, UPKEEP_SECONDS = 0.02, 0.1
"""Far less than in production: whoever is killed shall be in the middle of something."""
EVENTS_COUNTED = "SELECT COALESCE(SUM(events), 0) FROM rollup WHERE tier = 4 AND event_type_id = 0 AND source_id = 0"


def fast_clock(since: float, speed: float) -> Clock:
    """Return a clock that agrees with the true one at a Unix second, and runs so many times as fast from there on."""
    if speed == 1:
        return server_clock
    return lambda _connection: int((since + (time.time() - since) * speed) * 1000)


def fold(task: Task) -> None:
    """Fold until SIGUSR1, or until somebody kills this process."""
    worker.ROUND_SECONDS, worker.UPKEEP_SECONDS = ROUND_SECONDS, UPKEEP_SECONDS
    stop = threading.Event()
    signal.signal(signal.SIGUSR1, lambda *_: stop.set())
    folder = Folder(Settings(url=task.url), clock=fast_clock(task.fold_since, task.fold_speed))
    folder.run(stop)
    folder.close()


def declare_some(database: Database) -> None:
    """Have payloads of one event type counted by their keys: few values, very many, always the same one."""
    store = open_store(database.url, Settings(url=database.url), Purpose.FOLD)
    declare(store, "type-0", {"dimensions": ["name"], "searchable": ["uid"], "distinct": ["pad"]})
    store.close()


def judge_rollups(verdict: Verdict, database: Database, clock: Clock = server_clock) -> None:
    """Count what waits, and require that rollups and events agree, to the last one."""
    folder = Folder(Settings(url=database.url), clock=clock)
    try:
        free_lease(database)
        folder.fold_all()
        folder.keep_up()
        findings = Verifier(folder.store).verify()
    finally:
        folder.close()
    wrong = len(findings.differences) + findings.more
    verdict.require(not wrong, f"rollups and events differ {wrong} times, such as {findings.differences[:1]}")
    counted, stored = counted_events(database), database.count()
    verdict.require(counted == stored, f"{counted:,} of {stored:,} events are counted")


def leader_pid(database: Database) -> int:
    """Return the process that leads, 0 for none."""
    with database.cursor() as cursor:
        cursor.execute("SELECT leader FROM fold_state")
        leader = cursor.fetchone()[0]
    return int(leader.split(":")[1]) if leader else 0


def free_lease(database: Database) -> None:
    """Let the next one lead at once, as if the last leader had been dead for long."""
    with database.cursor() as cursor:
        cursor.execute("UPDATE fold_state SET leader = ''")


def counted_events(database: Database) -> int:
    """Return how many events the rollups hold."""
    with database.cursor() as cursor:
        cursor.execute(EVENTS_COUNTED)
        return int(cursor.fetchone()[0])
