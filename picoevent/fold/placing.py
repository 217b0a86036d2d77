"""Where an event goes: the finest tier that still keeps its bucket, and every coarser one that must know of it."""

from __future__ import annotations

from picoevent.rollup.tiers import Calendar, Tier
from picoevent.store.fold_state import FoldState

Place = tuple[Tier, int]
"""A tier, and a bucket of it."""


def finest_place(second: int, state: FoldState, calendar: Calendar) -> Place:
    """Return the finest bucket that a Unix second can still be counted in."""
    if second >= state.kept_minute:
        tier = Tier.MINUTE
    elif second >= state.kept_quarter:
        tier = Tier.QUARTER
    else:
        tier = Tier.DAY if second >= state.kept_day else Tier.MONTH
    return tier, calendar.bucket(tier, second)


def count_places(place: Place, calendar: Calendar) -> list[Place]:
    """Return all buckets that count what lies in a finest one: one of each tier from there on."""
    tier, bucket = place
    return [place, *((coarse, calendar.bucket(coarse, bucket)) for coarse in Tier if coarse > tier)]


def pile_places(place: Place, state: FoldState, calendar: Calendar) -> list[Place]:
    """Return the buckets of piled tables that get what lies in a finest one: itself, and those that were closed.

    A bucket that is still open is made of finer ones when it is closed.
    """
    closed = {Tier.QUARTER: state.closed_quarter, Tier.DAY: state.closed_day, Tier.MONTH: state.closed_month}
    coarser = count_places(place, calendar)[1:]
    return [place, *((tier, bucket) for tier, bucket in coarser if bucket < closed[tier])]
