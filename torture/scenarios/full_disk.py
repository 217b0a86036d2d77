"""R11: no space left for the binary log (MariaDB then waits, without an error), for the tables, or for the spool."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from picoevent.testing.servers import MariaDBServer
from torture.account import judge
from torture.disk import SmallDisk
from torture.frame import Scenario, Size, Verdict
from torture.measure import check_balance, percentile_ms
from torture.site import Database, Site

DISK_MB = 8
ROOM_TO_START_MB = 100
PAYLOAD_BYTES = 4000
BATCH = 20
DEADLINE_MS, GRACE_MS = 1000, 50
RECOVERS_SECONDS = 60.0
"""MariaDB looks once a minute whether there is space again."""


@dataclass(frozen=True, slots=True)
class Full:
    """A server whose disk is about to be full."""

    server: MariaDBServer
    disk: SmallDisk
    database: Database


def run(site: Site, size: Size) -> Verdict:
    """Fill each disk under load, give it space again, and count; `size.seconds` is how long it stays full."""
    verdict = Verdict()
    for name, fill in (("binary log", _full_binlog), ("tables", _full_tables)):
        _on_a_full_server(site, verdict, name, fill, size)
    _full_spool(site, verdict)
    return verdict


def _full_binlog(site: Site) -> Full:
    disk = site.small_disk("binlog", DISK_MB)
    server = site.mariadb(options=(f"--log-bin={disk.folder}/binlog",))
    return Full(server, disk, site.database(server.address))


def _full_tables(site: Site) -> Full:
    server = site.unstarted_mariadb(options=("--skip-log-bin",))
    server.prepare()
    data = server.folder / "data"
    used_mb = sum(path.stat().st_blocks * 512 for path in data.rglob("*")) // 1_000_000
    disk = site.small_disk(data, used_mb + ROOM_TO_START_MB)
    server.start()
    database = site.database(server.address)
    disk.fill(leave_bytes=DISK_MB * 1_000_000)
    return Full(server, disk, database)


def _on_a_full_server(site: Site, verdict: Verdict, name: str, fill: Callable[[Site], Full], size: Size) -> None:
    full = fill(site)
    database = full.database
    worker = site.start(
        database, "steady", batch=BATCH, threads=2, per_second=50, payload_bytes=PAYLOAD_BYTES, close_seconds=30
    )
    filled = database.wait_until(lambda: database.spooled() > 0, 30, f"the disk of the {name} is full")
    time.sleep(size.seconds)
    full.disk.free()
    full.disk.grow(1000)
    began = time.monotonic()
    if size.trials == 0 and name == "binary log":
        # In a test nobody waits a minute until MariaDB looks again.
        full.server.kill()
        full.server.start()
    database.wait_until(lambda: database.spooled() == 0, RECOVERS_SECONDS + 30, f"the {name} has recovered")
    recovered = time.monotonic() - began
    worker.finish()
    worker.wait(60)
    report = database.report("steady")
    check_balance(verdict, report)
    longest = percentile_ms(report.took(), 1)
    verdict.trials += 1
    verdict.note(
        f"{name}: full after {filled:.1f} s, longest call {longest:.0f} ms, recovered in {recovered:.0f} s, "
        f"{report.counters['replayed']:,} replayed, {report.counters['refused']} refused"
    )
    verdict.require_in_time(longest <= site.bound(DEADLINE_MS + GRACE_MS), f"{name}: a call took {longest:.0f} ms")
    verdict.require_in_time(recovered <= RECOVERS_SECONDS, f"{name}: recovered after {recovered:.0f} s")
    verdict.require(report.counters["set_aside"] == 0, f"{name}: {report.counters['set_aside']} set aside")
    judge(verdict, database.account())
    full.server.kill()


def _full_spool(site: Site, verdict: Verdict) -> None:
    database = site.database()
    proxy = site.proxy(database.address.port)
    proxy.refuse()
    disk = site.small_disk(database.spool_dir, DISK_MB)
    worker = site.start(
        database,
        "steady",
        database.through(proxy),
        batch=BATCH,
        threads=2,
        per_second=200,
        payload_bytes=PAYLOAD_BYTES,
        close_seconds=30,
    )
    database.wait_until(lambda: bool(database.traces().refused), 30, "the disk of the spool is full")
    time.sleep(0.5)
    disk.grow(1000)
    until = len(database.traces().acked)
    database.wait_until(lambda: len(database.traces().acked) > until + 10 * BATCH, 30, "events are taken again")
    proxy.pass_on()
    worker.finish()
    worker.wait(60)
    report = database.report("steady")
    check_balance(verdict, report)
    counters = report.counters
    longest = percentile_ms(report.took(), 1)
    verdict.trials += 1
    verdict.note(f"spool: {counters['refused']:,} refused while it was full, longest call {longest:.0f} ms")
    verdict.require_in_time(longest <= site.bound(DEADLINE_MS + GRACE_MS), f"spool: a call took {longest:.0f} ms")
    verdict.require(counters["refused"] == counters.get("refused.spool_full"), f"spool: refused otherwise: {counters}")
    database.drain()
    judge(verdict, database.account())


FULL_DISK = Scenario(
    "R11",
    "no space left for the binary log, the tables, the spool",
    run,
    full=Size(trials=1, seconds=10),
    short=Size(trials=0, seconds=1),
)
