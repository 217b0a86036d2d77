"""R5 and R6: the database is away, in each of its ways, while 1,000 events a second come in."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from picoevent.ids import id_unix_ms
from picoevent.testing.proxy import FaultyProxy
from picoevent.testing.servers import MariaDBServer
from torture.account import Traces, judge
from torture.frame import Scenario, Size, Verdict
from torture.measure import check_balance, percentile_ms
from torture.site import Database, Site
from torture.slowness import DiskPace

THREADS = 4
CALLS_A_SECOND = 1000
DEADLINE_MS = 1000
LONGEST_P99_MS = 2.0
"""On top of what one write to the disk takes at its own p99 in the same seconds."""
GRACE_MS = 50
SECONDS_BEFORE = 0.5
SMALLEST_DRAIN_SECONDS = 1.0
"""Whoever was away for a second is asked again within one: half of a short outage is less than that."""


@dataclass(frozen=True, slots=True)
class Away:
    """A way of being away: how it begins, and how it ends."""

    begin: Callable[[MariaDBServer, FaultyProxy], object]
    end: Callable[[MariaDBServer, FaultyProxy], object]


WAYS = {
    "killed": Away(lambda server, _: server.kill(), lambda server, _: server.start()),
    "frozen": Away(lambda server, _: server.pause(), lambda server, _: server.resume()),
    "half-open": Away(lambda _, proxy: proxy.freeze(), lambda _, proxy: proxy.pass_on()),
    "blackhole": Away(lambda _, proxy: proxy.blackhole(), lambda _, proxy: proxy.pass_on()),
}


def run_durations(site: Site, size: Size) -> Verdict:
    """Kill the server for longer and longer."""
    verdict = Verdict()
    server = site.mariadb()
    for seconds in (size.seconds, size.seconds * 3, size.seconds * 30)[: size.trials]:
        _be_away(site, server, verdict, "killed", seconds)
    return verdict


def run_ways(site: Site, size: Size) -> Verdict:
    """Be away in each way."""
    verdict = Verdict()
    server = site.mariadb()
    for way in WAYS:
        _be_away(site, server, verdict, way, size.seconds)
    return verdict


def _be_away(site: Site, server: MariaDBServer, verdict: Verdict, way: str, seconds: float) -> None:
    database = site.database(server.address)
    proxy = site.proxy(server.port)
    worker = site.start(
        database, "steady", database.through(proxy), threads=THREADS, per_second=CALLS_A_SECOND / THREADS
    )
    database.wait_until(lambda: database.count() > CALLS_A_SECOND * SECONDS_BEFORE, 20, "the load has begun")
    began = time.time()
    WAYS[way].begin(server, proxy)
    with DiskPace(site.folder) as pace:
        time.sleep(seconds)
    ended = time.time()
    WAYS[way].end(server, proxy)
    drained = database.wait_until(partial(_is_drained, database), seconds + 30, "the spool is drained")
    worker.finish()
    worker.wait(20)
    report = database.report("steady")
    name = f"{way} for {seconds:g} s"
    _check_costs(site, verdict, name, report.took(began, ended), pace.p99_ms)
    check_balance(verdict, report)
    counters = report.counters
    verdict.note(
        f"{name}: {counters['replayed']:,} replayed, drained in {drained:.1f} s, "
        f"memory +{(report.peak_kb - report.began_kb) / 1024:.0f} MB"
    )
    verdict.require(counters["refused"] == 0, f"{name}: {counters['refused']} refused")
    allowed = max(seconds / 2, site.bound(SMALLEST_DRAIN_SECONDS * 1000) / 1000)
    verdict.require_in_time(drained <= allowed, f"{name}: drained in {drained:.1f} s")
    traces = database.traces()
    judge(verdict, database.account(traces))
    verdict.require(_in_order(traces), f"{name}: ids of a thread do not follow the order of its calls")
    verdict.trials += 1
    proxy.close()


def _check_costs(site: Site, verdict: Verdict, name: str, took: list[float], pace_ms: float) -> None:
    """Require that calls were quick; `took` are their sorted times, in seconds."""
    p50, p99, longest = (percentile_ms(took, share) for share in (0.5, 0.99, 1))
    verdict.note(
        f"{name}: {len(took):,} calls, p50 {p50:.2f} ms, p99 {p99:.2f} ms (of a bare write {pace_ms:.2f} ms), "
        f"longest {longest:.0f} ms"
    )
    verdict.require_in_time(p99 <= site.bound(LONGEST_P99_MS) + pace_ms, f"{name}: p99 of log() is {p99:.2f} ms")
    verdict.require_in_time(longest <= site.bound(DEADLINE_MS + GRACE_MS), f"{name}: a call took {longest:.0f} ms")


def _is_drained(database: Database) -> bool:
    return database.spooled() == 0


def _in_order(traces: Traces) -> bool:
    """Tell whether the times in the ids of each thread rise in the order in which it logged."""
    by_thread: dict[str, list[tuple[int, int]]] = {}
    for name, event_id in traces.acked.items():
        thread, _, number = name.rpartition("-")
        by_thread.setdefault(thread, []).append((int(number), id_unix_ms(event_id)))
    times = ([moment for _, moment in sorted(pairs)] for pairs in by_thread.values())
    return all(earlier <= later for column in times for earlier, later in itertools.pairwise(column))


OUTAGES = Scenario(
    "R5",
    "the database is down for 20 s, 60 s and 10 minutes at 1,000 events a second",
    run_durations,
    full=Size(trials=3, seconds=20),
    short=Size(trials=1, seconds=2),
)
ABSENCES = Scenario(
    "R6",
    "what log() costs while the server is killed, frozen, half-open, or behind a blackhole",
    run_ways,
    full=Size(seconds=30),
    short=Size(seconds=1.5),
)
