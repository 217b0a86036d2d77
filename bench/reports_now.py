"""Rows of `reports.answers` about the last minutes: events are logged as of now, folded, and asked for."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial

from bench import reports_sql as sql
from bench.frame import NO_TARGET, Row, Size, Target
from bench.ingest_place import BASELINE, OURS, NotStored, Place
from bench.reports_place import events_to_log
from bench.reports_site import Site
from bench.reports_sql import Span
from bench.reports_turns import in_turn
from bench.reports_visits import read_events
from picoevent import EventLog, NewEvent

FRESH_SECONDS = 300
CALM, BUSY = 10, 100
"""Events a second of the last minutes: ten times as many as on the days before, and a hundred times."""
FOLDED_SECONDS = 60.0
WITHIN_5_MS = Target(at_most=5)


def realtime_rows(site: Site, size: Size) -> Iterator[Row]:
    """Log events of the last 5 minutes into both databases, and ask for these minutes; then more of them."""
    yield from _rows_of_pace(site, size, CALM, CALM, WITHIN_5_MS)
    yield from _rows_of_pace(site, size, BUSY, BUSY - CALM, NO_TARGET)


def _rows_of_pace(site: Site, size: Size, pace: int, more: int, target: Target) -> Iterator[Row]:
    for database in (OURS, BASELINE):
        log_fresh(site.place, database, more * FRESH_SECONDS)
    now_ms = time.time_ns() // 1_000_000
    span = Span(now_ms - now_ms % 60_000 - (FRESH_SECONDS - 60) * 1000, now_ms - now_ms % 60_000 + 60_000)
    asks = [partial(log.report, "realtime") for log in (site.log, site.small_log)]
    ours, small, baseline = in_turn([*asks, partial(site.raw.ask, sql.BY_TYPE_WITH_USERS, span)], size.rounds)
    measure = f"realtime, {pace} events a second"
    yield Row(f"{measure}, vs SQL on raw rows", ours, "ms", baseline, target)
    yield Row(f"{measure}: {site.visits.events:,} events vs {site.small_visits.events:,}", ours, "ms", small)


def log_fresh(place: Place, database: str, events: int) -> None:
    """Log events of the last minutes, and return when they are folded."""
    now = datetime.now(UTC)
    apart = timedelta(seconds=FRESH_SECONDS) / events
    made = enumerate(read_events(events_to_log(place, events)))
    with EventLog(place.settings(database)) as log:
        log.log_many([NewEvent(event.event_type, event.data, event.user_id, at=now - n * apart) for n, event in made])
    give_up = time.monotonic() + FOLDED_SECONDS
    with place.address.cursor(database) as cursor:
        while cursor.execute("SELECT 1 FROM pending LIMIT 1"):
            if time.monotonic() > give_up:
                raise NotStored("The events of the last minutes were not folded.", hint="Run it alone.")
            time.sleep(0.05)
