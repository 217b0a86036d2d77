"""Parts of piled tables: written by rounds, put together when their bucket is closed, or when they have become many."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from operator import itemgetter
from typing import Any

from sqlalchemy import Connection, Row, Table, delete, select

from picoevent.fold.crowds import Crowds
from picoevent.fold.turns import Turn
from picoevent.rollup.members import pack_members, union_members
from picoevent.rollup.samples import AnySet
from picoevent.rollup.tiers import Tier
from picoevent.store.rollup_tables import rollup_users
from picoevent.store.rows import insert_rows

USERS = 0
"""The number of a set of users; other numbers are those of dimensions that are counted distinct."""
KEY_COLUMNS = [rollup_users.c[name] for name in ("tier", "event_type_id", "source_id", "dimension_id", "bucket")]
ROWS_AT_ONCE = 2000

SetKey = tuple[int, int, int, int]
"""Tier, event type, source, bucket."""


class Sets:
    """Parts of `rollup_users`: added, closed, and merged where a bucket has got several and gets no more.

    What grows too large for a turn is written as a sample: see `Turn.members_kept`.
    """

    def __init__(self) -> None:
        self._crowds = Crowds()

    def add(self, turn: Turn, dimension_id: int, sets: Mapping[SetKey, AnySet]) -> None:
        """Write a part for each set."""
        _insert(turn, [(dimension_id, key, members) for key, members in sorted(sets.items(), key=itemgetter(0))])
        self._crowds.notice({(Tier(tier), bucket) for tier, _, _, bucket in sets}, turn.now)

    def prepare(self, _turn: Turn, _finer: Tier, _tier: Tier, _bucket: int, _until: int) -> bool:
        """See `Closer.prepare`: sets close quickly."""
        return True

    def close(self, turn: Turn, finer: Tier, tier: Tier, bucket: int, until: int) -> None:
        """See `picoevent.fold.closing.Closer`."""
        unions = {key: union_members(parts) for key, parts in _read_sets(turn, finer, bucket, until).items()}
        _insert(turn, _of_bucket(tier, bucket, unions))

    def merge_one(self, turn: Turn) -> bool:
        """Merge the parts of a bucket that is due; return whether there may be another."""
        due = self._crowds.next_due(turn.now)
        if due is None:
            return False
        tier, bucket = due
        found = _read_sets(turn, tier, bucket, bucket + 1)
        unions = {key: union_members(parts) for key, parts in found.items() if len(parts) > 1}
        for type_id, source_id, dimension_id in unions:
            mine = (int(tier), type_id, source_id, dimension_id, bucket)
            named = zip(KEY_COLUMNS, mine, strict=True)
            turn.connection.execute(delete(rollup_users).where(*[column == value for column, value in named]))
        _insert(turn, _of_bucket(tier, bucket, unions))
        if unions:
            turn.mark_changed()
        return True


def _read_sets(turn: Turn, tier: Tier, since: int, until: int) -> dict[tuple[int, int, int], list[bytes]]:
    """Return the parts of a span of a tier, by event type, source and dimension."""
    found: dict[tuple[int, int, int], list[bytes]] = {}
    for row in read_span(turn.connection, rollup_users, tier, since, until):
        found.setdefault((row.event_type_id, row.source_id, row.dimension_id), []).append(row.packed)
    return found


def _of_bucket(
    tier: Tier, bucket: int, unions: Mapping[tuple[int, int, int], AnySet]
) -> Iterator[tuple[int, SetKey, AnySet]]:
    for (type_id, source_id, dimension_id), members in sorted(unions.items(), key=itemgetter(0)):
        yield dimension_id, (tier, type_id, source_id, bucket), members


def _insert(turn: Turn, sets: Iterable[tuple[int, SetKey, AnySet]]) -> None:
    rows = [
        (int(tier), type_id, source_id, dimension_id, bucket, turn.part, pack_members(members, turn.members_kept))
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
