"""Parts of piled tables: written by rounds, put together when their bucket is closed, or when they have become many."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from operator import itemgetter
from typing import Any

from sqlalchemy import Connection, Row, Table, delete, select

from picoevent.fold.bundles import Bundles, Key, OneTable, Span, of_key
from picoevent.fold.turns import Turn
from picoevent.rollup.members import pack_members, union_members
from picoevent.rollup.samples import AnySet
from picoevent.rollup.tiers import Tier
from picoevent.store.rollup_tables import rollup_users
from picoevent.store.rows import insert_rows

USERS = 0
"""The number of a set of users; other numbers are those of dimensions that are counted distinct."""
ROWS_AT_ONCE = 2000

SetKey = tuple[int, int, int, int]
"""Tier, event type, source, bucket."""


class SetForm(OneTable):
    """Implements `picoevent.fold.bundles.Form` for sets."""

    table = rollup_users
    number = rollup_users.c.dimension_id

    def gather(self, connection: Connection, key: Key, until: int) -> AnySet:
        """See `Form.gather`."""
        parts = select(self.table.c.packed).where(of_key(self.table, self.number, key, until))
        return union_members(connection.execute(parts).scalars())

    def write(self, turn: Turn, contents: Mapping[Key, AnySet]) -> None:
        """See `Form.write`."""
        rows: list[Sequence[int | bytes]] = [
            (int(key.tier), *key[1:], turn.part, pack_members(members, turn.members_kept))
            for key, members in sorted(contents.items(), key=itemgetter(0))
        ]
        insert_rows(turn.connection, self.table, rows)


class Sets:
    """Parts of `rollup_users`: added, closed, and merged where a bucket has got several and gets no more.

    What grows too large for a turn is written as a sample: see `Turn.members_kept`.
    """

    def __init__(self) -> None:
        self._form = SetForm()
        self._bundles = Bundles(self._form)

    def add(self, turn: Turn, dimension_id: int, sets: Mapping[SetKey, AnySet]) -> None:
        """Write a part for each set."""
        contents = {
            Key(Tier(tier), type_id, source_id, dimension_id, bucket): members
            for (tier, type_id, source_id, bucket), members in sets.items()
        }
        self._form.write(turn, contents)
        self._bundles.noticed(contents, turn.now)

    def prepare(self, turn: Turn, finer: Tier, tier: Tier, bucket: int, until: int) -> bool:
        """See `Closer.prepare`."""
        return self._bundles.prepare(turn, Span(finer, tier, bucket, until))

    def close(self, turn: Turn, finer: Tier, tier: Tier, bucket: int, until: int) -> None:
        """See `picoevent.fold.closing.Closer`."""
        self._bundles.close(turn, Span(finer, tier, bucket, until))

    def merge_some(self, turn: Turn) -> bool:
        """Put some crowded buckets together; return whether there may be more."""
        return self._bundles.merge_some(turn)

    def drop(self) -> None:
        """Forget what was prepared: some of it was rolled back."""
        self._bundles.drop()


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
