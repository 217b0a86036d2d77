"""Parts about `log()`: what a call costs with and without a spool, what threads gain, and what an event costs."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import cycle
from pathlib import Path
from statistics import median

from bench.frame import Benchmark, Row, Size, Target
from bench.ingest_crew import Crew
from bench.ingest_events import BATCH, new_events
from bench.ingest_place import BASELINE, open_place
from bench.ingest_rows import InsertByHand
from bench.ingest_writers import LogFromThreads, LogMany, LogOne, timed_calls
from bench.layouts import SOURCE
from bench.progress import Progress
from picoevent import NewEvent

CALLS_A_SECOND = 2_000
MADE_EVENTS = 10_000

OF_LOGGING, SPOOL_P99_US = 0.5, 100
OF_BY_HAND = 0.9
THREADS = 16
TIMES_ONE_THREAD, THREADS_EVENTS_A_SECOND, WHERE_ONE_DOES = 4, 8_000, 1_600
SECONDS_A_ROUND = 1.5
CPU_US = 6


@dataclass
class LogLines:
    """Write one line of JSON after the other with the standard library's `logging`."""

    path: Path
    seed: int

    def open(self) -> None:
        """Open the file."""
        self._events = cycle(new_events(self.seed, MADE_EVENTS))
        self._handler = logging.FileHandler(self.path, encoding="utf-8")
        self._handler.setFormatter(logging.Formatter("%(message)s"))
        self._logger = logging.getLogger("bench.lines")
        self._logger.addHandler(self._handler)
        self._logger.setLevel(logging.INFO)
        self._logger.propagate = False

    def run(self, calls: int, calls_a_second: float = 0) -> list[int]:
        """Write so many lines, at a pace where one is given; return the nanoseconds of each."""
        return timed_calls(self._write, [next(self._events) for _ in range(calls)], calls_a_second)

    def close(self) -> None:
        """Close the file."""
        self._handler.close()

    def _write(self, event: NewEvent) -> None:
        fields = {
            "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "type": event.event_type,
            "source": SOURCE,
            "user_id": event.user_id,
            "data": event.data,
        }
        self._logger.info(json.dumps(fields))


def run_spool(size: Size, progress: Progress) -> Iterator[Row]:
    """Log into the spool and into a file, in turn; `size.events` calls at a pace, and as many without one."""
    with open_place(progress) as place, ExitStack() as stack:
        spool = LogOne(place.settings(durability="spool"), 0, MADE_EVENTS)
        ours = stack.enter_context(Crew(spool))
        lines = stack.enter_context(Crew(LogLines(place.new_folder(), 0)))
        for pace in (CALLS_A_SECOND, 0):
            progress.say(f"calling {size.events:,} times, {f'{pace:,} a second' if pace else 'without a pause'}")
            value, baseline = _turns(ours, lines, size, pace)
            yield from _spool_rows(value, baseline, pace)


def _spool_rows(value: list[int], baseline: list[int], pace: int) -> Iterator[Row]:
    # In life a program does something else between two calls: without a pace, rows are there to be read.
    how = f"log() into the spool, {f'{pace:,} a second' if pace else 'unpaced'}, vs a line by logging"
    middle = Target(ratio_at_most=OF_LOGGING) if pace else Target()
    slow = Target(at_most=SPOOL_P99_US) if pace else Target()
    yield Row(f"median of {how}", median(value) / 1000, "us", median(baseline) / 1000, middle)
    yield Row(f"99th percentile of {how}", _p99(value) / 1000, "us", _p99(baseline) / 1000, slow)


