"""Part `ingest.paced`: a batch while pages are read, against the same while nobody reads."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from random import Random
from statistics import median

from bench.frame import Benchmark, Row, Size, Target
from bench.ingest_crew import Crew
from bench.ingest_events import BATCH
from bench.ingest_place import OURS, Place, open_place
from bench.ingest_writers import PacedLogMany
from bench.progress import Progress
from bench.traffic import USERS, event_type_names
from picoevent import EventLog
from picoevent.settings import Settings

EVENTS_A_SECOND = 20_000
READERS = 4
PAGES_A_SECOND = 10
"""Of each reader. Readers without a pace would take every processor, and the writer waits for its turn alone."""
TIMES_ALONE = 3
MADE_EVENTS = 100 * BATCH


@dataclass
class ReadPages:
    """Ask for pages at an even pace: the newest of a type, and the newest of a user."""

    settings: Settings
    seed: int

    def open(self) -> None:
        """Open an event log that reads, and ask once."""
        self._rng = Random(self.seed)
        self._log = EventLog(self.settings)
        self._read()

    def run(self, seconds: float) -> int:
        """Do so for so long; return how many pages came."""
        begun = time.perf_counter()
        pages = 0
        while time.perf_counter() < begun + seconds:
            self._read()
            pages += 1
            time.sleep(max(0.0, begun + pages / PAGES_A_SECOND - time.perf_counter()))
        return pages

    def close(self) -> None:
        """Close the event log."""
        self._log.close()

    def _read(self) -> None:
        if self._rng.random() < 1 / 2:
            self._log.events(event_type=self._rng.choice(event_type_names()))
        else:
            self._log.events(user_id=self._rng.randrange(USERS))


def run(size: Size, progress: Progress) -> Iterator[Row]:
    """Write at an even pace, in turn with readers and alone: `size.events` events with readers, and as many alone."""
    seconds = size.events / EVENTS_A_SECOND / size.rounds
    read: list[float] = []
    alone: list[float] = []
    pages = 0
    with open_place(progress) as place, ExitStack() as stack:
        writer = stack.enter_context(Crew(PacedLogMany(place.settings(), 0, MADE_EVENTS)))
        readers = stack.enter_context(Crew(*(ReadPages(_reading(place), number) for number in range(READERS))))
        writer.run(seconds / 2, EVENTS_A_SECOND)
        for number in range(size.rounds):
            progress.say(f"round {number + 1} of {size.rounds}: {seconds:.0f} s with {READERS} readers, as long alone")
            readers.begin(seconds)
            read += writer.run(seconds, EVENTS_A_SECOND)[0].result
            pages += sum(lap.result for lap in readers.end())
            alone += writer.run(seconds, EVENTS_A_SECOND)[0].result
    how = f"of a batch at {EVENTS_A_SECOND:,}/s, {READERS} processes read {PAGES_A_SECOND} pages/s each, vs alone"
    yield Row(f"99th percentile {how}", *_ms(_p99(read), _p99(alone)), Target(ratio_at_most=TIMES_ALONE))
    yield Row(f"median {how}", *_ms(median(read), median(alone)))
    yield Row("pages that were read meanwhile", pages / (seconds * size.rounds), "pages/s")


def _reading(place: Place) -> Settings:
    return place.settings(OURS, cache_url="none://")


def _ms(value: float, baseline: float) -> tuple[float, str, float]:
    return value * 1000, "ms", baseline * 1000


def _p99(waits: list[float]) -> float:
    return sorted(waits)[len(waits) * 99 // 100]


PACED = Benchmark(
    "ingest.paced",
    "The slowest 1% of batches at 20,000 events a second for 2 minutes while 4 processes read pages, against alone.",
    run,
    full=Size(events=2_400_000, rounds=4),
    quick=Size(events=200_000, rounds=2),
)
