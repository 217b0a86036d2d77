"""Parts of dimensions and measures: written by rounds, put together key by key, when their bucket is closed or crowded.

What lies in a part, and in which tables, its `Form` knows.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from typing import Generic, NamedTuple, Protocol, TypeVar

from sqlalchemy import Column, ColumnElement, Connection, Table, and_, func, select

from picoevent.fold.crowds import Crowds
from picoevent.fold.turns import Turn
from picoevent.rollup.tiers import Tier

Content = TypeVar("Content")

MERGING_SECONDS = 0.1
"""About how long one turn puts parts together."""


class Key(NamedTuple):
    """What the parts of one bucket count: a tier, an event type, a source, a dimension or measure, and the bucket."""

    tier: Tier
    event_type_id: int
    source_id: int
    number: int
    bucket: int


class Form(Protocol[Content]):
    """How a kind of content lies in its tables."""

    table: Table
    number: Column[int]
    """The column of the dimension, or measure."""

    def gather(self, connection: Connection, key: Key, until: int) -> Content:
        """Return the sum of all parts of buckets from that of the key on, up to `until`."""

    def write(self, turn: Turn, contents: Mapping[Key, Content]) -> None:
        """Write a part of each of these buckets."""

    def delete(self, connection: Connection, key: Key) -> None:
        """Delete all parts of a bucket."""


class Bundles(Generic[Content]):
    """Close and put together the parts of one form."""

    def __init__(self, form: Form[Content], *, clock: Callable[[], float] = time.monotonic) -> None:
        self._form = form
        self._crowds = Crowds()
        self._clock = clock

    def noticed(self, keys: Iterable[Key], now: int) -> None:
        """Take note that each of these buckets got a part at a Unix second."""
        self._crowds.notice({(key.tier, key.bucket) for key in keys}, now)

    def close(self, turn: Turn, finer: Tier, tier: Tier, bucket: int, until: int) -> None:
        """See `picoevent.fold.closing.Closer`."""
        for event_type_id, source_id, number in self._keys(turn.connection, finer, bucket, until):
            content = self._form.gather(turn.connection, Key(finer, event_type_id, source_id, number, bucket), until)
            self._form.write(turn, {Key(tier, event_type_id, source_id, number, bucket): content})

    def merge_some(self, turn: Turn) -> bool:
        """Put together what is due, for a moment; return whether there may be more."""
        give_up = self._clock() + MERGING_SECONDS
        while self._clock() < give_up:
            due = self._crowds.next_due(turn.now)
            if due is None:
                return False
            tier, bucket = due
            for event_type_id, source_id, number in self._keys(turn.connection, tier, bucket, bucket + 1, parts=2):
                self._merge(turn, Key(tier, event_type_id, source_id, number, bucket))
        return True

    def _merge(self, turn: Turn, key: Key) -> None:
        content = self._form.gather(turn.connection, key, key.bucket + 1)
        self._form.delete(turn.connection, key)
        self._form.write(turn, {key: content})
        turn.mark_changed()

    def _keys(
        self, connection: Connection, tier: Tier, since: int, until: int, parts: int = 1
    ) -> list[tuple[int, int, int]]:
        """Return the types, sources and numbers that have so many parts or more in a span."""
        c = self._form.table.c
        keys = (
            select(c.event_type_id, c.source_id, self._form.number)
            .with_hint(self._form.table, "FORCE INDEX (bucket)", "mysql")
            .where(c.tier == int(tier), c.bucket >= since, c.bucket < until)
            .group_by(c.event_type_id, c.source_id, self._form.number)
            .having(func.count() >= parts)
        )
        return sorted((type_id, source_id, number) for type_id, source_id, number in connection.execute(keys))


def of_key(table: Table, number: ColumnElement[int], key: Key, until: int | None = None) -> ColumnElement[bool]:
    """Return the condition for the rows of a bucket in a table; with `until` for all buckets from there up to it."""
    c = table.c
    bucket = c.bucket == key.bucket if until is None else and_(c.bucket >= key.bucket, c.bucket < until)
    mine = (c.tier == int(key.tier), c.event_type_id == key.event_type_id, c.source_id == key.source_id)
    return and_(*mine, number == key.number, bucket)
