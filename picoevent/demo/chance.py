"""Cheap draws from a seeded generator: cards, tokens, delays. Not fit for secrets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from random import Random
from typing import TypeVar

Card = TypeVar("Card")


def deck(weights: Mapping[Card, int]) -> tuple[Card, ...]:
    """Return each card as often as its weight says, for `pick`."""
    return tuple(card for card, weight in weights.items() for _ in range(weight))


def pick(rng: Random, cards: Sequence[Card]) -> Card:
    """Draw one card and put it back; several times as quick as `rng.choice`."""
    return cards[int(rng.random() * len(cards))]


def token(rng: Random) -> str:
    """Return 12 hexadecimal digits, for sessions and orders."""
    return f"{rng.getrandbits(48):012x}"


def dwell_ms(rng: Random) -> int:
    """Return how long somebody looks at a page: 3 to 63 s, mostly short."""
    return 3_000 + int(60_000 * rng.random() ** 2)


def latency_ms(rng: Random) -> int:
    """Return how long the server took: 19 to 400 ms, half of the time under 40."""
    return int(20 / (0.05 + rng.random()))
