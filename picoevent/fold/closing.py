"""Buckets that are over: put together from finer ones, tier by tier, so that coarse questions read little."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from sqlalchemy import func, select

from picoevent.fold.turns import Turn
from picoevent.rollup.tiers import DAY_SECONDS, KEPT_SECONDS, QUARTER_SECONDS, Calendar, Tier
from picoevent.store.rollup_tables import rollup

GRACE_SECONDS = 60
"""How long a quarter stays open behind its end, for what was still on its way."""


class Closer(Protocol):
    """Closes the buckets of one kind of piled table."""

    def prepare(self, turn: Turn, finer: Tier, tier: Tier, bucket: int, until: int) -> bool:
        """Do a part of what `close` has to, for a moment; return whether enough of it is done.

        Nobody reads a coarse bucket before it is closed.
        """

    def close(self, turn: Turn, finer: Tier, tier: Tier, bucket: int, until: int) -> None:
        """Put what lies in a finer tier's buckets from `bucket` up to `until` together as one bucket of a tier."""


def begin(turn: Turn, calendar: Calendar) -> None:
    """Say, before anything was ever folded, what is closed: all that is over. What is late goes there directly."""
    kept = {tier: turn.now - seconds for tier, seconds in KEPT_SECONDS.items()}
    turn.changes |= {
        "closed_quarter": calendar.bucket(Tier.QUARTER, turn.now - GRACE_SECONDS),
        "closed_day": calendar.bucket(Tier.DAY, turn.now - GRACE_SECONDS),
        "closed_month": calendar.bucket(Tier.MONTH, turn.now - GRACE_SECONDS),
        "kept_minute": calendar.bucket(Tier.QUARTER, kept[Tier.MINUTE]),
        "kept_quarter": calendar.bucket(Tier.DAY, kept[Tier.QUARTER]),
        "kept_day": calendar.bucket(Tier.MONTH, kept[Tier.DAY]),
    }


def close_one(turn: Turn, calendar: Calendar, closers: Sequence[Closer]) -> bool:
    """Close the next bucket that is due, if one is; return whether there may be another."""
    state = turn.state
    quarter_end = state.closed_quarter + QUARTER_SECONDS
    month_end = calendar.following(Tier.MONTH, state.closed_month)
    day_end = calendar.following(Tier.DAY, state.closed_day)
    if month_end <= state.closed_day:
        return _close(turn, closers, (Tier.DAY, Tier.MONTH), state.closed_month, month_end)
    if day_end <= state.closed_quarter:
        return _close(turn, closers, (Tier.QUARTER, Tier.DAY), state.closed_day, day_end)
    if quarter_end + GRACE_SECONDS <= turn.now:
        return _close_quarter(turn, calendar, closers, quarter_end)
    return False


def _close(turn: Turn, closers: Sequence[Closer], tiers: tuple[Tier, Tier], bucket: int, end: int) -> bool:
    """Close a bucket, in several turns where there is much in it: a round of the fold must not wait for long."""
    finer, tier = tiers
    for closer in closers:
        if not closer.prepare(turn, finer, tier, bucket, end):
            turn.mark_changed()
            return True
    for closer in closers:
        closer.close(turn, finer, tier, bucket, end)
    turn.changes[f"closed_{tier.name.lower()}"] = end
    turn.mark_changed()
    return True


def _close_quarter(turn: Turn, calendar: Calendar, closers: Sequence[Closer], end: int) -> bool:
    """Close a quarter; where it is empty, all empty ones behind it at once, up to the end of its day."""
    bucket = turn.state.closed_quarter
    minutes = select(func.min(rollup.c.bucket)).where(rollup.c.tier == int(Tier.MINUTE), rollup.c.bucket >= bucket)
    first = turn.connection.execute(minutes).scalar()
    if first is not None and first < end:
        return _close(turn, closers, (Tier.MINUTE, Tier.QUARTER), bucket, end)
    over = calendar.bucket(Tier.QUARTER, turn.now - GRACE_SECONDS)
    filled = over if first is None else calendar.bucket(Tier.QUARTER, first)
    day_end = calendar.following(Tier.DAY, calendar.bucket(Tier.DAY, bucket))
    turn.changes["closed_quarter"] = max(end, min(over, filled, day_end))
    return True


def due_to_drop(turn: Turn, calendar: Calendar) -> dict[str, int]:
    """Return up to where each tier is to be dropped, where that is a day or more beyond what was: by `kept_...`.

    Nothing is dropped that a coarser tier does not hold yet.
    """
    state, now = turn.state, turn.now
    wanted = {
        "kept_minute": calendar.bucket(Tier.QUARTER, min(now - KEPT_SECONDS[Tier.MINUTE], state.closed_quarter)),
        "kept_quarter": calendar.bucket(Tier.DAY, min(now - KEPT_SECONDS[Tier.QUARTER], state.closed_day)),
        "kept_day": calendar.bucket(Tier.MONTH, min(now - KEPT_SECONDS[Tier.DAY], state.closed_month)),
    }
    steps = {"kept_minute": QUARTER_SECONDS, "kept_quarter": DAY_SECONDS, "kept_day": 28 * DAY_SECONDS}
    return {name: moment for name, moment in wanted.items() if moment - getattr(state, name) >= steps[name] // 2}
