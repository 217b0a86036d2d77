"""R17: names to two-byte numbers: ten processes race for all of them, and a thousand cold caches ask for one."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from picoevent import EventLog, NewEvent
from torture.account import judge
from torture.frame import Scenario, Size, Verdict
from torture.measure import check_balance
from torture.site import Database, Site

PROCESSES, PAIRS = 10, 5
MANY_NAMES = 1000
ALL_NAMES = 65_535
BATCH = 100
COLD_THREADS = 4
WRONG_TYPES = """
    SELECT COUNT(*) FROM event_log JOIN event_data USING (event_id) JOIN event_type USING (event_type_id)
    WHERE event_type.name <> JSON_VALUE(event_data, '$.name')
"""


def run(site: Site, size: Size) -> Verdict:
    """Race for `size.trials` names, ask for one more than there can be, and log `size.events` from cold caches."""
    verdict = Verdict(trials=size.trials)
    # Without flushes: it is about 65,535 short transactions one behind the other, and nobody crashes this server.
    database = site.database(site.mariadb(durable=False).address)
    settings = {"max_auto_event_types": ALL_NAMES, "deadline_ms": 20_000}
    # All race for the same names at the same moment; of a great many, five pairs do, each for others.
    apart = size.trials // PAIRS if size.trials > MANY_NAMES else 0
    workers = [
        site.start(
            database,
            f"racer{n}",
            events=size.trials,
            event_types=size.trials,
            first_type=n // 2 * apart,
            batch=BATCH,
            settings=settings,
        )
        for n in range(PROCESSES)
    ]
    for worker in workers:
        worker.wait(1800)
        check_balance(verdict, database.report(worker.task.name))
    database.drain()
    names, highest, following = _numbers(database)
    verdict.note(f"{PROCESSES} processes, {names:,} names, highest number {highest:,}")
    verdict.require(names == highest == following - 1 == size.trials, f"{names} names, {highest}, {following}")
    judge(verdict, database.account())
    verdict.require(verdict.acked == verdict.sent, f"{verdict.sent - verdict.acked} were refused")
    _ask_for_one_too_many(verdict, database)
    _log_from_cold_caches(verdict, database, size.events)
    verdict.require(_numbers(database)[0] == names, "cold caches made names")
    verdict.require(_wrong_types(database) == 0, f"{_wrong_types(database)} rows have the type of another name")
    return verdict


def _numbers(database: Database) -> tuple[int, int, int]:
    with database.cursor() as cursor:
        cursor.execute("SELECT COUNT(*), MAX(event_type_id) FROM event_type")
        names, highest = cursor.fetchone()
        cursor.execute("SELECT next_id FROM id_counter WHERE name = 'event_type'")
        return names, highest, cursor.fetchone()[0]


def _ask_for_one_too_many(verdict: Verdict, database: Database) -> None:
    with database.cursor() as cursor:
        # Of a shorter race the numbers between are taken as used.
        cursor.execute("UPDATE id_counter SET next_id = %s WHERE name = 'event_type'", (ALL_NAMES + 1,))
    with EventLog(database.url, max_auto_event_types=ALL_NAMES, spool_dir=str(database.spool_dir)) as log:
        verdict.require(log.log("one too many") is None, "the 65,536th name was taken")
        verdict.require(log.log("type-0", {"name": "type-0"}) is not None, "at the end of names a known one is refused")
        refused = {name: count for name, count in log.counters().items() if name.startswith("refused.")}
        verdict.require(refused == {"refused.event_types_exhausted": 1}, f"the 65,536th name: {refused}")


def _log_from_cold_caches(verdict: Verdict, database: Database, events: int) -> None:
    def log_once(_: int) -> int:
        with EventLog(database.url, spool_dir=str(database.spool_dir), deadline_ms=20_000) as log:
            batch = [NewEvent("type-0", {"name": "type-0"}) for _ in range(BATCH)]
            return sum(event_id is not None for event_id in log.log_many(batch))

    with ThreadPoolExecutor(COLD_THREADS) as pool:
        stored = sum(pool.map(log_once, range(events // BATCH)))
    verdict.note(f"{stored:,} events of one name from {events // BATCH:,} cold caches")
    verdict.require(stored == events, f"{events - stored} of them were refused")


def _wrong_types(database: Database) -> int:
    with database.cursor() as cursor:
        cursor.execute(WRONG_TYPES)
        return cursor.fetchone()[0]


NAMES = Scenario(
    "R17",
    "ten processes race for all names, and cold caches ask for one",
    run,
    full=Size(trials=ALL_NAMES, events=1_000_000),
    short=Size(trials=100, events=1_000),
)
