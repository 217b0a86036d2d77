"""What a leader does between rounds, each in a turn of its own: bounded steps, which say whether there may be more."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from picoevent.fold.clearing import clear_some
from picoevent.fold.closing import close_one, due_to_drop
from picoevent.fold.piles import drop_before
from picoevent.fold.round import Rounds
from picoevent.fold.turns import Turn
from picoevent.rollup.tiers import DAY_SECONDS, QUARTER_SECONDS, Tier
from picoevent.store.rollup_tables import PILED_TABLES, rollup

DROPPED_AT_ONCE = 5000
DROPPED_TABLES = (rollup, *PILED_TABLES)
KEPT_TIERS = {
    "kept_minute": (Tier.MINUTE, QUARTER_SECONDS),
    "kept_quarter": (Tier.QUARTER, DAY_SECONDS),
    "kept_day": (Tier.DAY, 31 * DAY_SECONDS),
}
"""The tier of each horizon, and how long, in seconds, its rows stay behind it."""

Step = Callable[[Turn, Rounds], bool]
"""A bounded piece of upkeep; returns whether there may be more to do."""


def close_buckets(turn: Turn, rounds: Rounds) -> bool:
    """Close the next bucket that is over."""
    return close_one(turn, rounds.calendar, (rounds.sets, rounds.dimensions))


def merge_sets(turn: Turn, rounds: Rounds) -> bool:
    """Merge sets of buckets that have got several parts."""
    return rounds.sets.merge_some(turn)


def merge_dimensions(turn: Turn, rounds: Rounds) -> bool:
    """Merge dimensions and measures, of minutes that are over and of crowded buckets."""
    return rounds.dimensions.merge_some(turn)


def move_horizons(turn: Turn, rounds: Rounds) -> bool:
    """Say what is too old to be asked for; it is dropped a step later, when nobody can be reading it any more."""
    turn.changes |= due_to_drop(turn, rounds.calendar)
    return False


def drop_some(turn: Turn, _rounds: Rounds) -> bool:
    """Drop what is older than its tier is kept, some thousand rows at a time."""
    dropped = 0
    for name, (tier, step) in KEPT_TIERS.items():
        before = getattr(turn.state, name) - step
        for table in DROPPED_TABLES:
            dropped += drop_before(turn.connection, table, tier, before, DROPPED_AT_ONCE)
    return dropped >= DROPPED_AT_ONCE


def fold_sessions(turn: Turn, rounds: Rounds) -> bool:
    """Count the sessions of a day that is over."""
    return rounds.sessions.step(turn)


def clear_withdrawn(turn: Turn, rounds: Rounds) -> bool:
    """Delete some of what is not declared any more."""
    return clear_some(turn, rounds.sets)


def fill_some(turn: Turn, rounds: Rounds) -> bool:
    """Fill in some of what was there before it was declared."""
    return rounds.filler.fill_some(turn)


STEPS: Sequence[Step] = (
    close_buckets,
    merge_sets,
    merge_dimensions,
    move_horizons,
    drop_some,
    fold_sessions,
    clear_withdrawn,
    fill_some,
)
"""All of it, in this order."""
