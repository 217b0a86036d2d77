"""Rows of `reports.answers` about a crowd: 20 people reload a dashboard at once while events arrive and are folded."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from statistics import median
from threading import Barrier

from bench.frame import Row, Size, Target
from bench.ingest_crew import Crew, Lap
from bench.ingest_events import BATCH
from bench.ingest_place import OURS
from bench.progress import Progress
from bench.reports_place import MADE_EVENTS, events_to_log
from bench.reports_questions import dashboard
from bench.reports_site import Site
from bench.reports_writers import PacedVisits
from picoevent import EventLog
from picoevent.settings import Settings
from picoevent.testing.servers import RedisServer

PEOPLE, PROCESSES = 20, 2
EVENTS_A_SECOND = 5_000
RELOAD_SECONDS = 1.0
MOST_MS = 100
UNHARMED = 0.9
SECONDS_OF_A_ROUND = 1.0
DASHBOARD_DAYS = 30


@dataclass
class Reload:
    """Some people who reload the same dashboard each second, all of them at the same moment."""

    settings: Settings
    people: int

    def open(self) -> None:
        """Open the event logs that they share, as the requests of a web server do, and look once at each."""
        self._kept = EventLog(self.settings)
        self._cold = EventLog(self.settings, report_cache=False)
        self._pool = ThreadPoolExecutor(self.people)
        for log in (self._kept, self._cold):
            _reload(log)

    def run(self, seconds: float, kept: bool) -> list[float]:  # noqa: FBT001  # a pipe hands over places, no names
        """Do so for so long, with answers that are kept or without; return the seconds of each reload."""
        log = self._kept if kept else self._cold
        end = time.time() + seconds
        barrier = Barrier(self.people)
        taken = self._pool.map(lambda _: self._reload_until(end, log, barrier), range(self.people))
        return [one for times in taken for one in times]

    def close(self) -> None:
        """Close the event logs."""
        self._pool.shutdown()
        self._kept.close()
        self._cold.close()

    @staticmethod
    def _reload_until(end: float, log: EventLog, barrier: Barrier) -> list[float]:
        barrier.wait()
        times = []
        # On the second of the wall clock, so that the other process does it at the same moment.
        following = int(time.time()) + RELOAD_SECONDS
        while following < end:
            time.sleep(max(0.0, following - time.time()))
            begun = time.perf_counter()
            _reload(log)
            times.append(time.perf_counter() - begun)
            following = max(following + RELOAD_SECONDS, int(time.time()) + RELOAD_SECONDS)
        return times


def _reload(log: EventLog) -> None:
    since = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(DASHBOARD_DAYS - 1)
    for panel in dashboard():
        log.report(panel.report, since=since, **panel.arguments)


def crowd_rows(site: Site, size: Size, progress: Progress) -> Iterator[Row]:
    """Store at an even pace, alone, with the crowd whose answers are kept in Redis, and with one that keeps none."""
    seconds = max(2.0, size.rounds * SECONDS_OF_A_ROUND)
    place = site.place
    with ExitStack() as stack:
        redis = stack.enter_context(RedisServer())
        made = min(MADE_EVENTS, size.events)
        visits = PacedVisits(place.settings(OURS), 0, made, events_to_log(place, made))
        writer = stack.enter_context(Crew(visits))
        settings = place.settings(OURS, cache_url=redis.url())
        people = stack.enter_context(Crew(*(Reload(settings, PEOPLE // PROCESSES) for _ in range(PROCESSES))))
        progress.say(f"{EVENTS_A_SECOND:,} events/s for {seconds:.0f} s: alone, with {PEOPLE} people, without a cache")
        alone = _store(writer, seconds)
        reloads, beside = _store_beside(writer, people, seconds, kept=True)
        cold_reloads, _ = _store_beside(writer, people, seconds, kept=False)
    how = f"of {PEOPLE} who reload a dashboard at once at {EVENTS_A_SECOND:,} events/s"
    yield Row(f"95th percentile {how}", _p95(reloads) * 1000, "ms", target=Target(at_most=MOST_MS))
    yield Row(f"median {how}", median(reloads) * 1000, "ms")
    yield Row(f"95th percentile {how}, no cache", _p95(cold_reloads) * 1000, "ms")
    yield Row("ingest meanwhile, vs alone", _rate(beside), "events/s", _rate(alone), Target(ratio_at_least=UNHARMED))
    yield Row("median of a batch meanwhile, vs alone", median(beside.result) * 1000, "ms", median(alone.result) * 1000)


def _store(writer: Crew, seconds: float) -> Lap:
    (lap,) = writer.run(seconds, EVENTS_A_SECOND)
    return lap


def _store_beside(writer: Crew, people: Crew, seconds: float, *, kept: bool) -> tuple[list[float], Lap]:
    people.begin(seconds, kept)
    lap = _store(writer, seconds)
    return [taken for person in people.end() for taken in person.result], lap


def _rate(lap: Lap) -> float:
    return len(lap.result) * BATCH / (lap.ended - lap.started)


def _p95(times: list[float]) -> float:
    return sorted(times)[len(times) * 95 // 100]
