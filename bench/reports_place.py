"""What every part of `reports` sets up in the same way: names, declared dimensions, and a fold that is done."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from typing import TypeVar

from bench.ingest_place import Place
from bench.layouts import SOURCE
from bench.progress import Progress
from bench.reports_visits import DIMENSIONS, PAGE_VIEW, SOURCES, Visits, write_events
from picoevent.errors import StoreUnavailable
from picoevent.fold.crowds import CALM_SECONDS
from picoevent.fold.declaring import declare
from picoevent.fold.worker import Folder
from picoevent.settings import Settings
from picoevent.store import open_store
from picoevent.store.base import Purpose

Done = TypeVar("Done")

MADE_EVENTS = 100_000
"""What a process logs again and again."""
TRIES = 5
WORTH_MERGING = 50_000
"""Fewer events of the past leave few parts."""


def source_names() -> list[str]:
    """Return the names of the sources; the first one has the id 1."""
    return [SOURCE, *(f"{SOURCE}_{number}" for number in range(2, SOURCES + 1))]


def events_to_log(place: Place, events: int = MADE_EVENTS) -> Path:
    """Write a file of visits for processes that log them, and return it."""
    return write_events(Visits(events, time.time_ns() // 1_000_000, span_ms=1_000), place.new_folder())


def declare_dimensions(settings: Settings) -> None:
    """Declare the dimensions of the visits; `ip` can be searched for."""
    with closing(open_store(settings.url, settings, Purpose.FOLD)) as store:
        declare(store, PAGE_VIEW, {"dimensions": DIMENSIONS, "searchable": ["ip"]})


def fold_all(settings: Settings, events: int, progress: Progress) -> float:
    """Fold all that waits, and merge parts once they are calm, as upkeep does; return the seconds of the folding."""
    begun = time.perf_counter()
    done = 0
    with closing(Folder(settings)) as folder:
        more = True
        while more:
            folded = _patiently(folder.fold_round)
            done, more = done + folded.events, folded.more
            progress.count("events folded", done, events)
        progress.end()
        seconds = time.perf_counter() - begun
        if events >= WORTH_MERGING:
            progress.say("waiting until its parts are calm, and merging them")
            time.sleep(CALM_SECONDS + 1)
        _patiently(folder.keep_up)
    return seconds


def _patiently(step: Callable[[], Done]) -> Done:
    """Take a step again where the server has ended the session: a busy machine may keep the fold from it for long."""
    for _ in range(TRIES):
        with suppress(StoreUnavailable):
            return step()
    return step()
