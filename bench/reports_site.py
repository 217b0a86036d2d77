"""Two databases with 90 days of visits, one ten times the other, folded; and whoever is asked about them."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from multiprocessing.synchronize import Event
from threading import Thread

from bench.frame import Size
from bench.ingest_crew import WorkerFailed
from bench.ingest_place import BASELINE, OURS, Place, open_place
from bench.progress import Progress
from bench.reports_place import declare_dimensions, fold_all, source_names
from bench.reports_sql import Parquet, RawRows
from bench.reports_store import fill_classic, load_visits, write_parquet
from bench.reports_visits import Visits, open_duckdb
from picoevent import EventLog
from picoevent.fold.worker import Folder
from picoevent.settings import Settings

TIMES_LESS = 10
MINUTE_MS = 60_000
READY_SECONDS = 60.0


@dataclass(frozen=True)
class Site:
    """All of it; `log` and `small_log` keep no answers."""

    place: Place
    visits: Visits
    small_visits: Visits
    log: EventLog
    small_log: EventLog
    raw: RawRows
    parquet: Parquet
    fold_rate: float
    """Events of the past that were folded in a second."""


@contextmanager
def open_site(size: Size, progress: Progress) -> Iterator[Site]:
    """Make and fill the databases; all is gone at the end."""
    end_ms = time.time_ns() // 1_000_000 // MINUTE_MS * MINUTE_MS
    visits, small_visits = Visits(size.events, end_ms), Visits(size.events // TIMES_LESS, end_ms)
    with open_place(progress, visits.type_names(), source_names()) as place, ExitStack() as stack:
        _fill(place, BASELINE, small_visits, progress)
        fold_rate = _fill(place, OURS, visits, progress)
        fill_classic(place.address, OURS, visits, progress)
        progress.say("writing the Parquet file")
        folder = place.new_folder()
        folder.mkdir()
        parquet = Parquet(stack.enter_context(closing(open_duckdb())), write_parquet(visits, folder))
        settings = {database: place.settings(database, cache_url="none://") for database in (OURS, BASELINE)}
        stack.enter_context(folding(*settings.values()))
        log, small_log = (stack.enter_context(EventLog(settings[database])) for database in (OURS, BASELINE))
        raw = RawRows(stack.enter_context(place.address.cursor(OURS)))
        yield Site(place, visits, small_visits, log, small_log, raw, parquet, fold_rate)


@contextmanager
def folding(*places: Settings) -> Iterator[None]:
    """Fold meanwhile, in a process of its own, so that reports find a worker alive in each of these databases."""
    context = multiprocessing.get_context("spawn")
    ready, stop = context.Event(), context.Event()
    worker = context.Process(target=_fold, args=(places, ready, stop), daemon=True)
    worker.start()
    try:
        if not ready.wait(READY_SECONDS):
            raise WorkerFailed("The process that folds has not begun.", hint="Look above for what it said.")
        yield
    finally:
        stop.set()
        worker.join(READY_SECONDS)
        worker.kill()


def _fold(places: Sequence[Settings], ready: Event, stop: Event) -> None:
    with ExitStack() as stack:
        folders = [stack.enter_context(closing(Folder(settings))) for settings in places]
        for folder in folders:
            folder.fold_all()
        ready.set()
        threads = [Thread(target=folder.run, args=(stop,)) for folder in folders]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()


def _fill(place: Place, database: str, visits: Visits, progress: Progress) -> float:
    """Store and fold visits; return how many were folded in a second."""
    declare_dimensions(place.settings(database))
    folder = place.new_folder(in_memory=True)
    folder.mkdir()
    progress.say(f"storing {visits.events:,} events of {visits.span_ms // 86_400_000} days in {database}")
    load_visits(place.address, database, visits, folder, progress)
    progress.say("folding them")
    rate = visits.events / fold_all(place.settings(database), visits.events, progress)
    progress.say(f"folded {rate:,.0f} events/s")
    return rate
