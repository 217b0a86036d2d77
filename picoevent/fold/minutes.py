"""Minutes that are over: the many parts that rounds have written to one are put together.

At a part a round, an open quarter of an hour would hold more than a thousand for each set, and a question about today
would read them all. A reader sees no difference: a bucket is the union of its parts, however many.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from sqlalchemy import Table, delete

from picoevent.fold.closing import Closer
from picoevent.fold.turns import Turn
from picoevent.rollup.tiers import MINUTE_SECONDS, Tier

FEW_PARTS = 8
"""So many are left as they are."""
GRACE_SECONDS = 5
"""How long behind its end a minute is left alone, for what was still on its way."""


class Minutes:
    """Remember which minutes rounds have written to, and merge those that are over."""

    def __init__(self, closers: Sequence[Closer], tables: Sequence[Table]) -> None:
        self._closers = closers
        self._tables = tables
        self._rounds: Counter[int] = Counter()

    def notice(self, buckets: Iterable[int]) -> None:
        """Remember the minutes that a round wrote to."""
        self._rounds.update(set(buckets))

    def merge_one(self, turn: Turn) -> bool:
        """Merge the parts of a minute that is over; return whether there may be another."""
        over = [bucket for bucket in self._rounds if bucket + MINUTE_SECONDS + GRACE_SECONDS <= turn.now]
        if not over:
            return False
        bucket = min(over)
        if self._rounds.pop(bucket) > FEW_PARTS and bucket >= turn.state.kept_minute:
            for closer in self._closers:
                closer.close(turn, Tier.MINUTE, Tier.MINUTE, bucket, bucket + MINUTE_SECONDS)
            for table in self._tables:
                older = table.c.tier == int(Tier.MINUTE), table.c.bucket == bucket, table.c.part < turn.part
                turn.connection.execute(delete(table).where(*older))
            turn.mark_changed()
        return True
