"""R1: a proxy cuts replies; what the server has done is found again, and nothing is sent into the table twice."""

from __future__ import annotations

from collections.abc import Callable

from picoevent.testing.proxy import Cut, Plan
from torture.account import judge
from torture.frame import Scenario, Size, Verdict
from torture.measure import check_balance
from torture.site import Site

SHARE = 0.2


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
        proxy.cut(Plan(cut, share=SHARE, where=where))
        many, one = 25, size.events // len(PARTS) // 10
        workers = [
            site.start(database, f"one{number}", database.through(proxy), events=one // 4, threads=4, text_users=5),
            site.start(database, f"many{number}", database.through(proxy), events=9 * one, batch=many, event_types=7),
        ]
        for worker in workers:
            worker.wait(600)
            report = database.report(worker.task.name)
            check_balance(verdict, report)
            replayed += report.counters["replayed"]
            known += report.counters["already_stored"]
        proxy.pass_on()
        database.drain()
        verdict.trials += proxy.counts["cut"]
        judge(verdict, database.account())
    verdict.note(f"{verdict.trials:,} exchanges cut; {known:,} events were found stored already, {replayed:,} replayed")
    verdict.require(known > 0, "no reply was lost behind a commit: nothing was tried")
    return verdict


LOST_REPLIES = Scenario(
    "R1", "a fifth of all replies is cut off", run, full=Size(events=50_000), short=Size(events=2_000)
)
