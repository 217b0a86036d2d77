"""A long bucket counted anew in many short turns: into rows that nobody reads, which take its place in the last one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from sqlalchemy import func, select

from picoevent.fold.days import touch_span
from picoevent.fold.mending import Mender, Span
from picoevent.fold.raw import leave_out_waiting, read_page
from picoevent.fold.turns import Turn
from picoevent.ids import first_id_of_second
from picoevent.rollup.tiers import DAY_SECONDS, Tier
from picoevent.store.rollup_tables import day_version

EVENTS_A_TURN = 5000
"""Holds up the fold for a third of a second; the last turn takes a second where all dimensions have many values."""
MOST_TRIES = 3
"""Where late events come into the bucket all the time, it is counted in one turn at last."""


@dataclass(frozen=True, slots=True)
class Stage:
    """How far it is; what a turn returns is what the next one gets, so one that was rolled back has done nothing."""

    version: int = 0
    """Of the rollups when it began; events that came into the bucket since then have a higher one."""
    following: int = 0
    counts: Mapping[tuple[int, int, int, int], int] = field(default_factory=dict)
    events: int = 0
    tries: int = 0
    is_done: bool = False


class Piecemeal:
    """Replaces the bucket of a tier by what its raw rows say, for one thread; `keep` and `drop` as with rounds."""

    def __init__(self, mender: Mender) -> None:
        """`mender` writes the bucket in the end."""
        self._mender = mender
        # What is put together in the end must have all values.
        self._pieces = mender.uncapped()

    def step(self, turn: Turn, tier: Tier, span: Span, stage: Stage) -> Stage:
        """Count some events of a span, which is one bucket, and put the whole in its place when all are counted."""
        if not stage.version or _touched(turn, span) > stage.version:
            return self._begin(turn, tier, span, stage.tries + 1)
        page = read_page(turn.connection, stage.following, first_id_of_second(span[1]), EVENTS_A_TURN)
        columns = leave_out_waiting(turn.connection, page) if len(page) else page
        counts = self._pieces.count_aside(turn, tier, columns) if len(columns) else {}
        stage = replace(
            stage,
            following=page.event_ids[-1] + 1 if len(page) else stage.following,
            counts=Counter(stage.counts) + Counter(counts),
            events=stage.events + len(columns),
            is_done=len(page) < EVENTS_A_TURN,
        )
        if stage.is_done:
            self._mender.take_place(turn, tier, span, stage.counts)
        return stage

    def keep(self) -> None:
        """Remember what numbers were given: they are committed."""
        self._pieces.keep()

    def drop(self) -> None:
        """Forget what numbers were given: they were rolled back."""
        self._pieces.drop()

    def _begin(self, turn: Turn, tier: Tier, span: Span, tries: int) -> Stage:
        self._pieces.begin_aside(turn, span)
        if tries > MOST_TRIES:
            return Stage(events=self._mender.from_rows(turn, (tier,), span), is_done=True)
        # Whoever else counts the same bucket anew has to begin again.
        touch_span(turn, span)
        return Stage(int(turn.changes["version"]), first_id_of_second(span[0]), tries=tries)


def _touched(turn: Turn, span: Span) -> int:
    """Return the highest version of the days, UTC, of a span."""
    c = day_version.c
    versions = select(func.max(c.version)).where(c.day > span[0] - DAY_SECONDS, c.day < span[1])
    return int(turn.connection.execute(versions).scalar() or 0)
