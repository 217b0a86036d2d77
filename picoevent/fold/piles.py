"""Parts of piled tables: written by rounds, put together when their bucket is closed, or when they have become many."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from operator import itemgetter
from typing import Any

from pyroaring import BitMap
from sqlalchemy import Connection, Row, Table, and_, delete, select

from picoevent.fold.turns import Turn
from picoevent.rollup.members import pack_members, union_members, unpack_members
from picoevent.rollup.tiers import MINUTE_SECONDS, Tier
from picoevent.store.rollup_tables import rollup_users
from picoevent.store.rows import insert_rows

USERS = 0
"""The number of a set of users; other numbers are those of dimensions that are counted distinct."""
MOST_PARTS = 64
FEW_PARTS = 8
"""So many parts of a minute are left as they are."""
SETTLED_SECONDS = 5
"""How long behind its end a minute is left alone, for what was still on its way."""
ROWS_AT_ONCE = 2000

SetKey = tuple[int, int, int, int]
"""Tier, event type, source, bucket."""


class Sets:
    """Parts of `rollup_users`: added, closed, and merged where a closed bucket has got many."""

    def __init__(self) -> None:
        self._parts: Counter[tuple[int, SetKey]] = Counter()
        self._minutes: Counter[int] = Counter()

    def add(self, turn: Turn, dimension_id: int, sets: Mapping[SetKey, BitMap]) -> None:
        """Write a part for each set."""
        _insert(turn, [(dimension_id, key, members) for key, members in sorted(sets.items(), key=itemgetter(0))])
        self._parts.update((dimension_id, key) for key in sets if key[0] != Tier.MINUTE)
        self._minutes.update({key[3] for key in sets if key[0] == Tier.MINUTE})

    def close(self, turn: Turn, finer: Tier, tier: Tier, bucket: int, until: int) -> None:
        """See `picoevent.fold.closing.Closer`."""
        unions: dict[tuple[int, int, int], BitMap] = {}
        for row in read_span(turn.connection, rollup_users, finer, bucket, until):
            key = row.event_type_id, row.source_id, row.dimension_id
            members = unpack_members(row.packed)
            if key in unions:
                unions[key] |= members
            else:
                unions[key] = members
        _insert(
            turn,
            [
                (dimension_id, (tier, type_id, source_id, bucket), members)
                for (type_id, source_id, dimension_id), members in sorted(unions.items(), key=itemgetter(0))
            ],
        )

    def merge_minute(self, turn: Turn) -> bool:
        """Merge all parts of a minute that is over; return whether there may be another.

        Rounds write a part a second: an open quarter would have a thousand, and a question about today read them all.
        """
        over = [bucket for bucket in self._minutes if bucket + MINUTE_SECONDS + SETTLED_SECONDS <= turn.now]
        if not over:
            return False
        bucket = min(over)
        if self._minutes.pop(bucket) > FEW_PARTS:
            self.close(turn, Tier.MINUTE, Tier.MINUTE, bucket, bucket + MINUTE_SECONDS)
            c = rollup_users.c
            older = c.tier == int(Tier.MINUTE), c.bucket == bucket, c.part < turn.part
            turn.connection.execute(delete(rollup_users).where(*older))
            turn.mark_changed()
        return True

    def merge_one(self, turn: Turn) -> bool:
        """Merge the parts of a bucket that has got many; return whether there may be another."""
        (number, parts), *_ = self._parts.most_common(1) or [((0, (0, 0, 0, 0)), 0)]
        if parts < MOST_PARTS:
            return False
        dimension_id, (tier, type_id, source_id, bucket) = number
        mine = and_(
            rollup_users.c.tier == tier,
            rollup_users.c.event_type_id == type_id,
            rollup_users.c.source_id == source_id,
            rollup_users.c.dimension_id == dimension_id,
            rollup_users.c.bucket == bucket,
        )
        found = turn.connection.execute(select(rollup_users.c.packed).where(mine)).scalars().all()
        turn.connection.execute(delete(rollup_users).where(mine))
        _insert(turn, [(dimension_id, (tier, type_id, source_id, bucket), union_members(found))])
        turn.mark_changed()
        self._parts[number] = 0
        return True


def _insert(turn: Turn, sets: Iterable[tuple[int, SetKey, BitMap]]) -> None:
    rows = [
        (int(tier), type_id, source_id, dimension_id, bucket, turn.part, pack_members(members))
        for dimension_id, (tier, type_id, source_id, bucket), members in sets
    ]
    insert_rows(turn.connection, rollup_users, rows)


def read_span(connection: Connection, table: Table, tier: Tier, since: int, until: int) -> Iterator[Row[Any]]:
    """Yield the rows of a tier whose buckets begin in a span, in no order; read all before the next statement."""
    rows = (
        select(table)
        # The primary key has the bucket behind the type: by it, all that the tier holds would be read.
        .with_hint(table, "FORCE INDEX (bucket)", "mysql")
        .where(table.c.tier == int(tier), table.c.bucket >= since, table.c.bucket < until)
    )
    yield from connection.execute(rows, execution_options={"yield_per": ROWS_AT_ONCE})


def drop_before(connection: Connection, table: Table, tier: Tier, before: int, limit: int) -> int:
    """Delete up to about so many rows of a tier whose buckets begin before a moment; return how many."""
    oldest = (
        select(table.c.bucket)
        .where(table.c.tier == int(tier), table.c.bucket < before)
        .order_by(table.c.bucket)
        .offset(limit)
        .limit(1)
    )
    # Whole buckets, by the index on (tier, bucket).
    last = connection.execute(oldest).scalar()
    upto = table.c.bucket < before if last is None else table.c.bucket <= last
    return connection.execute(delete(table).where(table.c.tier == int(tier), upto)).rowcount
