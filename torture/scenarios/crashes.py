"""R12: MariaDB is killed under load, again and again; with its log flushed at each commit it loses nothing either."""

from __future__ import annotations

import logging
import time

from click.testing import CliRunner

from picoevent import EventLog
from picoevent.cli.root import cli
from torture.account import judge
from torture.frame import Scenario, Size, Verdict
from torture.measure import check_balance
from torture.site import Site

WORKERS, BATCH, EVENTS_A_SECOND = 2, 10, 2000
SERVICE_SECONDS = 2.0
WEAK_OPTIONS = ("--character-set-server=latin1", "--collation-server=latin1_swedish_ci", "--sql-mode=")
WEAK_WORDS = ("innodb_flush_log_at_trx_commit", "sync_binlog", "latin1", "sql_mode")


def run(site: Site, size: Size) -> Verdict:
    """Kill and start the server while 2,000 events a second come in, and count."""
    verdict = Verdict(trials=size.trials)
    server = site.mariadb(durable=True)
    database = site.database(server.address)
    per_second = EVENTS_A_SECOND / WORKERS / BATCH
    workers = [
        site.start(database, f"load{number}", batch=BATCH, per_second=per_second, text_users=20)
        for number in range(WORKERS)
    ]
    slowest = 0.0
    for _ in range(size.trials):
        before = database.count()
        database.wait_until(lambda before=before: database.count() > before, 20, "events come in")
        time.sleep(site.random.uniform(0, 1))
        server.kill()
        time.sleep(site.random.uniform(0, 0.3))
        server.start()
        began, before = time.monotonic(), database.count()
        database.wait_until(lambda before=before: database.count() > before, 20, "events come in again")
        slowest = max(slowest, time.monotonic() - began)
    for worker in workers:
        worker.finish()
        worker.wait(60)
        check_balance(verdict, database.report(worker.task.name))
    reports = [database.report(worker.task.name).counters for worker in workers]
    known = sum(counters["already_stored"] for counters in (*reports, database.drain()))
    verdict.note(f"in service again after {slowest:.2f} s at most; {known:,} events were found stored already")
    verdict.require_in_time(
        slowest <= site.bound(SERVICE_SECONDS * 1000) / 1000, f"in service again after {slowest:.2f} s"
    )
    judge(verdict, database.account())
    _check_warnings(site, verdict)
    return verdict


def _check_warnings(site: Site, verdict: Verdict) -> None:
    """Require that a server which may lose commits is named as such at the first event, and by `picoevent status`."""
    weak = site.mariadb(durable=False, options=WEAK_OPTIONS)
    for server, expected in ((site.mariadb(), 0), (weak, len(WEAK_WORDS))):
        database = site.database(server.address)
        said = _Said()
        logging.getLogger("picoevent").addHandler(said)
        with EventLog(database.url, spool_dir=str(database.spool_dir)) as log:
            log.log("tick")
        logging.getLogger("picoevent").removeHandler(said)
        named = CliRunner().invoke(cli, ["--url", database.url, "status"]).output
        for where, text in (("the log", " ".join(said.messages)), ("picoevent status", named)):
            found = [word for word in WEAK_WORDS if word in text]
            verdict.require(len(found) == expected, f"{where} names {found} of {expected} weaknesses")
        server.close()


class _Said(logging.Handler):
    """Keeps what is logged."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.messages: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep one message."""
        self.messages.append(record.getMessage())


CRASHES = Scenario(
    "R12",
    "MariaDB is killed under a load of 2,000 events a second",
    run,
    full=Size(trials=100),
    short=Size(trials=2),
)
