"""Processes of benchmark `reports`: applications that log visits, and the worker that folds them."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path

from pymysql.cursors import Cursor

from bench.ingest_writers import LogMany, PacedLogMany, wait_for_drain
from bench.reports_visits import read_events
from picoevent.event import NewEvent
from picoevent.fold.worker import Folder
from picoevent.settings import Settings


def _read(file: Path | None) -> list[NewEvent]:
    if file is None:
        raise ValueError("there is no file of events")
    return read_events(file)


@dataclass
class LogVisits(LogMany):
    """Store the visits of a file with `log_many` for so many seconds, as quickly as it goes."""

    file: Path | None = None

    def make_events(self) -> list[NewEvent]:
        """See `Logger.make_events`."""
        return _read(self.file)

    def run(self, seconds: float) -> int:  # type: ignore[override]  # by time, not all of them once
        """Do so; return how many events were stored."""
        end = time.perf_counter() + seconds
        stored = 0
        for events in cycle(self._calls):
            if time.perf_counter() >= end:
                break
            stored += sum(event_id is not None for event_id in self._log.log_many(events))
        wait_for_drain(self._log)
        return stored


@dataclass
class PacedVisits(PacedLogMany):
    """Store the visits of a file at an even pace, in batches of a thousand."""

    file: Path | None = None

    def make_events(self) -> list[NewEvent]:
        """See `Logger.make_events`."""
        return _read(self.file)


@dataclass
class Fold:
    """Fold what waits, as `picoevent worker` does."""

    settings: Settings

    def open(self) -> None:
        """Fold what is there already."""
        self._folder = Folder(self.settings)
        self._folder.fold_all()

    def run(self, seconds: float) -> None:
        """Do so for so long."""
        stop = threading.Event()
        timer = threading.Timer(seconds, stop.set)
        timer.start()
        self._folder.run(stop)

    def close(self) -> None:
        """Let another one fold."""
        self._folder.close()


@dataclass
class Waiting:
    """How many events wait in `pending`, seen each half second."""

    cursor: Cursor
    seen: list[int]

    def look(self) -> int:
        """Look once more; return how many."""
        self.cursor.execute("SELECT CAST(COALESCE(SUM(events), 0) AS SIGNED) FROM pending")
        self.seen.append(int((self.cursor.fetchone() or (0,))[0]))
        return self.seen[-1]


@contextmanager
def watching(cursor: Cursor, period: float = 0.5) -> Iterator[Waiting]:
    """Yield what is seen meanwhile, looked for in a thread, on a cursor that nobody else uses."""
    waiting = Waiting(cursor, [])
    waiting.look()
    stop = threading.Event()

    def look_on() -> None:
        while not stop.wait(period):
            waiting.look()

    thread = threading.Thread(target=look_on, daemon=True)
    thread.start()
    try:
        yield waiting
    finally:
        stop.set()
        thread.join()


def binlog_bytes(cursor: Cursor) -> int:
    """Return how long the binary log is."""
    cursor.execute("SHOW BINARY LOGS")
    return sum(int(row[1]) for row in cursor.fetchall())
