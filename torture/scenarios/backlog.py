"""R8: a process starts over a backlog that a dead one left behind, and is there at once, in little memory."""

from __future__ import annotations

import signal
import time
from pathlib import Path

from torture.account import judge
from torture.frame import Scenario, Size, Verdict
from torture.measure import check_balance
from torture.site import Database, Late, Site

PAYLOAD_BYTES = 1000
BATCH = 500
READY_SECONDS = 2.0
MOST_MEMORY_MB = 150
MOST_DESCRIPTORS = 50
QUOTA_MB = 1


def run(site: Site, size: Size) -> Verdict:
    """Spool the events, kill that process, start others over it, and watch one of them drain it."""
    verdict = Verdict(trials=1)
    server = site.mariadb(durable=False, buffer_pool="256M")
    database = site.database(server.address)
    server.stop()
    filler = site.start(
        database, "filler", events=size.events, batch=BATCH, payload_bytes=PAYLOAD_BYTES, durability="spool",
        settings={"spool_max_mb": 4096, "deadline_ms": 20_000},
    )  # fmt: skip
    database.wait_until(lambda: len(database.traces().acked) >= size.events, 60 + size.events / 2000, "it is spooled")
    filler.send(signal.SIGKILL)
    filler.wait()
    _check_quota(site, verdict, database)
    server.start()
    _watch(site, verdict, database, size)
    judge(verdict, database.account())
    return verdict


def _check_quota(site: Site, verdict: Verdict, database: Database) -> None:
    """Require that a process which has just started counts what others have left behind."""
    site.start(database, "over", events=5, settings={"spool_max_mb": QUOTA_MB}, close_seconds=0.1).wait(30)
    report = database.report("over")
    verdict.require(
        report.counters.get("refused.spool_full") == len(report.calls), "a spool that is over its size takes events"
    )


def _watch(site: Site, verdict: Verdict, database: Database, size: Size) -> None:
    backlog_mb = sum(path.stat().st_size for path in database.spool_dir.rglob("*.*")) / 1_000_000
    worker = site.start(database, "starter", per_second=20, settings={"deadline_ms": 10_000}, close_seconds=30)
    most_descriptors, began = 0, time.monotonic()
    while database.spooled():
        if time.monotonic() - began > 60 + size.events / 2000:
            raise Late("the backlog is not drained")
        most_descriptors = max(most_descriptors, sum(1 for _ in Path(f"/proc/{worker.pid}/fd").iterdir()))
        time.sleep(0.1)
    seconds = time.monotonic() - began
    worker.finish()
    worker.wait(60)
    report = database.report("starter")
    check_balance(verdict, report)
    ready = report.calls[0][1]
    grown_mb = (report.peak_kb - report.began_kb) / 1024
    verdict.note(
        f"{size.events:,} events, {backlog_mb:,.0f} MB: first event after {ready:.2f} s, memory +{grown_mb:.0f} MB, "
        f"{most_descriptors} descriptors, drained in {seconds:.0f} s"
    )
    verdict.require(ready <= READY_SECONDS, f"ready after {ready:.2f} s")
    verdict.require(grown_mb <= MOST_MEMORY_MB, f"memory grew by {grown_mb:.0f} MB")
    verdict.require(most_descriptors <= MOST_DESCRIPTORS, f"{most_descriptors} descriptors are open")


BACKLOG = Scenario(
    "R8", "a process starts over a backlog of 1 GB", run, full=Size(events=1_000_000), short=Size(events=20_000)
)
