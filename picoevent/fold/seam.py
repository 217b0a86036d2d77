"""Where months of an old reporting zone meet those of a new one: the hours between both ends, counted once."""

from __future__ import annotations

from sqlalchemy import bindparam, delete, select, update

from picoevent.fold.counts import add_counts
from picoevent.fold.mending import Mender, clear
from picoevent.fold.turns import Turn
from picoevent.rollup.tiers import Tier
from picoevent.store.rollup_tables import PILED_TABLES, rollup

MONTH = int(Tier.MONTH)
_C = rollup.c


def mend_seam(turn: Turn, mender: Mender, old_end: int, new_begin: int) -> None:
    """Let the last month that stays end where the new zone's next one begins; `old_end` is where it has ended.

    What it lacks is added to it; what the next one has, too, is taken out of it: events, values and sums of measures.
    Its sets of users, first and last moments, least and greatest stay as they are, so it may know of a few too many.
    """
    span = min(old_end, new_begin), max(old_end, new_begin)
    last = mender.calendar.bucket(Tier.MONTH, new_begin - 1)
    if span[0] == span[1]:
        return
    by_quarters = span[0] >= turn.state.kept_quarter
    if by_quarters:
        mender.put_together(turn, Tier.QUARTER, Tier.MONTH, span)
    else:
        # Each event into the month of the new zone that it lies in.
        mender.from_rows(turn, (Tier.MONTH,), span)
    if new_begin < old_end:
        _take_out(turn, mender, last, span[0])
    elif by_quarters:
        _move(turn, span[0], last)


def _move(turn: Turn, bucket: int, last: int) -> None:
    """Add what was put together under a start of its own to the last month."""
    for table in PILED_TABLES:
        mine = (table.c.tier == MONTH) & (table.c.bucket == bucket)
        turn.connection.execute(update(table).where(mine).values(bucket=last))
    counts = _counts(turn, bucket)
    clear(turn.connection, (Tier.MONTH,), (bucket, bucket + 1))
    add_counts(turn.connection, {(MONTH, *pair, last): events for pair, events in counts.items()})


def _take_out(turn: Turn, mender: Mender, last: int, bucket: int) -> None:
    """Take what lies under a start, which will be cut anew, out of the last month."""
    mender.take_away(turn, Tier.MONTH, last, bucket)
    mine = (_C.tier == MONTH) & (_C.bucket == last)
    mine &= (_C.event_type_id == bindparam("of_type")) & (_C.source_id == bindparam("of_source"))
    rows = [{"of_type": pair[0], "of_source": pair[1], "n": n} for pair, n in _counts(turn, bucket).items()]
    if rows:
        turn.connection.execute(update(rollup).where(mine).values(events=_C.events - bindparam("n")), rows)
    turn.connection.execute(delete(rollup).where(_C.tier == MONTH, _C.bucket == last, _C.events == 0))
    clear(turn.connection, (Tier.MONTH,), (bucket, bucket + 1))


def _counts(turn: Turn, bucket: int) -> dict[tuple[int, int], int]:
    rows = select(_C.event_type_id, _C.source_id, _C.events).where(_C.tier == MONTH, _C.bucket == bucket)
    return {(type_id, source_id): events for type_id, source_id, events in turn.connection.execute(rows)}