def run_log(size: Size, progress: Progress) -> Iterator[Row]:
    """Log and insert by hand, in turn, one event a transaction, `size.events` of each."""
    with open_place(progress) as place, ExitStack() as stack:
        warm_up = size.events // size.rounds
        ours = stack.enter_context(Crew(LogOne(place.settings(), 0, MADE_EVENTS)))
        hand = stack.enter_context(Crew(InsertByHand(place.address, BASELINE, size.events + warm_up)))
        progress.say(f"storing {size.events:,} events one by one, in {size.rounds} turns")
        value, baseline = _turns(ours, hand, size)
        place.check(BASELINE, size.events + warm_up)
    target = Target(ratio_at_most=OF_BY_HAND)
    yield Row("median of log(), 1 thread, vs by hand", median(value) / 1e6, "ms", median(baseline) / 1e6, target)
    yield Row("99th percentile of log(), 1 thread, vs by hand", _p99(value) / 1e6, "ms", _p99(baseline) / 1e6)


def run_threads(size: Size, progress: Progress) -> Iterator[Row]:
    """Log from many threads and from one, in turn."""
    with open_place(progress) as place, Crew(LogFromThreads(place.settings(), 0, size.events)) as crew:
        many, one = [], []
        for number in range(size.rounds + 1):
            for threads, rates in ((THREADS, many), (1, one)):
                rates.append(crew.run(threads, SECONDS_A_ROUND)[0].result)
            progress.say(f"round {number}: {many[-1]:,.0f} events/s with {THREADS} threads, {one[-1]:,.0f} with 1")
    value, baseline = median(many[1:]), median(one[1:])
    bound = THREADS_EVENTS_A_SECOND if baseline >= WHERE_ONE_DOES else None
    target = Target(ratio_at_least=TIMES_ONE_THREAD, at_least=bound)
    yield Row(f"log(), {THREADS} threads, vs 1 thread", value, "events/s", baseline, target)


def run_cpu(size: Size, progress: Progress) -> Iterator[Row]:
    """Store events by the thousand, and count the processor time of the whole process."""
    with open_place(progress) as place:
        worker = LogMany(place.settings(), 0, size.events, call_events=BATCH)
        with Crew(worker) as crew:
            seconds = [crew.run()[0].cpu_seconds for _ in range(size.rounds + 1)]
    progress.say(" ".join(f"{each / size.events * 1e6:.2f}" for each in seconds))
    cost = median(seconds[1:]) / size.events * 1e6
    yield Row(f"CPU of the client, log_many({BATCH:,})", cost, "us/event", target=Target(at_most=CPU_US))


def _turns(ours: Crew, baseline: Crew, size: Size, *pace: float) -> tuple[list[int], list[int]]:
    """Have both make their calls in turn; return the nanoseconds of all calls, but for a first turn of each."""
    calls = size.events // size.rounds
    taken: tuple[list[int], list[int]] = [], []
    for number in range(size.rounds + 1):
        for crew, found in zip((ours, baseline), taken, strict=True):
            times = crew.run(calls, *pace)[0].result
            found.extend(times if number else ())
    return taken


def _p99(times: list[int]) -> int:
    return sorted(times)[len(times) * 99 // 100]


SPOOL = Benchmark(
    "ingest.spool",
    'A call of log() with durability="spool", against a line of JSON by `logging`.',
    run_spool,
    full=Size(events=20_000, rounds=10),
    quick=Size(events=4_000, rounds=4),
)
LOG = Benchmark(
    "ingest.log",
    "A call of log() that commits, against BEGIN, the same three INSERTs and COMMIT by hand.",
    run_log,
    full=Size(events=10_000, rounds=20),
    quick=Size(events=1_000, rounds=5),
)
THREADS_PART = Benchmark(
    "ingest.threads",
    "Events stored in a second by log() from 16 threads, against 1 thread.",
    run_threads,
    full=Size(events=MADE_EVENTS, rounds=7),
    quick=Size(events=MADE_EVENTS, rounds=2),
)
CPU = Benchmark(
    "ingest.cpu",
    "Processor time of the whole client for an event, at a thousand events a batch.",
    run_cpu,
    full=Size(events=200_000, rounds=7),
    quick=Size(events=40_000, rounds=3),
)
