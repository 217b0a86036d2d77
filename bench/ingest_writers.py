"""Processes that log: what an application does with `EventLog`, each way of it one worker of a crew."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import cycle
from time import perf_counter_ns

from bench.ingest_events import BATCH, new_events
from bench.ingest_place import NotStored
from picoevent import EventLog, NewEvent
from picoevent.settings import Settings

CALL_EVENTS = 10_000
DRAIN_SECONDS = 300.0
POLL_SECONDS = 0.02


class Logger:
    """What the workers share: an event log of their own, open and warm, and the events to log."""

    settings: Settings
    seed: int
    events: int

    def open(self) -> None:
        """Make the events, and log some of them, so that names are known and connections open."""
        self._made = self.make_events()
        self._log = EventLog(self.settings)
        _log_all(self._log, self._made[:BATCH])
        wait_for_drain(self._log)

    def make_events(self) -> list[NewEvent]:
        """Return the events that are logged, from the first to the last and again."""
        return new_events(self.seed, self.events)

    def close(self) -> None:
        """Close the event log."""
        self._log.close()


@dataclass
class LogMany(Logger):
    """Store all events with `log_many`, so many a call, from so many threads."""

    settings: Settings
    seed: int
    events: int
    threads: int = 1
    call_events: int = CALL_EVENTS

    def open(self) -> None:
        """See `Logger.open`."""
        super().open()
        self._calls = [self._made[at : at + self.call_events] for at in range(0, self.events, self.call_events)]
        self._pool = ThreadPoolExecutor(self.threads)

    def run(self) -> None:
        """Store all of them once more, each under an id of its own; return when the database has them all."""
        if self.threads == 1:
            for events in self._calls:
                _log_all(self._log, events)
        else:
            list(self._pool.map(lambda events: _log_all(self._log, events), self._calls))
        # On a machine that has other work, a deadline may pass and a batch go through the spool: that counts as slow.
        wait_for_drain(self._log)


@dataclass
class PacedLogMany(Logger):
    """Store batches of a thousand at an even pace."""

    settings: Settings
    seed: int
    events: int

    def run(self, seconds: float, events_a_second: int) -> list[float]:
        """Do so for so long; return the seconds of each batch, from when it was due to when it was stored."""
        period = BATCH / events_a_second
        batches = cycle(self._made[at : at + BATCH] for at in range(0, self.events, BATCH))
        begun = time.perf_counter()
        waits: list[float] = []
        for number in range(int(seconds / period)):
            due = begun + number * period
            time.sleep(max(0.0, due - time.perf_counter()))
            _log_all(self._log, next(batches))
            waits.append(time.perf_counter() - due)
        return waits


@dataclass
class LogOne(Logger):
    """Call `log()` for one event after the other."""

    settings: Settings
    seed: int
    events: int

    def open(self) -> None:
        """See `Logger.open`."""
        super().open()
        self._events = cycle(self._made)

    def run(self, calls: int, calls_a_second: float = 0) -> list[int]:
        """Call it so often, at a pace where one is given; return the nanoseconds of each call.

        Then wait until the spool is empty.
        """
        events = [next(self._events) for _ in range(calls)]
        taken = timed_calls(lambda event: _log_one(self._log, event), events, calls_a_second)
        wait_for_drain(self._log)
        return taken


@dataclass
class LogFromThreads(Logger):
    """Call `log()` from several threads of one process."""

    settings: Settings
    seed: int
    events: int

    def run(self, threads: int, seconds: float) -> float:
        """Do so for so long; return the events stored in a second."""
        begun = time.perf_counter()
        with ThreadPoolExecutor(threads) as pool:
            done = sum(pool.map(lambda number: self._log_until(begun + seconds, number), range(threads)))
        return done / (time.perf_counter() - begun)

    def _log_until(self, end: float, number: int) -> int:
        done = 0
        while time.perf_counter() < end:
            _log_one(self._log, self._made[(number * BATCH + done) % len(self._made)])
            done += 1
        return done


def timed_calls(call: Callable[[NewEvent], object], events: Sequence[NewEvent], calls_a_second: float = 0) -> list[int]:
    """Call with each event, at a pace where one is given; return the nanoseconds of each call."""
    period = 1 / calls_a_second if calls_a_second else 0
    due = time.perf_counter()
    taken: list[int] = []
    for event in events:
        if period:
            due += period
            time.sleep(max(0.0, due - time.perf_counter()))
        started = perf_counter_ns()
        call(event)
        taken.append(perf_counter_ns() - started)
    return taken


def wait_for_drain(log: EventLog) -> None:
    """Return when the spool is empty."""
    give_up = time.monotonic() + DRAIN_SECONDS
    while log.counters().get("spooled"):
        if time.monotonic() > give_up:
            raise NotStored(f"The spool was not empty after {DRAIN_SECONDS:.0f} s.", hint="Run it alone.")
        time.sleep(POLL_SECONDS)


def _log_one(log: EventLog, event: NewEvent) -> None:
    if log.log(event.event_type, event.data, user_id=event.user_id) is None:
        raise NotStored("An event was refused.", hint="Run it alone.")


def _log_all(log: EventLog, events: Sequence[NewEvent]) -> None:
    if None in log.log_many(events):
        raise NotStored("Events were refused.", hint="Run it alone.")
