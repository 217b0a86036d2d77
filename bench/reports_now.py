"""Rows of `reports.answers` about the last minutes: events are logged as of now, folded, and asked for."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from random import Random

from bench import reports_sql as sql
from bench.frame import Row, Size, Target
from bench.ingest_place import BASELINE, OURS, NotStored, Place
from bench.reports_place import events_to_log
from bench.reports_site import Site
from bench.reports_sql import Span
from bench.reports_turns import in_turn
from bench.reports_visits import read_events
from picoevent import EventLog

FRESH_EVENTS = 30_000
FRESH_SECONDS = 300
FOLDED_SECONDS = 60.0
WITHIN_5_MS = Target(at_most=5)


def realtime_rows(site: Site, size: Size) -> Iterator[Row]:
    """Log events of the last 5 minutes into both databases, and ask for these minutes."""
    for database in (OURS, BASELINE):
        log_fresh(site.place, database)
    now_ms = time.time_ns() // 1_000_000
    span = Span(now_ms - now_ms % 60_000 - (FRESH_SECONDS - 60) * 1000, now_ms - now_ms % 60_000 + 60_000)
    asks = [partial(log.report, "realtime") for log in (site.log, site.small_log)]
    raw = partial(site.raw.ask, sql.BY_TYPE_WITH_USERS, span)
    ours, small, baseline = in_turn([*asks, raw], size.rounds)
    yield Row(f"realtime, {FRESH_EVENTS:,} events in 5 minutes, vs SQL on raw rows", ours, "ms", baseline, WITHIN_5_MS)
    yield Row(f"realtime: {site.visits.events:,} events vs {site.small_visits.events:,}", ours, "ms", small)


def log_fresh(place: Place, database: str) -> None:
    """Log events of the last minutes, and return when they are folded."""
    rng = Random(1)
    now = datetime.now(UTC)
    made = read_events(events_to_log(place, FRESH_EVENTS))
    with EventLog(place.settings(database)) as log:
        log.log_many([replace(event, at=now - timedelta(seconds=rng.random() * FRESH_SECONDS)) for event in made])
    give_up = time.monotonic() + FOLDED_SECONDS
    with place.address.cursor(database) as cursor:
        while cursor.execute("SELECT 1 FROM pending LIMIT 1"):
            if time.monotonic() > give_up:
                raise NotStored("The events of the last minutes were not folded.", hint="Run it alone.")
            time.sleep(0.05)
