"""The events that are stored: as a caller has them, and as rows for whoever writes them by hand.

Payloads have an exact size, so that bytes can be counted; ids are as a process mints them that stores 70,000 events
a second.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import NamedTuple, Protocol

import msgspec

from bench.traffic import SOURCE_ID, USERS, event_type_names
from picoevent.event import NewEvent
from picoevent.ids import SEQUENCES, TAGS, make_id
from picoevent.store.pending import pack_batch
from picoevent.store.record import Record

PAYLOAD_BYTES = 200
BATCH = 1_000
EVENTS_A_MILLISECOND = 70
LARGEST_WRITER = 4
"""Writers have numbers below this one; the ids of two of them never meet."""

_TYPES = event_type_names()
_CUMULATIVE_WEIGHTS = [sum(rank**-1.5 for rank in range(1, last + 2)) for last in range(len(_TYPES))]


class MadeEvent(NamedTuple):
    """One event without an id; the payload is JSON."""

    event_type_id: int
    user_id: int | None
    payload: bytes


class RowSource(Protocol):
    """Where a writer of rows has them from; asked once, in the process of the writer."""

    def rows(self) -> list[Record]:
        """Return the rows, in the order in which they are written."""


@dataclass(frozen=True, slots=True)
class MadeRows:
    """The same events as `make_events` makes, with the ids that a process gives them."""

    writer: int
    events: int

    def rows(self) -> list[Record]:
        """Return the rows, sorted by id."""
        ids = _ids(self.writer)
        return [
            Record(event_id, event.event_type_id, SOURCE_ID, event.user_id, None, event.payload)
            for event_id, event in zip(ids, make_events(self.writer, self.events), strict=False)
        ]


def make_events(seed: int, count: int, payload_bytes: int = PAYLOAD_BYTES) -> Iterator[MadeEvent]:
    """Yield made-up events, the same ones for the same seed: a few types make most of them, a third has no user."""
    rng = random.Random(seed)
    for event_type in rng.choices(range(1, len(_TYPES) + 1), cum_weights=_CUMULATIVE_WEIGHTS, k=count):
        user = int(USERS * rng.random() ** 2) if rng.random() < 2 / 3 else None
        yield MadeEvent(event_type, user, _make_payload(rng, payload_bytes))


def as_new(event: MadeEvent) -> NewEvent:
    """Return an event as a caller has it."""
    return NewEvent(_TYPES[event.event_type_id - 1], msgspec.json.decode(event.payload), event.user_id)


def new_events(seed: int, count: int, payload_bytes: int = PAYLOAD_BYTES) -> list[NewEvent]:
    """Return the events of `make_events` as a caller has them."""
    return [as_new(event) for event in make_events(seed, count, payload_bytes)]


def in_batches(rows: Sequence[Record]) -> Iterator[list[Record]]:
    """Yield the rows by the thousand."""
    remaining = iter(rows)
    while batch := list(islice(remaining, BATCH)):
        yield batch


def pending_values(batch: Sequence[Record]) -> tuple[int, bytes]:
    """Return the row of `pending` that belongs to a batch."""
    return len(batch), pack_batch(batch)


def _ids(writer: int) -> Iterator[int]:
    """Yield the ids of a process that starts now."""
    rng = random.Random()
    tag = rng.randrange(TAGS // LARGEST_WRITER) * LARGEST_WRITER + writer
    millisecond = time.time_ns() // 1_000_000
    while True:
        first = rng.randrange(SEQUENCES // 2)
        for place in range(EVENTS_A_MILLISECOND):
            yield make_id(millisecond, tag, first + place)
        millisecond += 1


def _make_payload(rng: random.Random, size: int) -> bytes:
    bits = rng.getrandbits(64)
    text = (
        f'{{"path":"/shop/article/{bits & 0xFFFFF}","status":200,"duration_ms":{bits >> 20 & 1023}'
        f',"session":"{rng.getrandbits(128):032x}","agent":"Mozilla/5.0 (X11; Linux x86_64)","note":"'
    )
    return f'{text}{"." * (size - len(text) - 2)}"}}'.encode()
