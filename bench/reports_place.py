"""What every part of `reports` sets up in the same way: names, declared dimensions, and a fold that is done."""

from __future__ import annotations

from contextlib import closing

from bench.layouts import SOURCE
from bench.progress import Progress
from bench.reports_visits import SOURCES
from picoevent.fold.worker import Folder
from picoevent.settings import Settings


def source_names() -> list[str]:
    """Return the names of the sources; the first one has the id 1."""
    return [SOURCE, *(f"{SOURCE}_{number}" for number in range(2, SOURCES + 1))]


def declare_dimensions(settings: Settings) -> None:
    """Declare the dimensions of the visits; `ip` can be searched for."""


def fold_all(settings: Settings, events: int, progress: Progress) -> None:
    """Fold all that waits, close and merge what is over."""
    done = 0
    with closing(Folder(settings)) as folder:
        more = True
        while more:
            folded = folder.fold_round()
            done, more = done + folded.events, folded.more
            progress.count("events folded", done, events)
        progress.end()
        folder.keep_up()
