"""Another reporting zone: days and months cut anew, in one turn, from quarters of an hour and from raw rows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date

from sqlalchemy import Connection, delete, func, insert, select, update

from picoevent.fold.counts import ANY
from picoevent.fold.mending import Mender
from picoevent.fold.raw import next_filled
from picoevent.fold.rebuild import Patience, Progress
from picoevent.fold.seam import mend_seam
from picoevent.fold.turns import Turn, Turns, new_name
from picoevent.rollup.sessions import GAP_MS, pack_sums, unpack_sums
from picoevent.rollup.tiers import Calendar, Tier
from picoevent.store.fold_state import FoldState, read_state
from picoevent.store.installation import read_zone
from picoevent.store.rollup_tables import PILED_TABLES, rollup, rollup_session
from picoevent.store.sql import SqlStore
from picoevent.store.tables import installation


@dataclass(frozen=True, slots=True)
class Change:
    """What a change of the zone does; moments are Unix seconds.

    Days from `quarters_from` on, which are whole days of the new zone, are put together from quarters of an hour; what
    lies before is counted anew from raw rows, about `events` of them. Below `anew_from`, the start of a month in the
    new zone, neither reaches (0: they reach all): days are dropped there, and months stay as the old zone has cut
    them, under the new one's start. `days_from` is from when on days are kept. Sessions are counted anew from raw
    rows, by whoever folds; those of days without any stay as they are, too.
    """

    before: Calendar
    after: Calendar
    quarters_from: int
    anew_from: int
    days_from: int
    events: int = 0
    begun: bool = True
    """Whether anything was ever counted; else there is nothing to cut."""


def plan_change(store: SqlStore, zone: str) -> Change:
    """Return what changing to a zone would do; nothing is changed."""
    with store.transaction() as connection:
        state = read_state(connection)
        change = _plan(connection, state, zone)
        days = _sum(connection, Tier.DAY, max(change.anew_from, state.kept_day), change.quarters_from)
        months = _sum(connection, Tier.MONTH, change.anew_from, state.kept_day)
        return replace(change, events=days + months)


def _sum(connection: Connection, tier: Tier, since: int, until: int) -> int:
    """Return how many events the buckets of a tier count that begin in a span."""
    c = rollup.c
    mine = (c.tier == int(tier)) & (c.event_type_id == ANY) & (c.source_id == ANY)
    summed = select(func.sum(c.events)).where(mine, c.bucket >= since, c.bucket < until)
    return int(connection.execute(summed).scalar() or 0)


def change_zone(store: SqlStore, zone: str, values_kept: int, progress: Progress = lambda *_: None) -> Change:
    """Change the zone, in one transaction; whoever folds waits meanwhile, and whoever reads sees the old zone.

    Days of two zones overlap: half of each would count some hours twice, and miss others. Raises `StoreUnavailable`
    where there is no turn for it within a minute.
    """
    return Patience(Turns(store, new_name())).take(lambda turn: _Rezoning(turn, zone, values_kept, progress).run())


def _plan(connection: Connection, state: FoldState, zone: str) -> Change:
    before, after = Calendar(read_zone(connection)), Calendar(zone)
    quarters_from = after.first_at_or_after(Tier.DAY, state.kept_quarter)
    reach = min(state.raw_from, quarters_from)
    anew_from = _first_month(before, after, reach) if reach else 0
    days_from = max(_same_month(before, after, state.kept_day), anew_from)
    return Change(before, after, quarters_from, anew_from, days_from, begun=state.closed_quarter > 0)


def _first_month(before: Calendar, after: Calendar, reach: int) -> int:
    """Return the first month of the new zone that can be counted anew, as can what the old zone has cut otherwise."""
    month = after.first_at_or_after(Tier.MONTH, reach)
    return month if _same_month(after, before, month) >= reach else after.following(Tier.MONTH, month)


def _same_month(one: Calendar, other: Calendar, month: int) -> int:
    """Return where a month of one zone begins in the other."""
    day = one.day_of(month)
    return other.day_start(date(day.year, day.month, 1)) if month > other.bounds[0] else month


class _Rezoning:
    """One change on its way."""

    def __init__(self, turn: Turn, zone: str, values_kept: int, progress: Progress) -> None:
        self._turn = turn
        self._connection = turn.connection
        self._change = _plan(turn.connection, turn.state, zone)
        self._mender = Mender(self._change.after, values_kept)
        self._progress = progress

    def run(self) -> Change:
        """Cut all anew, and say that this is the zone."""
        if self._change.begun:
            self._cut_anew()
        zone = installation.c.name == "timezone"
        self._connection.execute(update(installation).where(zone).values(value=self._change.after.zone))
        self._turn.mark_changed()
        return self._change

    def _cut_anew(self) -> None:
        change, turn = self._change, self._turn
        self._leave_old_months()
        closed_day = change.after.bucket(Tier.DAY, turn.state.closed_quarter)
        moved = {
            "kept_quarter": change.quarters_from,
            "kept_day": change.days_from,
            "closed_day": closed_day,
            "closed_month": change.after.bucket(Tier.MONTH, closed_day),
            # Sessions are counted anew from all raw rows.
            "closed_session": 0,
        }
        turn.changes |= moved
        turn.state = replace(turn.state, **moved)  # type: ignore[arg-type]  # all of them are numbers
        self._cut_days()
        for month in self._filled(Tier.MONTH, change.anew_from):
            self._cut_month(month)
        self._leave_old_sessions()

    def _filled(self, tier: Tier, since: int) -> Iterator[int]:
        """Yield the buckets of the new zone in which there is anything."""
        moment = since
        while (found := next_filled(self._connection, moment, (Tier.QUARTER,))) is not None:
            bucket = self._change.after.bucket(tier, found)
            yield bucket
            moment = self._change.after.following(tier, bucket)

    def _cut_days(self) -> None:
        begin, events = None, 0
        for day in self._filled(Tier.DAY, self._change.days_from):
            begin = day if begin is None else begin
            self._progress(day - begin, self._turn.now - begin, events)
            events += self._cut_day(day)

    def _cut_day(self, day: int) -> int:
        """Cut a day anew; return how many events were counted for it."""
        if day >= self._change.quarters_from:
            self._mender.from_finer(self._turn, Tier.QUARTER, Tier.DAY, day)
            return 0
        return self._mender.from_rows(self._turn, (Tier.DAY,), (day, self._change.after.following(Tier.DAY, day)))

    def _cut_month(self, month: int) -> None:
        if month >= self._change.days_from:
            self._mender.from_finer(self._turn, Tier.DAY, Tier.MONTH, month)
        else:
            span = month, self._change.after.following(Tier.MONTH, month)
            self._mender.from_rows(self._turn, (Tier.MONTH,), span)

    def _leave_old_months(self) -> None:
        """Delete what is cut anew, and give the months that stay their new start; their events stay exact."""
        change = self._change
        first = _same_month(change.after, change.before, change.anew_from) if change.anew_from else 0
        for table in (rollup, *PILED_TABLES):
            c = table.c
            gone = (c.tier == int(Tier.DAY)) | ((c.tier == int(Tier.MONTH)) & (c.bucket >= first))
            self._connection.execute(delete(table).where(gone))
            months = select(c.bucket).where(c.tier == int(Tier.MONTH)).distinct()
            for month in self._connection.execute(months).scalars().all():
                mine = (c.tier == int(Tier.MONTH)) & (c.bucket == month)
                moved = _same_month(change.before, change.after, month)
                self._connection.execute(update(table).where(mine).values(bucket=moved))
        if first:
            mend_seam(self._turn, self._mender, first, change.anew_from)

    def _leave_old_sessions(self) -> None:
        """Delete days of sessions, which the fold counts anew; those whose raw rows are gone get their new start."""
        change, rows = self._change, self._connection.execute(select(rollup_session)).all()
        version = int(self._turn.changes.get("version", self._turn.part))
        moved = []
        for row in rows:
            bucket = change.after.day_start(change.before.day_of(row.bucket))
            if bucket < self._turn.state.raw_from + GAP_MS // 1000:
                # At this version: it can't be computed again, whatever has touched its days.
                packed = pack_sums(unpack_sums(row)[0], version)
                columns = dict(zip(rollup_session.c.keys(), row, strict=True))
                moved.append(columns | {"bucket": bucket, "packed": packed})
        self._connection.execute(delete(rollup_session))
        if moved:
            self._connection.execute(insert(rollup_session), moved)
