"""The demo's second process: it goes on logging what happens in the shop, and ends when the first one does."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from picoevent.demo.place import DemoPlace
from picoevent.demo.shop import trickle
from picoevent.event import NewEvent

if TYPE_CHECKING:
    from picoevent.eventlog import EventLog

LIVELINESS = 3.0
"""How much busier the shop is while somebody looks than on average: a page that never changes says little."""
LEAST_PER_SECOND = 0.2
CHECK_SECONDS = 0.5
END_SECONDS = 5.0


def events_per_second(events_per_day: int) -> float:
    """Return how fast the shop goes on."""
    return max(LEAST_PER_SECOND, LIVELINESS * events_per_day / 86_400)


def start_logging(place: DemoPlace, events_per_day: int) -> subprocess.Popen[bytes]:
    """Start the process that goes on logging; end it with `stop_logging`."""
    arguments = [str(place.path), str(events_per_second(events_per_day)), str(os.getpid())]
    # In a group of its own, Ctrl-C reaches the first process alone, which then ends this one.
    return subprocess.Popen(  # noqa: S603  # our own program
        [sys.executable, "-m", "picoevent.demo.run", *arguments], stdin=subprocess.DEVNULL, process_group=0
    )


def stop_logging(process: subprocess.Popen[bytes]) -> None:
    """End the process, and wait until it is gone."""
    process.terminate()
    try:
        process.wait(END_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def log_steps(
    events: EventLog,
    steps: Iterable[tuple[float, NewEvent]],
    *,
    goes_on: Callable[[], bool],
    sleep: Callable[[float], object] = time.sleep,
) -> None:
    """Log each event after its pause, until `goes_on` says no; it is asked twice a second at least."""
    for pause, event in steps:
        remaining = pause
        while remaining > 0 and goes_on():
            sleep(min(remaining, CHECK_SECONDS))
            remaining -= CHECK_SECONDS
        if not goes_on():
            return
        events.log_many([event])


def main(path: str, per_second: str, parent: str) -> None:
    """Log the trickle into a demo's file while the process that started this one lives."""
    from picoevent.eventlog import EventLog

    ended = threading.Event()
    signal.signal(signal.SIGTERM, lambda _number, _frame: ended.set())
    # Nobody reads this process's words: what it can't log is counted by the event log.
    logging.getLogger("picoevent").addHandler(logging.NullHandler())
    with EventLog(DemoPlace(path).settings()) as events:
        steps = trickle(seed=int(time.time()), events_per_second=float(per_second))
        # An orphan gets another parent: then the demo has ended without a word.
        log_steps(events, steps, goes_on=lambda: not ended.is_set() and os.getppid() == int(parent), sleep=ended.wait)


if __name__ == "__main__":
    main(*sys.argv[1:])
