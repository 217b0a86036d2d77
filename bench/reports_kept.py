"""Rows of `reports.answers` about what is kept: answers in the cache, and bytes on disk."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

from bench.frame import Row, Target
from bench.ingest_place import OURS
from bench.layouts import CLASSIC_TABLE, EVENT_TABLES
from bench.reports_questions import questions, raw_questions
from bench.reports_site import Site
from bench.reports_turns import in_turn
from picoevent import EventLog
from picoevent.testing.servers import RedisServer

CACHED_ROUNDS = 20
TABLES = {
    "event_log, event_data": EVENT_TABLES,
    "rollups": (
        "rollup", "rollup_users", "rollup_dimension", "rollup_value_users", "rollup_measure", "rollup_session",
        "day_version", "dimension_value", "user_number",
    ),
    "dimension index": ("event_dimension",),
}  # fmt: skip


def cached_rows(site: Site) -> Iterator[Row]:
    """Yield, for each kind of cache, the slowest answer from it, and the whole dashboard."""
    with RedisServer() as redis:
        for kind, url in (("in-process", "memory://"), ("Redis", redis.url())):
            with EventLog(site.place.settings(OURS, cache_url=url)) as log:
                # In a row, not in turn: an answer is fresh for seconds, and slow ones stand between them.
                times = [in_turn([ask], CACHED_ROUNDS)[0] for ask in _panels(site, log)]
                yield Row(f"the slowest answer from the cache, {kind}", max(times), "ms", target=Target(at_most=1))


def _panels(site: Site, log: EventLog) -> Iterator[Callable[[], object]]:
    for question in [*questions(site.visits), *raw_questions(site.visits)]:
        for number in range(len(question.panels)):
            yield partial(question.ask_panel, log, number)


def bytes_rows(site: Site) -> Iterator[Row]:
    """Yield the bytes of an event, all in all and by part."""
    classic = _bytes_of(site, (CLASSIC_TABLE,))
    parts = {name: _bytes_of(site, tables) for name, tables in TABLES.items()}
    yield Row("an event on disk, all in all, vs classic", sum(parts.values()), "bytes", classic)
    for name, size in parts.items():
        yield Row(f"an event on disk: {name}", size, "bytes")


def _bytes_of(site: Site, tables: tuple[str, ...]) -> float:
    cursor = site.raw.cursor
    cursor.execute(f"ANALYZE TABLE {', '.join(tables)}")
    cursor.execute(
        "SELECT CAST(SUM(data_length + index_length) AS SIGNED) FROM information_schema.tables"
        " WHERE table_schema = %s AND table_name IN %s",
        (OURS, tables),
    )
    return int((cursor.fetchone() or (0,))[0]) / site.visits.events
