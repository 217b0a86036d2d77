"""R1: a proxy cuts replies; what the server has done is found again, and nothing is sent into the table twice."""

from __future__ import annotations

from collections.abc import Callable

from picoevent.testing.proxy import Cut, Plan
from torture.account import judge
from torture.frame import Scenario, Size, Verdict
from torture.measure import check_balance
from torture.nursery import Running
from torture.site import Database, Site

SHARE = 0.2
BATCH = 25


def is_commit(sent: bytes) -> bool:
    """Tell whether a client sent what ends a transaction."""
    return b"COMMIT" in sent.upper()


PARTS: tuple[tuple[Cut, Callable[[bytes], bool] | None], ...] = (
    (Cut.AFTER, None),
    (Cut.AFTER, is_commit),
    (Cut.MIDDLE, None),
    (Cut.BEFORE, is_commit),
)


def run(site: Site, size: Size) -> Verdict:
    """Log through a proxy that cuts a fifth of all exchanges, or of the commits, then count."""
    verdict = Verdict()
    replayed = known = 0
    for number, (cut, where) in enumerate(PARTS):
        database = site.database()
        proxy = site.proxy(database.address.port)
        workers = _start(site, database, database.through(proxy), number, size)
        if where is not None:
            # In the other part not even the first connection comes about without cuts.
            database.wait_until(lambda database=database: database.count() > 0, 20, "events are stored")
        proxy.cut(Plan(cut, share=SHARE, where=where))
        for worker in workers:
            worker.wait(size.seconds + 60)
            report = database.report(worker.task.name)
            check_balance(verdict, report)
            replayed += report.counters["replayed"]
            known += report.counters["already_stored"]
        proxy.pass_on()
        drained = database.drain()
        replayed += drained["replayed"]
        known += drained["already_stored"]
        verdict.trials += proxy.counts["cut"]
        judge(verdict, database.account())
    verdict.note(f"{verdict.trials:,} exchanges cut; {known:,} events were found stored already, {replayed:,} replayed")
    verdict.require(known > 0, "no reply was lost behind a commit: nothing was tried")
    return verdict


def _start(site: Site, database: Database, url: str, number: int, size: Size) -> list[Running]:
    """Start a worker that logs one by one in four threads, and one that logs many at a time, both at a steady pace."""
    each = size.events // len(PARTS) // 2
    return [
        site.start(
            database, f"one{number}", url, events=each // 4, threads=4, text_users=5,
            per_second=each / 4 / size.seconds,
        ),
        site.start(
            database, f"many{number}", url, events=each, batch=BATCH, event_types=7,
            per_second=each / BATCH / size.seconds,
        ),
    ]  # fmt: skip


LOST_REPLIES = Scenario(
    "R1",
    "a fifth of all replies is cut off",
    run,
    full=Size(events=50_000, seconds=60),
    short=Size(events=2_000, seconds=1.5),
)
