"""Made-up events of 30 days, the same ones for the same seed: few types make most of them, a few users are busy.

Not the demo's shop, which is made to be looked at; these are made to be loaded by the million.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import NamedTuple

from picoevent.ids import SEQUENCES, make_id

DAYS = 30
EVENT_TYPES = 30
COMMON, MEAN, ENDED, RARE = 1, 6, 10, 30
"""Ranks of types that are asked for: 44%, 3%, 0.5% and 0.3% of the events; no event is `ENDED` after 10 days."""
USERS = 5_000
WRITERS = 8
SOURCE_ID = 1
BATCH = 10_000

# Of a million events, the first type has 443,000, the sixth 30,000 (about the mean), the last one 2,700.
_CUMULATIVE_WEIGHTS = list(accumulate(rank**-1.5 for rank in range(1, EVENT_TYPES + 1)))


class MadeEvent(NamedTuple):
    """One event in the numbers that a table holds; `payload` is JSON of about 180 bytes."""

    event_id: int
    event_type_id: int
    source_id: int
    user_id: int | None
    payload: str


def event_type_names() -> list[str]:
    """Return the names of the event types, the most frequent first; the first one has the id 1."""
    return [f"bench.type_{rank:02}" for rank in range(1, EVENT_TYPES + 1)]


def make_batches(events: int, end_second: int, seed: int = 2) -> Iterator[list[MadeEvent]]:
    """Yield `events` events of the 30 days before a Unix second, evenly spread, in batches sorted by id.

    Batches share no second, so that the ids of one lie between those of its neighbours.
    """
    rng = random.Random(seed)
    batches = -(-events // BATCH)
    seconds = DAYS * 86_400
    for number in range(batches):
        size = events * (number + 1) // batches - events * number // batches
        first, last = (end_second - seconds + seconds * edge // batches for edge in (number, number + 1))
        types = _make_types(rng, size, ended=number * 3 >= batches > 1)
        yield sorted(_make_batch(rng, types, first * 1000, last * 1000))


def _make_types(rng: random.Random, size: int, *, ended: bool) -> list[int]:
    ranks = [COMMON if ended and rank == ENDED else rank for rank in range(1, EVENT_TYPES + 1)]
    return rng.choices(ranks, cum_weights=_CUMULATIVE_WEIGHTS, k=size)


def _make_batch(rng: random.Random, types: Sequence[int], first_ms: int, last_ms: int) -> Iterator[MadeEvent]:
    moments = sorted(rng.randrange(first_ms, last_ms) for _ in types)
    for place, (moment, event_type_id) in enumerate(zip(moments, types, strict=True)):
        # The place keeps ids apart, also of one writer in one millisecond.
        event_id = make_id(moment, rng.randrange(WRITERS), place % SEQUENCES)
        yield MadeEvent(event_id, event_type_id, SOURCE_ID, _make_user(rng), _make_payload(rng))


def _make_user(rng: random.Random) -> int | None:
    """Return a user, small numbers more often than large ones; every third event has none."""
    return int(USERS * rng.random() ** 2) if rng.random() < 2 / 3 else None


def _make_payload(rng: random.Random) -> str:
    bits = rng.getrandbits(64)
    return (
        f'{{"path":"/shop/article/{bits & 0xFFFFF}","status":200,"duration_ms":{bits >> 20 & 1023}'
        f',"ip":"10.{bits >> 30 & 255}.{bits >> 38 & 255}.{bits >> 46 & 255}","plan":"team"'
        f',"session":"{rng.getrandbits(128):032x}","agent":"Mozilla/5.0 (X11; Linux x86_64)"}}'
    )
