"""R16: bad events among good ones; each bad one is refused with its own reason, and kept, and harms no other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from picoevent import EventLog, NewEvent, RejectReason
from torture.account import Traces, judge
from torture.frame import Scenario, Size, Verdict
from torture.site import Database, Site

BATCH = 100
BAD_SHARE = 0.05
CAP = 80
"""Rows that are kept; fewer than a process keeps of a flood before it only counts."""
BLOCKED = "blocked"


def _nested(depth: int) -> dict[str, object]:
    data: dict[str, object] = {}
    for _ in range(depth):
        data = {"in": data}
    return data


POISONS: dict[RejectReason, Callable[[], NewEvent]] = {
    RejectReason.DATA_TOO_LARGE: lambda: NewEvent("bad", {"text": "x" * 17_000_000}),
    RejectReason.DATA_TOO_DEEP: lambda: NewEvent("bad", _nested(10_000)),
    RejectReason.VALUE_NOT_ENCODABLE: lambda: NewEvent("bad", {"what": object()}),
    RejectReason.NUMBER_NOT_FINITE: lambda: NewEvent("bad", {"amount": float("nan")}),
    RejectReason.NUMBER_TOO_LARGE: lambda: NewEvent("bad", {"amount": 1 << 70}),
    RejectReason.KEY_NOT_TEXT: lambda: NewEvent("bad", {None: 1}),  # type: ignore[dict-item]
    RejectReason.EVENT_TYPE_INVALID: lambda: NewEvent("x" * 101),
    RejectReason.EVENT_TYPE_BLOCKED: lambda: NewEvent(BLOCKED),
    RejectReason.USER_ID_INVALID: lambda: NewEvent("bad", user_id=-1),
    RejectReason.SOURCE_INVALID: lambda: NewEvent("bad", source=""),
}


def run(site: Site, size: Size) -> Verdict:
    """Log batches in which one event of twenty is bad, and compare every answer."""
    verdict = Verdict()
    database = site.database()
    _block(database)
    with EventLog(database.url, spool_dir=str(database.spool_dir), max_rejected_events=CAP) as log:
        log.log("first")
        connections = _connections(database)
        traces, expected = _log_all(site, verdict, log, size.events)
        verdict.require(connections <= _connections(database), "a connection was closed")
        kept = Counter(event.reason for event in log.rejected_events(CAP))
        counters = log.counters()
    refused = {reason: counters.get(f"refused.{reason}", 0) for reason in POISONS}
    verdict.trials = expected.total()
    verdict.require(refused == dict(expected), f"refused {refused}, sent {dict(expected)}")
    verdict.require(kept.total() == min(CAP, expected.total()), f"{kept.total()} of {expected.total()} are kept")
    verdict.require(kept.keys() <= expected.keys(), f"kept {kept}, sent {expected}")
    verdict.note(f"{len(traces.sent):,} good events and {expected.total():,} bad ones of {len(POISONS)} kinds")
    judge(verdict, database.account(traces))
    verdict.require(verdict.acked == verdict.sent, f"{verdict.sent - verdict.acked} good events were refused")
    return verdict


def _block(database: Database) -> None:
    with EventLog(database.url, spool_dir=str(database.spool_dir)) as log, database.cursor() as cursor:
        log.log(BLOCKED)
        cursor.execute("UPDATE event_type SET status = 'blocked' WHERE name = %s", (BLOCKED,))


def _connections(database: Database) -> set[int]:
    with database.cursor() as cursor:
        cursor.execute("SELECT id FROM information_schema.processlist WHERE db = %s", (database.name,))
        return {number for (number,) in cursor.fetchall()} - {cursor.connection.thread_id()}


def _log_all(site: Site, verdict: Verdict, log: EventLog, count: int) -> tuple[Traces, Counter[RejectReason]]:
    traces, expected = Traces(), Counter[RejectReason]()
    for first in range(0, count, BATCH):
        batch: list[tuple[str | RejectReason, NewEvent]] = []
        for number in range(first, first + BATCH):
            if site.random.random() < BAD_SHARE:
                reason = site.random.choice(list(POISONS))
                batch.append((reason, POISONS[reason]()))
            else:
                batch.append((f"good-{number}", NewEvent("good", {"uid": f"good-{number}"})))
        for (what, _), event_id in zip(batch, log.log_many(event for _, event in batch), strict=True):
            if isinstance(what, RejectReason):
                expected[what] += 1
                verdict.require(event_id is None, f"{what}: was taken")
                continue
            traces.sent.add(what)
            if event_id is None:
                traces.refused.add(what)
            else:
                traces.acked[what] = event_id
    return traces, expected


POISON = Scenario(
    "R16",
    "one bad event among twenty good ones, of ten kinds",
    run,
    full=Size(events=100_000),
    short=Size(events=2_000),
)
