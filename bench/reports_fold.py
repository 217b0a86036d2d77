"""Parts `reports.fold` and `reports.binlog`: how fast the fold counts, and what it writes to the binary log."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from statistics import median

from pymysql.cursors import Cursor

from bench.frame import Benchmark, Row, Size, Target
from bench.ingest_crew import Crew
from bench.ingest_place import OURS, open_place
from bench.progress import Progress
from bench.reports_place import MADE_EVENTS, declare_dimensions, events_to_log, source_names
from bench.reports_store import load_visits
from bench.reports_visits import Visits
from bench.reports_writers import Fold, PacedVisits, binlog_bytes, watching
from picoevent.fold.worker import Folder

ROUND_EVENTS = 50_000
ROUND_USERS = 32_000
"""Of so many, a round's 40,000 events with a user have about 20,000."""
LEAST_EVENTS_A_SECOND = 50_000

PACE = 20_000
MOST_BINLOG_BYTES = 50
MOST_SECONDS_WAITING = 1.0
LOOK_SECONDS = 0.05


def run_fold(size: Size, progress: Progress) -> Iterator[Row]:
    """Fold visits of the last seconds, so many a second as one round takes."""
    seconds = max(1, size.events // ROUND_EVENTS)
    visits = Visits(size.events, int(time.time() * 1000), span_ms=seconds * 1000, users=ROUND_USERS)
    with open_place(progress, visits.type_names(), source_names()) as place:
        settings = place.settings()
        declare_dimensions(settings)
        folder_of_files = place.new_folder(in_memory=True)
        folder_of_files.mkdir()
        load_visits(place.address, OURS, visits, folder_of_files, progress)
        with closing(Folder(settings)) as folder, place.address.cursor() as cursor:
            folder.fold_round()  # the first one only begins
            before = binlog_bytes(cursor)
            rates = list(_fold_all(folder, progress))
            written = binlog_bytes(cursor) - before
    yield Row("fold, 3 dimensions", median(rates), "events/s", target=Target(at_least=LEAST_EVENTS_A_SECOND))
    yield Row("binary log of the fold, as many events a round as it takes", written / size.events, "bytes/event")


def _fold_all(folder: Folder, progress: Progress) -> Iterator[float]:
    """Fold all that waits, and yield the events a second of each round."""
    more = True
    while more:
        begun = time.perf_counter()
        folded = folder.fold_round()
        taken = time.perf_counter() - begun
        progress.say(f"a round of {folded.events:,} events took {taken:.2f} s")
        more = folded.more
        yield folded.events / taken


def run_binlog(size: Size, progress: Progress) -> Iterator[Row]:
    """Store at an even pace, alone and then with the fold beside it; what is written more is the fold's."""
    seconds = size.events / PACE
    with open_place(progress, Visits(0, 0).type_names(), source_names()) as place, ExitStack() as stack:
        settings = place.settings()
        declare_dimensions(settings)
        cursor = stack.enter_context(place.address.cursor())
        made = min(MADE_EVENTS, size.events)
        writer = stack.enter_context(Crew(PacedVisits(settings, 0, made, events_to_log(place, made))))
        alone = _written(cursor, writer, seconds)
        fold = stack.enter_context(Crew(Fold(settings)))
        fold.begin(seconds + 2)
        with watching(stack.enter_context(place.address.cursor(OURS)), LOOK_SECONDS) as pending:
            both = _written(cursor, writer, seconds)
        fold.end()
    progress.say(f"ingest alone wrote {alone:.0f} bytes an event, with the fold {both:.0f}")
    measure = f"binary log of the fold at {PACE:,} events/s, vs ingest's own"
    yield Row(measure, both - alone, "bytes/event", alone, Target(at_most=MOST_BINLOG_BYTES))
    # Events come evenly: so many wait as came since the oldest of them.
    ages = sorted(waiting / PACE for waiting in pending.seen)
    measure = f"how long an event waits until it is in every tier at {PACE:,} events/s, 99th percentile"
    yield Row(measure, ages[len(ages) * 99 // 100], "s", target=Target(at_most=MOST_SECONDS_WAITING))


def _written(cursor: Cursor, writer: Crew, seconds: float) -> float:
    """Return how many bytes the binary log has grown by, for each event."""
    before = binlog_bytes(cursor)
    (lap,) = writer.run(seconds, PACE)
    return (binlog_bytes(cursor) - before) / (len(lap.result) * 1_000)


FOLD = Benchmark(
    "reports.fold",
    "Events counted in a second, in rounds of 50,000 with 20,000 users and 3 dimensions.",
    run_fold,
    full=Size(events=1_000_000, rounds=1),
    quick=Size(events=200_000, rounds=1),
)
BINLOG = Benchmark(
    "reports.binlog",
    "What the fold writes to the binary log at 20,000 events a second, and how long events wait for it.",
    run_binlog,
    full=Size(events=1_200_000, rounds=1),
    quick=Size(events=120_000, rounds=1),
)
