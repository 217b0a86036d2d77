"""Ask several sides the same in turn, as often as the time allows, and take the median of each."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from statistics import median

WARM_UP_ROUNDS = 2
PATIENCE_SECONDS = 20.0
"""A round that begins later is left out: a side that takes minutes is asked once."""

Ask = Callable[[], object]


def in_turn(
    asks: Sequence[Ask],
    rounds: int,
    *,
    warm_up: int = WARM_UP_ROUNDS,
    patience: float = PATIENCE_SECONDS,
    clock: Callable[[], float] = time.perf_counter,
) -> list[float]:
    """Call all of them in turn, A B C A B C, one round at least; return the median milliseconds of each.

    Whatever else the machine does strikes all of them. Rounds that warm up are not counted, but for a side that is
    out of patience by then.
    """
    begun = clock()
    taken: list[list[float]] = [[] for _ in asks]
    for number in range(warm_up + rounds):
        if number and clock() - begun > patience:
            break
        if number == warm_up:
            for times in taken:
                times.clear()
        for ask, times in zip(asks, taken, strict=True):
            started = clock()
            ask()
            times.append((clock() - started) * 1000)
    return [median(times) for times in taken]
