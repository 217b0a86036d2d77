"""The demo shop's past in an event log: written span by span, so that a fill that was cut off is completed exactly.

Two events of the source `demo` tell how far it is: one at the begin of each span, before anything else of it, and one
at its end. The ids of a span are made of its content, so filling it again stores what is missing and no more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING

from picoevent.demo.shop import shop_events
from picoevent.errors import PicoEventError
from picoevent.event import Event, NewEvent, format_time

if TYPE_CHECKING:
    from picoevent.eventlog import EventLog

FILL_STARTED, FILL_FINISHED = "demo.fill_started", "demo.fill_finished"
SOURCE = "demo"
SHOP_SOURCES = ("shop", "shop-api")
BATCH_EVENTS = 1000
SHORTEST_GAP = timedelta(minutes=1)

Progress = Callable[[int, int, int], None]
"""Is told, after each batch, the milliseconds of history done, all of them, and the events so far."""


@dataclass(frozen=True, slots=True)
class Span:
    """A span of history, [begin, end), in UTC and whole milliseconds; everything in it follows from these fields."""

    begin: datetime
    end: datetime
    seed: int
    events_per_day: int

    def to_data(self) -> dict[str, object]:
        """Return the payload that records this span."""
        return {
            "from": format_time(self.begin),
            "to": format_time(self.end),
            "seed": self.seed,
            "events_per_day": self.events_per_day,
        }

    @classmethod
    def of_event(cls, event: Event) -> Span:
        """Return the span that an event records."""
        begin, end = (datetime.fromisoformat(event.data[key]) for key in ("from", "to"))
        return cls(begin, end, event.data["seed"], event.data["events_per_day"])


@dataclass(frozen=True, slots=True)
class Plan:
    """What to do: complete `unfinished`, then fill `following`; `known` are all spans that were begun before."""

    known: tuple[Span, ...]
    unfinished: tuple[Span, ...]
    following: Span | None

    @property
    def spans(self) -> tuple[Span, ...]:
        """What is to be filled, in order."""
        return self.unfinished if self.following is None else (*self.unfinished, self.following)


def make_plan(events: EventLog, now: datetime, days: int, events_per_day: int) -> Plan:
    """Return what is missing up to `now` (aware): all of it, or the gap since the shop's last event, `days` at most."""
    now = now.replace(microsecond=now.microsecond // 1000 * 1000)
    known = tuple(Span.of_event(event) for event in _recorded(events, FILL_STARTED))
    finished = {Span.of_event(event) for event in _recorded(events, FILL_FINISHED)}
    unfinished = tuple(span for span in known if span not in finished)
    begin = now - timedelta(days=days)
    # What an unfinished span will hold counts as there.
    ends = [span.end for span in known] + [event.time for event in _newest_of_shop(events)]
    if ends:
        begin = max([begin, *ends])
    following = Span(begin, now, len(known) + 1, events_per_day)
    is_worth_it = not ends or now - begin >= SHORTEST_GAP
    return Plan(known, unfinished, following if is_worth_it else None)


def fill(events: EventLog, span: Span, on_progress: Progress = lambda _done, _all, _events: None) -> int:
    """Store the events of a span, those that are there already not again; return how many it has."""
    _store(events, [NewEvent(FILL_STARTED, span.to_data(), source=SOURCE, at=span.begin)])
    count = 0
    made = shop_events(span.begin, span.end, span.seed, span.events_per_day)
    while batch := list(islice(made, BATCH_EVENTS)):
        _store(events, batch)
        count += len(batch)
        on_progress(_milliseconds(span.begin, batch[-1].at), _milliseconds(span.begin, span.end), count)
    _store(events, [NewEvent(FILL_FINISHED, span.to_data(), source=SOURCE, at=span.end)])
    return count


def _store(events: EventLog, batch: list[NewEvent]) -> None:
    # Numbered by place: events that are equal to the millisecond still differ, and differ alike the next time.
    result = events.import_batch([(event, place) for place, event in enumerate(batch)])
    if result.refused:
        first = result.refused[0]
        raise PicoEventError(f"The demo's events are refused ({first.reason}): {first.detail}.")


def _recorded(events: EventLog, event_type: str) -> Iterator[Event]:
    return events.iter_events(event_type=event_type, source=SOURCE)


def _newest_of_shop(events: EventLog) -> list[Event]:
    found = (events.events(source=source, limit=1).events for source in SHOP_SOURCES)
    return [event for page in found for event in page]


def _milliseconds(begin: datetime, end: datetime | None) -> int:
    return 0 if end is None else (end - begin) // timedelta(milliseconds=1)
