"""Part `ingest.backlog`: a process that starts while a gigabyte waits in the spool, against one that finds none."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from bench.frame import Benchmark, Row, Size, Target
from bench.ingest_crew import Crew
from bench.ingest_events import new_events
from bench.ingest_place import OURS, NotStored, open_place
from bench.progress import Progress
from picoevent import EventLog
from picoevent.settings import Settings

PAYLOAD_BYTES = 1_000
MADE_EVENTS = 10_000
MAX_ABOVE_IDLE_MB, READY_SECONDS = 100, 2
IDLE_SECONDS = 3.0
DRAIN_SECONDS = 600.0
POLL_SECONDS = 0.1


class Start(NamedTuple):
    """How a process fared that opened an event log: seconds to its first event, then its memory in MB at most."""

    ready_seconds: float
    peak_mb: float
    drain_seconds: float


@dataclass
class Filler:
    """Leave events in the spool, and end."""

    settings: Settings
    events: int

    def open(self) -> None:
        """Make the events."""
        self._made = new_events(0, MADE_EVENTS, PAYLOAD_BYTES)
        self._log = EventLog(self.settings)

    def run(self) -> int:
        """Log all of them; return how many are in the spool."""
        for _ in range(0, self.events, MADE_EVENTS):
            self._log.log_many(self._made)
        return self._log.counters()["spooled"]

    def close(self) -> None:
        """Close the event log at once."""
        self._log.close(timeout=0)


@dataclass
class Starter:
    """Open an event log, log one event, and go on until nothing waits any more."""

    settings: Settings
    waiting: int

    def open(self) -> None:
        """Nothing is open before the clock."""

    def run(self) -> Start:
        """Do so."""
        begun = time.perf_counter()
        self._log = EventLog(self.settings)
        if self._log.log("bench.ready", {"waiting": self.waiting}) is None:
            raise NotStored("The first event was refused.", hint="Run it alone.")
        ready = time.perf_counter() - begun
        if self.waiting:
            self._wait()
        else:
            time.sleep(IDLE_SECONDS)
        return Start(ready, _peak_mb(), time.perf_counter() - begun)

    def close(self) -> None:
        """Close the event log."""
        self._log.close()

    def _wait(self) -> None:
        give_up = time.monotonic() + DRAIN_SECONDS
        while (replayed := self._log.counters()["replayed"]) < self.waiting:
            if time.monotonic() > give_up:
                message = f"{replayed:,} of {self.waiting:,} events came out of the spool in {DRAIN_SECONDS:.0f} s."
                raise NotStored(message, hint="Run it alone.")
            time.sleep(POLL_SECONDS)


def run(size: Size, progress: Progress) -> Iterator[Row]:
    """Fill a spool while the database is away; then start a process with it, and one without."""
    with open_place(progress) as place:
        settings = place.settings(durability="spool")
        place.server.stop()
        progress.say(f"spooling {size.events:,} events of {PAYLOAD_BYTES:,} bytes while the database is away")
        with Crew(Filler(settings, size.events)) as crew:
            spooled = crew.run()[0].result
        megabytes = _size_mb(Path(settings.spool_dir))
        place.server.start()
        place.empty(OURS)
        progress.say(f"starting with {megabytes:,.0f} MB in the spool")
        committing = settings.replaced(durability="commit")
        with Crew(Starter(committing, spooled)) as crew:
            loaded: Start = crew.run()[0].result
        place.check(OURS, spooled + 1)
        with Crew(Starter(place.settings(), 0)) as crew:
            idle: Start = crew.run()[0].result
    above = loaded.peak_mb - idle.peak_mb
    waiting = f"{megabytes:,.0f} MB in the spool"
    yield Row(f"memory above idle, {waiting}", above, "MB", target=Target(at_most=MAX_ABOVE_IDLE_MB))
    yield Row(f"memory at most, {waiting}, vs idle", loaded.peak_mb, "MB", idle.peak_mb)
    ready = Target(at_most=READY_SECONDS)
    yield Row(f"first log(), {waiting}, vs none", loaded.ready_seconds, "s", idle.ready_seconds, ready)
    yield Row("spool drained", spooled / loaded.drain_seconds, "events/s")


def _peak_mb() -> float:
    """Return the most memory that this process has had, as the kernel has seen it."""
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text("ascii").splitlines())
    return int(status["VmHWM"].split()[0]) / 1024


def _size_mb(folder: Path) -> float:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6


BACKLOG = Benchmark(
    "ingest.backlog",
    "Memory and first event of a process that starts with 1 GB in the spool, against one that starts with none.",
    run,
    full=Size(events=1_000_000, rounds=1),
    quick=Size(events=100_000, rounds=1),
)
