"""S18: fifty costly questions about ten years at once; each is ended in time, and logging goes on beside them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from datetime import UTC, datetime

from sqlalchemy import text

from picoevent.errors import QueryTooCostly
from picoevent.read.names import NameDirectory
from picoevent.report.desk import Reports
from picoevent.report.raw import raw_rows
from picoevent.rollup.tiers import Tier
from picoevent.settings import Settings
from picoevent.store import open_store
from picoevent.store.base import Purpose
from picoevent.store.installation import InstallationKey
from picoevent.store.packed_rows import Walk
from torture.account import judge
from torture.frame import Scenario, Size, Verdict
from torture.measure import Report, check_balance, percentile_ms
from torture.site import Database, Site

QUESTIONS, CROWDS = 50, 5
BATCH, CALLS_A_SECOND = 10, 100
WARM_UP_SECONDS = 1.0
GRACE_SECONDS = 1.0
"""How long a server may need to notice that a statement has to end."""
MOST_TIMES_ALONE = 4.0
"""Of the p99 of a call: the questions that are let through have the processors of the same machine."""
BEGIN, END = datetime(2012, 1, 1, tzinfo=UTC), datetime(2022, 1, 1, tzinfo=UTC)
COUNTED = "INSERT INTO rollup (tier, event_type_id, source_id, bucket, events) VALUES (%s, 0, 0, %s, 10000000)"
"""So the rollups say beforehand that it is much."""
ENDLESS = text("SELECT COUNT(*) FROM seq_1_to_100000000 a JOIN seq_1_to_100000000 b ON a.seq % 7 = b.seq % 9")


def run(site: Site, size: Size) -> Verdict:
    """Log at an even pace, in turn alone and beside questions that never come to an end by themselves."""
    verdict = Verdict()
    database = site.database(site.mariadb().address)
    with database.cursor() as cursor:
        cursor.execute(COUNTED, (int(Tier.MONTH), int(BEGIN.timestamp())))
    logger = site.start(database, "log", batch=BATCH, per_second=CALLS_A_SECOND, settings={"cache_url": "none://"})
    database.wait_until(lambda: database.count() > CALLS_A_SECOND * BATCH * WARM_UP_SECONDS, 30, "events are stored")
    alone, beside, took = [], [], []
    with asking(database, int(size.seconds)) as crowds, ThreadPoolExecutor(QUESTIONS) as threads:
        for _ in range(size.trials):
            alone.append(time.time())
            time.sleep(size.seconds)
            beside.append(time.time())
            took += threads.map(_ask, crowds)
    over = time.time()
    logger.finish()
    logger.wait(60)
    report = database.report("log")
    check_balance(verdict, report)
    database.drain()
    judge(verdict, database.account())
    verdict.trials = len(took)
    _judge_times(verdict, site, took, size.seconds)
    _judge_calls(verdict, site, _worst_ms(report, alone, beside), _worst_ms(report, beside, [*alone[1:], over]))
    return verdict


@contextmanager
def asking(database: Database, seconds: int) -> Iterator[list[Reports]]:
    """Open reports as several processes have them, and warm them up; return those that each question goes to."""
    settings = Settings(url=database.url, report_max_seconds=seconds)
    with ExitStack() as stack:
        stores = [stack.enter_context(closing(open_store(settings.url, settings, Purpose.READ))) for _ in range(CROWDS)]
        crowds = [Reports(store, NameDirectory(), InstallationKey(), settings) for store in stores]
        for crowd in crowds:
            with crowd.desk():
                pass
        yield [crowds[number % CROWDS] for number in range(QUESTIONS)]


def _ask(reports: Reports) -> float:
    """Ask what has no end, as reports ask for raw rows; return after how many seconds that was ended."""
    walk = Walk(int(BEGIN.timestamp()) * 1000, int(END.timestamp()) * 1000)
    began = time.monotonic()
    try:
        with reports.desk() as desk, raw_rows(desk, "torture", walk) as rows:
            rows.execute(ENDLESS)
    except QueryTooCostly:
        return time.monotonic() - began
    raise AssertionError("a question without an end was answered")


def _worst_ms(report: Report, begins: list[float], ends: list[float]) -> float:
    """Return the p99 of all calls in these spans."""
    spans = zip(begins, ends, strict=True)
    return percentile_ms(sorted(took for span in spans for took in report.took(*span)), 0.99)


def _judge_times(verdict: Verdict, site: Site, took: list[float], seconds: float) -> None:
    verdict.note(f"{len(took)} questions without an end: ended after {max(took):.1f} s at most")
    most = site.bound((seconds + GRACE_SECONDS) * 1000) / 1000
    verdict.require_in_time(max(took) <= most, f"a question was ended after {max(took):.1f} s")


def _judge_calls(verdict: Verdict, site: Site, alone_ms: float, beside_ms: float) -> None:
    verdict.note(f"p99 of log_many(): {alone_ms:.1f} ms alone, {beside_ms:.1f} ms beside them")
    most_ms = site.bound(alone_ms * MOST_TIMES_ALONE)
    verdict.require_in_time(beside_ms <= most_ms, f"p99 of log_many(): {beside_ms:.1f} ms, {alone_ms:.1f} ms alone")


COSTLY = Scenario(
    "S18",
    "50 costly questions at once, beside an even pace of logging",
    run,
    full=Size(trials=3, seconds=10),
    short=Size(trials=1, seconds=2),
)
