"""When people come to the demo shop: hours, weekdays, growth, one campaign day. Not what they do there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from random import Random

from picoevent.demo.moments import DAY_MS, MINUTE_MS, Window, to_local

_SLOT_MS = 10 * MINUTE_MS
_SATURDAY = 5
_CAMPAIGN_BUMP = 1.9
# The shop grows by about a sixth over the window, and is at its average in the middle of it.
_GROWTH_FROM, _GROWTH_BY = 0.92, 0.16


def _normal(*weights: float) -> tuple[float, ...]:
    """Scale weights to an average of one."""
    return tuple(weight * len(weights) / sum(weights) for weight in weights)


# One weight an hour, from midnight.
_WORKDAY = _normal(
    0.32, 0.18, 0.10, 0.07, 0.06, 0.10, 0.28, 0.60, 0.90, 1.05, 1.10, 1.30,
    1.75, 1.45, 1.05, 1.00, 1.10, 1.30, 1.60, 2.00, 2.25, 2.05, 1.45, 0.75,
)  # fmt: skip
_WEEKEND = _normal(
    0.55, 0.35, 0.22, 0.12, 0.07, 0.07, 0.12, 0.25, 0.55, 1.00, 1.45, 1.60,
    1.50, 1.35, 1.35, 1.45, 1.50, 1.55, 1.60, 1.75, 1.85, 1.65, 1.20, 0.80,
)  # fmt: skip
# Monday first: people look around on Sunday evening and at work, and are out on Friday and Saturday.
_WEEKDAYS = _normal(1.08, 1.04, 1.02, 1.00, 0.90, 0.80, 1.16)


def _time_of_week(at_ms: int) -> float:
    """Return the weight of a moment in its local week, drawn as a line from hour to hour."""
    local = to_local(at_ms)
    hours = _WEEKEND if local.weekday() >= _SATURDAY else _WORKDAY
    part = local.minute / 60
    hour = hours[local.hour] * (1 - part) + hours[(local.hour + 1) % 24] * part
    return hour * _WEEKDAYS[local.weekday()]


def make_rhythm(start_ms: int, end_ms: int, campaign: Window | None) -> Callable[[int], float]:
    """Return how busy each moment of the window is; 1.0 is an average moment."""

    def busy(at_ms: int) -> float:
        growth = _GROWTH_FROM + _GROWTH_BY * (at_ms - start_ms) / (end_ms - start_ms)
        bump = _CAMPAIGN_BUMP if campaign and at_ms in campaign else 1.0
        return _time_of_week(at_ms) * growth * bump

    return busy


def arrivals(
    rng: Random, start_ms: int, end_ms: int, visits_per_day: float, busy: Callable[[int], float]
) -> Iterator[int]:
    """Yield when visits begin, ascending, in [start_ms, end_ms): a Poisson process at the rate of `busy`."""
    for slot_ms in range(start_ms, end_ms, _SLOT_MS):
        slot_end_ms = min(slot_ms + _SLOT_MS, end_ms)
        rate = visits_per_day * busy(slot_ms) / DAY_MS
        # Exponential gaps have no memory, so starting anew in each slot is exact.
        at_ms = slot_ms + rng.expovariate(rate)
        while at_ms < slot_end_ms:
            yield int(at_ms)
            at_ms += rng.expovariate(rate)


def steady_arrivals(rng: Random, start_ms: int, visits_per_second: float) -> Iterator[int]:
    """Yield when visits begin, without end, at one rate."""
    at_ms = float(start_ms)
    while True:
        at_ms += rng.expovariate(visits_per_second / 1_000)
        yield int(at_ms)
