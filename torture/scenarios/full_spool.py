"""R7: the database is away until the spool has reached its size; from then on each event is refused, and counted so."""

from __future__ import annotations

from torture.account import judge
from torture.frame import Scenario, Size, Verdict
from torture.measure import check_balance, percentile_ms
from torture.site import Database, Site

PAYLOAD_BYTES, THREADS = 1000, 2
SPARE_MB = 20
EVENTS_MORE = 1.3
"""How many times more events are sent than the spool can hold."""


def run(site: Site, size: Size) -> Verdict:
    """Fill a spool of `size.events` MB, look at what is refused, and see that all goes on when the database is back."""
    verdict = Verdict(trials=1)
    max_mb = size.events
    database = site.database()
    proxy = site.proxy(database.address.port)
    proxy.refuse()
    each = int(max_mb * 1_000_000 * EVENTS_MORE / PAYLOAD_BYTES / THREADS)
    settings = {"spool_max_mb": max_mb}
    site.start(
        database, "flood", database.through(proxy), events=each, threads=THREADS, payload_bytes=PAYLOAD_BYTES,
        settings=settings, close_seconds=1,
    ).wait(600)  # fmt: skip
    _check_refusals(verdict, database)
    _check_size(verdict, database, max_mb)
    proxy.pass_on()
    database.drain(300)
    site.start(database, "after", events=50, settings=settings).wait(30)
    verdict.require(not database.report("after").counters["refused"], "events are refused after the spool was drained")
    judge(verdict, database.account())
    return verdict


def _check_refusals(verdict: Verdict, database: Database) -> None:
    report = database.report("flood")
    check_balance(verdict, report)
    counters, traces = report.counters, database.traces()
    refused = counters.get("refused.spool_full", 0)
    verdict.require(refused > 0, "nothing was refused: the spool has no end")
    verdict.require(counters["refused"] == refused, f"refused for other reasons: {counters}")
    verdict.require(len(traces.refused) == refused, f"log() refused {len(traces.refused)}, and counted {refused}")
    verdict.require(len(traces.acked) == counters["spooled"], f"{len(traces.acked)} acknowledged; counted: {counters}")
    p99 = percentile_ms(report.took(), 0.99)
    verdict.note(f"{counters['spooled']:,} spooled, {refused:,} refused, p99 of a call {p99:.2f} ms")


def _check_size(verdict: Verdict, database: Database, max_mb: int) -> None:
    report = database.report("flood")
    grown_mb = (report.peak_kb - report.began_kb) / 1024
    bytes_mb = sum(path.stat().st_size for path in database.spool_dir.rglob("*.*")) / 1_000_000
    verdict.require(bytes_mb <= max_mb * 1.05 + 1, f"the spool of {max_mb} MB holds {bytes_mb:.1f} MB")
    verdict.require(grown_mb <= max_mb + SPARE_MB, f"memory grew by {grown_mb:.0f} MB")
    verdict.note(f"{bytes_mb:.1f} of {max_mb} MB on disk, memory +{grown_mb:.0f} MB")


FULL_SPOOL = Scenario(
    "R7", "the spool is full while the database is away", run, full=Size(events=64), short=Size(events=2)
)
