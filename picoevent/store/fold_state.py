"""The one row that says how far the rollups are: read by reports, locked and changed by whoever folds."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, select

from picoevent.errors import StoreNotReady
from picoevent.rollup.tiers import Tier, Window
from picoevent.store.rollup_tables import STATE_COLUMNS, fold_state

LEASE_MS = 3000
"""A leader whose heart has not beaten for so long is taken over from."""
FOR_EVER = 1 << 40
"""A Unix second behind all others."""


@dataclass(frozen=True, slots=True)
class FoldState:
    """The row of `fold_state`; moments are Unix seconds, but for `heartbeat_ms`."""

    leader: str
    version: int
    heartbeat_ms: int
    floor_seq: int
    declarations: int
    next_user_number: int
    closed_quarter: int
    closed_day: int
    closed_month: int
    closed_session: int
    kept_minute: int
    kept_quarter: int
    kept_day: int
    raw_from: int

    def is_led(self, now_ms: int) -> bool:
        """Whether the leader's heart has beaten within `LEASE_MS` of this moment of the primary's clock.

        One that beats in the future is no sign of life: that clock was put back.
        """
        return bool(self.leader) and abs(now_ms - self.heartbeat_ms) < LEASE_MS

    def count_windows(self) -> dict[Tier, Window]:
        """Return where each tier of `rollup` can answer: counts go into all tiers at once."""
        kept = {Tier.MINUTE: self.kept_minute, Tier.QUARTER: self.kept_quarter, Tier.DAY: self.kept_day, Tier.MONTH: 0}
        return {tier: Window(since, FOR_EVER) for tier, since in kept.items()}

    def pile_windows(self) -> dict[Tier, Window]:
        """Return where each tier of the piled tables (sets, dimensions, measures) can answer.

        A coarse tier is whole up to where it was closed; behind that, finer ones are put together.
        """
        closed = {Tier.QUARTER: self.closed_quarter, Tier.DAY: self.closed_day, Tier.MONTH: self.closed_month}
        windows = self.count_windows()
        return {tier: Window(window.since, closed.get(tier, window.until)) for tier, window in windows.items()}


def read_state(connection: Connection, *, lock: bool = False) -> FoldState:
    """Return the row; with `lock` nobody else folds until the transaction ends, and whoever tries fails at once."""
    row = select(fold_state.c.leader, *[fold_state.c[name] for name in STATE_COLUMNS])
    if lock:
        row = row.with_for_update(nowait=connection.dialect.name != "sqlite")
    found = connection.execute(row).mappings().first()
    if found is None:
        raise StoreNotReady("The database was not set up to its end.", hint="Run: picoevent init")
    return FoldState(**found)
