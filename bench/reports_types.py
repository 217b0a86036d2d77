"""Part `reports.types`: one type's series where there are 1,000 types and 5 sources."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial

from bench import reports_sql as sql
from bench.frame import Benchmark, Row, Size, Target
from bench.ingest_place import OURS, open_place
from bench.layouts import SOURCE
from bench.progress import Progress
from bench.reports_place import fold_all, source_names
from bench.reports_questions import moment
from bench.reports_site import MINUTE_MS, folding
from bench.reports_sql import RawRows, Span
from bench.reports_store import load_visits
from bench.reports_turns import in_turn
from bench.reports_visits import DAY_MS, DAYS, PAGE_VIEW, Visits
from picoevent import EventLog

TYPES = 1_000
LEAST_EVENTS_OF_A_TYPE = 20
"""On the average: with fewer events there are fewer types."""
WITHIN_5_MS = Target(at_most=5)
ONE_TYPE_BY_DAY = sql.BY_DAY.replace("WHERE", "WHERE event_type_id = 1 AND")


def run(size: Size, progress: Progress) -> Iterator[Row]:
    """Store and fold events of 1,000 types, the most frequent ten times as frequent as the tenth; ask for one."""
    end_ms = time.time_ns() // 1_000_000 // MINUTE_MS * MINUTE_MS
    types = min(TYPES, size.events // LEAST_EVENTS_OF_A_TYPE)
    visits = Visits(size.events, end_ms, types=types, weight=1)
    with open_place(progress, visits.type_names(), source_names()) as place, ExitStack() as stack:
        folder = place.new_folder(in_memory=True)
        folder.mkdir()
        progress.say(f"storing and folding {size.events:,} events of {types:,} types")
        load_visits(place.address, OURS, visits, folder, progress)
        fold_all(place.settings(), size.events, progress)
        settings = place.settings(cache_url="none://")
        stack.enter_context(folding(settings))
        log = stack.enter_context(EventLog(settings))
        raw = RawRows(stack.enter_context(place.address.cursor(OURS)))
        span = Span(end_ms - end_ms % DAY_MS - (DAYS - 1) * DAY_MS, end_ms)
        series = partial(log.report, "series", since=moment(span.since_ms), until=moment(span.until_ms), interval="day")
        one_type = partial(series, types=[PAGE_VIEW])
        one_source = partial(series, types=[PAGE_VIEW], sources=[SOURCE])
        ours, of_source, baseline = in_turn(
            [one_type, one_source, partial(raw.ask, ONE_TYPE_BY_DAY, span)], size.rounds
        )
    how = f"90 days by day, of {types:,} types and 5 sources"
    yield Row(f"one type, {how}, vs SQL on raw rows", ours, "ms", baseline, WITHIN_5_MS)
    yield Row(f"one type of one source, {how}", of_source, "ms", target=WITHIN_5_MS)


TYPES_PART = Benchmark(
    "reports.types",
    "One type's series of 90 days, with 1,000 types and 5 sources.",
    run,
    full=Size(events=2_000_000, rounds=21),
    quick=Size(events=200_000, rounds=11),
)
