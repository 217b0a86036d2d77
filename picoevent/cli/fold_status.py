"""What `status` says of the fold: who counts events into the rollups, and what waits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import func, select

from picoevent.fold.turns import server_clock
from picoevent.store.fold_state import read_state
from picoevent.store.tables import pending

if TYPE_CHECKING:
    from picoevent.store.base import ReadingStore

LONG_SECONDS = 60


@dataclass(frozen=True, slots=True)
class FoldStatus:
    """Who folds, when the heart of whoever did has last beaten (Unix milliseconds, 0 for never), and what waits."""

    leader: str
    heartbeat_ms: int
    age_ms: int
    is_alive: bool
    pending_events: int
    embedded: bool

    @property
    def words(self) -> str:
        """One line for people."""
        waits = f"{self.pending_events:,} events wait" if self.pending_events != 1 else "1 event waits"
        if self.is_alive:
            return f"counted by {self.leader}, {waits}"
        if self.embedded:
            return f"counted when they are asked for, {waits}"
        last = f"last counted {self.age_ms // 1000:,} s ago" if self.heartbeat_ms else "never counted yet"
        return f"no worker is alive, {last}, {waits}"

    @property
    def problems(self) -> list[str]:
        """What is wrong, in words."""
        waiting = self.pending_events and self.age_ms >= LONG_SECONDS * 1000
        if self.is_alive or self.embedded or not waiting:
            return []
        return [f"Reports: {self.words}. Run: picoevent worker"]


def look_at_fold(store: ReadingStore) -> FoldStatus:
    """Ask the primary; raise as the store does."""
    with store.reading() as connection:
        state = read_state(connection)
        waits = int(connection.execute(select(func.coalesce(func.sum(pending.c.events), 0))).scalar() or 0)
        now_ms = server_clock(connection)
        embedded = connection.dialect.name == "sqlite"
        return FoldStatus(
            state.leader, state.heartbeat_ms, now_ms - state.heartbeat_ms, state.is_led(now_ms), waits, embedded
        )
