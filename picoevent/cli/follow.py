"""Following the event log as it grows, without missing an event that commits late; it prints nothing.

"Newer than the last one" would miss a batch that commits behind a later one: hence a trailing window is read again
and again, and the ids in it are remembered.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from picoevent.errors import StoreUnavailable
from picoevent.ids import EPOCH, first_id_of_second, id_time

if TYPE_CHECKING:
    from picoevent.event import Event
    from picoevent.eventlog import EventLog
    from picoevent.read.query import Filters

WINDOW = timedelta(seconds=60)
"""How late, by its own time, an event may become visible and still be found."""
SHORT_WINDOW = timedelta(seconds=5)
"""What most rounds read; one in `FULL_ROUND` reads the whole window."""
FULL_ROUND = timedelta(seconds=3)
POLL_SECONDS = 0.5
MAX_REMEMBERED = 200_000
"""How many ids are remembered; where more events are logged within the window, the window is shorter."""


class Follower:
    """Finds the events that become visible after `start`, each once."""

    def __init__(
        self,
        events: EventLog,
        filters: Filters,
        *,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        max_remembered: int = MAX_REMEMBERED,
    ) -> None:
        self._events = events
        self._filters = filters
        self._clock = clock
        self._max_remembered = max_remembered
        self._seen: set[int] = set()
        self._newest = self._floor = self._next_full_round = EPOCH

    def start(self, last: int) -> list[Event]:
        """Return the last events there are, oldest first; all that are there count as found."""
        page = self._events.events(limit=max(last, 1), **self._filters).events
        self._newest = page[0].time if page else self._clock() - WINDOW
        self._floor = self._newest - WINDOW
        # What is logged between the page and this is shown with the page, not lost between them.
        there = {event.event_id: event for event in (*page, *self._read(self._floor))}
        self._remember(list(there.values()))
        return sorted(there.values(), key=_time_order)[-last:] if last else []

    def poll(self) -> list[Event]:
        """Return the events that were not found before, oldest first; `StoreUnavailable` changes nothing."""
        now = self._clock()
        whole = now >= self._next_full_round
        # Of a clock that is ahead, an event may be newer than now; others go on behind it.
        head = min(now, self._newest)
        found = [
            event
            for event in self._read(max(head - (WINDOW if whole else SHORT_WINDOW), self._floor))
            if event.event_id not in self._seen
        ]
        self._remember(found)
        if whole:
            self._next_full_round = now + FULL_ROUND
            self._forget(min(now, self._newest) - WINDOW)
        return sorted(found, key=_time_order)

    def _read(self, since: datetime) -> list[Event]:
        filters: Filters = {**self._filters, "since": since}
        return list(self._events.iter_events(**filters))

    def _remember(self, found: list[Event]) -> None:
        self._seen.update(event.event_id for event in found)
        self._newest = max([self._newest, *(event.time for event in found)])

    def _forget(self, horizon: datetime) -> None:
        """Drop the ids below the window; where too many are in it, raise its floor to what can be remembered."""
        self._floor = max(self._floor, horizon.replace(microsecond=0))
        if len(self._seen) > self._max_remembered:
            oldest_kept = sorted(self._seen)[-self._max_remembered]
            self._floor = id_time(oldest_kept).replace(microsecond=0) + timedelta(seconds=1)
        first = first_id_of_second(int(self._floor.timestamp()))
        self._seen = {event_id for event_id in self._seen if event_id >= first}


def follow(
    follower: Follower,
    show: Callable[[list[Event]], None],
    tell: Callable[[str], None],
    *,
    sleep: Callable[[float], None] = time.sleep,
    stop: Callable[[], bool] = lambda: False,
) -> None:
    """Show what the follower finds until `stop` says so; a database that is away is told once, and waited for."""
    away = False
    while not stop():
        try:
            found = follower.poll()
        except StoreUnavailable as error:
            if not away:
                tell(f"{error.message} Waiting for it ...")
            away = True
        else:
            if away:
                tell("It answers again.")
            away = False
            if found:
                show(found)
        sleep(POLL_SECONDS)


def _time_order(event: Event) -> tuple[datetime, int]:
    return event.time, event.event_id
