"""R20: sixteen writers on the same few users and names, while others hold the rows that they need."""

from __future__ import annotations

import threading
import time
from collections import Counter

import pymysql

from torture.account import judge
from torture.frame import Scenario, Size, Verdict
from torture.measure import check_balance, percentile_ms
from torture.site import Database, Site

WRITERS, CALLS_A_SECOND, BATCH = 16, 10, 6
WARM_UP_CALLS = 5
"""Sixteen processes start on two cores, and make names: what that costs is not what locks cost."""
LONGEST_P99_MS = 100.0
DEADLINE_MS = 5000
PENDING = "SELECT * FROM pending ORDER BY seq DESC LIMIT 1 FOR UPDATE"
HELD = (
    ("SELECT * FROM id_counter FOR UPDATE",),
    ("SELECT * FROM user_key ORDER BY user_id LIMIT 20 FOR UPDATE",),
    (PENDING,),
    (PENDING, "SELECT * FROM user_key FOR UPDATE"),
)
"""Rows, and gaps, that writers need, and what to hold at once; the last ones against the order of the writers."""
USERS, EVENT_TYPES = 50_000, 10
"""So many that new ones come all the time, and to several writers at once."""
SHORT_HOLD_SECONDS, LONG_HOLD_SECONDS = 0.01, 1.2
"""A short one makes writers wait and deadlock; the long one outlasts `innodb_lock_wait_timeout`."""


class Holder(threading.Thread):
    """Lock rows for a moment, again and again, until told to stop."""

    def __init__(self, database: Database, site: Site) -> None:
        super().__init__(name="holder", daemon=True)
        self._database = database
        self._random = site.random
        self._over = threading.Event()
        self.held = 0
        self.last_began = 0.0
        """When the long hold began, in Unix seconds."""

    def run(self) -> None:
        """Take, hold, let go."""
        with self._database.cursor() as cursor:
            cursor.execute("CREATE TABLE weight (n INT)")
        while not self._over.wait(0.1):
            self._hold(SHORT_HOLD_SECONDS)
        self.last_began = time.time()
        self._hold(LONG_HOLD_SECONDS)

    def stop(self) -> None:
        """Hold once more, for long, and end."""
        self._over.set()
        self.join()

    def _hold(self, seconds: float) -> None:
        with self._database.cursor() as cursor:
            try:
                cursor.execute("BEGIN")
                # Of those in a deadlock, the one that has changed least is rolled back: so it is the writers.
                cursor.execute("INSERT INTO weight SELECT seq FROM seq_1_to_500")
                for statement in self._random.choice(HELD):
                    cursor.execute(statement)
                    self.held += 1
                    time.sleep(seconds)
            except pymysql.OperationalError:
                # Chosen as the victim of a deadlock: so is a writer at other times.
                pass
            finally:
                cursor.execute("ROLLBACK")


def run(site: Site, size: Size) -> Verdict:
    """Write from sixteen processes for `size.seconds`, and count."""
    verdict = Verdict(trials=1)
    server = site.mariadb(durable=False, options=("--innodb-lock-wait-timeout=1",))
    database = site.database(server.address)
    settings = {"deadline_ms": DEADLINE_MS, "cache_url": "none://"}
    workers = [
        site.start(
            database, f"w{n}", per_second=CALLS_A_SECOND, batch=BATCH, text_users=USERS, event_types=EVENT_TYPES,
            settings=settings,
        )
        for n in range(WRITERS)
    ]  # fmt: skip
    database.wait_until(lambda: _slowest(database) >= WARM_UP_CALLS * BATCH, 60, "all writers write")
    began = time.time()
    holder = Holder(database, site)
    holder.start()
    time.sleep(size.seconds)
    holder.stop()
    took: list[float] = []
    longest = 0.0
    for worker in workers:
        worker.finish()
    for worker in workers:
        worker.wait(60)
        report = database.report(worker.task.name)
        check_balance(verdict, report)
        verdict.require(not report.counters["refused"], f"{report.counters['refused']} refused: {report.counters}")
        took += report.took(began, holder.last_began - LONG_HOLD_SECONDS)
        longest = max(longest, percentile_ms(report.took(began), 1))
    database.drain()
    p99 = percentile_ms(sorted(took), 0.99)
    status = _status(database)
    verdict.note(
        f"{len(took):,} calls, p99 {p99:.0f} ms, longest {longest:.0f} ms; rows held {holder.held} times, "
        f"{status.get('Innodb_deadlocks', '?')} deadlocks, {status.get('Innodb_row_lock_waits', '?')} waits for locks"
    )
    verdict.require_in_time(p99 <= site.bound(LONGEST_P99_MS), f"p99 of log() is {p99:.0f} ms")
    verdict.require_in_time(longest <= site.bound(DEADLINE_MS), f"a call took {longest:.0f} ms")
    judge(verdict, database.account())
    return verdict


def _slowest(database: Database) -> int:
    """Count the acknowledged events of the writer that has the fewest."""
    acked = Counter(name.partition("-")[0] for name in database.traces().acked)
    return min(acked[f"w{n}"] for n in range(WRITERS))


def _status(database: Database) -> dict[str, str]:
    with database.cursor() as cursor:
        cursor.execute("SHOW GLOBAL STATUS LIKE 'Innodb%%'")
        return dict(cursor.fetchall())


LOCKS = Scenario(
    "R20", "sixteen writers on hot rows, deadlocks and lock waits", run, full=Size(seconds=60), short=Size(seconds=3)
)
