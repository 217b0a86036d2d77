"""R13: the replica is stopped, late, in error, killed; reports go on and say how old they are, and logging goes on."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field

from picoevent import EventLog
from picoevent.errors import PicoEventError
from picoevent.testing.servers import MariaDBServer, wait_for_replica
from torture.account import judge
from torture.frame import Scenario, Size, Verdict
from torture.measure import check_balance, percentile_ms
from torture.site import Database, Site

BATCH, CALLS_A_SECOND = 10, 100
QUESTIONS_A_SECOND = 10
MOST_TIMES_ALONE = 2.0
"""Of the p99 of a call; it was 0.7 to 1.3 times on a shared machine, whose disk and processors decide it."""
OFF_BY_MS = 2000.0
"""An age is right to a second when it is measured, and told for another second."""
SCRATCH = ("CREATE TABLE scratch (n INT PRIMARY KEY, m INT)", "INSERT INTO scratch VALUES (1, 1)")


@dataclass(frozen=True, slots=True)
class Fault:
    """What is done to the replica, then to the primary, and what mends the replica again; `{half}` is in seconds."""

    name: str
    replica: Sequence[str] = ()
    primary: Sequence[str] = ()
    mended: Sequence[str] = ()
    ages: bool = True
    """Whether it grows older all the time, and is not always as old as `{half}`."""


KILLED = Fault("killed")
FAULTS = (
    Fault("stopped", ("STOP SLAVE",), mended=("START SLAVE",)),
    Fault(
        "late",
        ("STOP SLAVE", "CHANGE MASTER TO MASTER_DELAY = {half}", "START SLAVE"),
        mended=("STOP SLAVE", "CHANGE MASTER TO MASTER_DELAY = 0", "START SLAVE"),
        ages=False,
    ),
    Fault(
        "in error 1032",
        ("DELETE FROM scratch WHERE n = 1",),
        ("UPDATE scratch SET m = 2",),
        ("INSERT INTO scratch VALUES (1, 1)", "START SLAVE"),
    ),
    Fault(
        "in error 1062",
        ("INSERT INTO scratch VALUES (2, 1)",),
        ("INSERT INTO scratch VALUES (2, 2)",),
        ("DELETE FROM scratch WHERE n = 2", "START SLAVE"),
    ),
    KILLED,
)


@dataclass
class Asker:
    """Asks the replica for a report and its age at an even pace, in a thread; whatever is raised is kept."""

    log: EventLog
    raised: list[str] = field(default_factory=list)
    answers: int = 0
    asked_at: float = 0.0
    """When it asked for the age the last time, in Unix seconds."""
    behind_seconds: float = 0.0
    _over: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        """Ask until it is over."""
        while not self._over.wait(1 / QUESTIONS_A_SECOND):
            try:
                self.log.report("top_types")
                self.asked_at = time.time()
                self.behind_seconds = self.log.data_age().behind_seconds or 0.0
                self.answers += 1
            except PicoEventError as error:
                self.raised.append(str(error))

    @contextmanager
    def asking(self) -> Iterator[None]:
        """Ask within this block."""
        thread = threading.Thread(target=self.run, name="asker", daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._over.set()
            thread.join()


@dataclass(frozen=True, slots=True)
class Pair:
    """A primary, its replica, and the database on both."""

    database: Database
    primary: MariaDBServer
    replica: MariaDBServer

    def harm(self, fault: Fault, half: int) -> None:
        """Have this happen to the replica."""
        if fault is KILLED:
            self.replica.kill()
            return
        self._run(self.replica, fault.replica, half)
        self._run(self.primary, fault.primary, half)

    def mend(self, fault: Fault, half: int) -> None:
        """Have the replica follow again, unless it is gone."""
        if fault is not KILLED:
            self._run(self.replica, fault.mended, half)
            self.follow()

    def prepare(self) -> None:
        """Make what the faults need, on both."""
        self._run(self.primary, SCRATCH, 0)
        self.follow()

    def follow(self) -> None:
        """Wait until the replica has everything."""
        wait_for_replica(self.primary.address, self.replica.address, timeout_seconds=30)

    def _run(self, server: MariaDBServer, statements: Sequence[str], half: int) -> None:
        with server.address.cursor(self.database.name) as cursor:
            if server is self.replica:
                cursor.execute("SET sql_log_bin = 0")
            for statement in statements:
                cursor.execute(statement.format(half=half))


def run(site: Site, size: Size) -> Verdict:
    """Log at an even pace, in turn with a replica that follows and with one that has each fault."""
    verdict = Verdict(trials=len(FAULTS))
    primary = site.mariadb()
    replica = site.mariadb(replica_of=primary)
    database = site.database(primary.address)
    pair = Pair(database, primary, replica)
    pair.prepare()
    site.start(database, "fold", fold_speed=1)
    logger = site.start(database, "log", batch=BATCH, per_second=CALLS_A_SECOND, settings={"cache_url": "none://"})
    database.wait_until(lambda: database.count() > BATCH * CALLS_A_SECOND, 30, "events are stored")
    with closing(EventLog(database.url, replica_url=replica.address.url(database.name), deadline_ms=10_000)) as log:
        asker = Asker(log)
        with asker.asking():
            spans = [_suffer(verdict, site, pair, asker, fault, size.seconds) for fault in FAULTS]
    verdict.require(not asker.raised, f"{len(asker.raised)} reports failed, such as {asker.raised[:1]}")
    verdict.note(f"{asker.answers} reports answered")
    logger.finish()
    logger.wait(60)
    report = database.report("log")
    check_balance(verdict, report)
    database.drain()
    judge(verdict, database.account(), folded=True)
    for fault, (alone, begin, end) in zip(FAULTS, spans, strict=True):
        alone_ms, beside_ms = (percentile_ms(report.took(*span), 0.99) for span in ((alone, begin), (begin, end)))
        figures = f"p99 of log_many(): {alone_ms:.1f} ms while it follows, {beside_ms:.1f} ms while it is {fault.name}"
        verdict.note(figures)
        verdict.require_in_time(beside_ms <= site.bound(alone_ms * MOST_TIMES_ALONE), figures)
    return verdict


def _suffer(
    verdict: Verdict, site: Site, pair: Pair, asker: Asker, fault: Fault, seconds: float
) -> tuple[float, float, float]:
    """Follow for so long, have the fault for as long, and mend it; return when each of that began, and its end."""
    alone = time.time()
    time.sleep(seconds)
    begin = time.time()
    pair.harm(fault, int(seconds / 2))
    harmed = time.time()
    time.sleep(seconds)
    end = time.time()
    old, said = (asker.asked_at - harmed if fault.ages else int(seconds / 2)), asker.behind_seconds
    told = f"a replica that is {fault.name} is {old:.1f} s old, not {said:.1f}"
    verdict.require_in_time(abs(said - old) * 1000 <= site.bound(OFF_BY_MS), told)
    pair.mend(fault, int(seconds / 2))
    return alone, begin, end


REPLICAS = Scenario(
    "R13",
    "the replica is stopped, late, in error, killed, beside an even pace of logging",
    run,
    full=Size(seconds=60),
    short=Size(seconds=2),
)
