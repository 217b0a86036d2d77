"""Parts of sets, dimensions and measures: written by rounds, put together when their bucket is closed or crowded.

What lies in a part, and in which tables, its `Form` knows.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Generic, NamedTuple, Protocol, Self, TypeVar

from sqlalchemy import Column, ColumnElement, Connection, Table, and_, delete, func, select

from picoevent.fold.counts import ANY
from picoevent.fold.crowds import Crowds
from picoevent.fold.turns import Turn
from picoevent.rollup.tiers import Tier

Content = TypeVar("Content")

MERGING_SECONDS, CLOSING_SECONDS = 0.1, 0.1
"""About how long one turn puts parts together, or prepares a bucket that is to be closed."""
KEYS_AT_ONCE = 50
FEW_CHANGES = 100
"""A bucket is closed when no more of its keys than these have changed since they were prepared."""


class Key(NamedTuple):
    """What the parts of one bucket count: a tier, an event type, a source, a dimension or measure, and the bucket."""

    tier: Tier
    event_type_id: int
    source_id: int
    number: int
    bucket: int


Name = tuple[int, int, int]
"""The event type, source and dimension or measure of a key."""


@dataclass(frozen=True, slots=True)
class Span:
    """A bucket of a tier that is to be closed: what finer ones hold from `bucket` up to `until`."""

    finer: Tier
    tier: Tier
    bucket: int
    until: int


@dataclass(slots=True)
class Ahead:
    """How far a span was prepared: in which turn the last look at its names was, and what is left of them.

    `again` says that some may have been written before, `ready` that enough is written.
    """

    span: Span
    part: int
    names: list[Name]
    again: bool = False
    ready: bool = False


@dataclass(slots=True)
class Crowd:
    """A bucket whose parts are being put together, and what is left of that."""

    tier: Tier
    bucket: int
    names: list[Name]


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

    def clear(self, connection: Connection, tier: Tier, bucket: int) -> None:
        """Delete all parts of all buckets of a tier that begin at a moment."""


class OneTable:
    """What is the same in each `Form` that has one table: its rows are deleted by their key."""

    table: Table
    number: Column[int]

    def delete(self, connection: Connection, key: Key) -> None:
        """See `Form.delete`."""
        connection.execute(delete(self.table).where(of_key(self.table, self.number, key)))

    def clear(self, connection: Connection, tier: Tier, bucket: int) -> None:
        """See `Form.clear`."""
        c = self.table.c
        connection.execute(delete(self.table).where(c.tier == int(tier), c.bucket == bucket))


class Bundles(Generic[Content]):
    """Close and put together the parts of one form."""

    def __init__(self, form: Form[Content], *, clock: Callable[[], float] = time.monotonic) -> None:
        self._form = form
        self._crowds = Crowds()
        self._ahead: Ahead | None = None
        self._crowd: Crowd | None = None
        self._clock = clock

    def noticed(self, keys: Iterable[Key], now: int) -> None:
        """Take note that each of these buckets got a part at a Unix second."""
        self._crowds.notice({(key.tier, key.bucket) for key in keys}, now)

    def prepare(self, turn: Turn, span: Span) -> bool:
        """Write some of what `close` has to, for a moment; return whether all that was there is written."""
        if self._ahead is None or self._ahead.span != span:
            # Another leader may have got half-way.
            self._form.clear(turn.connection, span.tier, span.bucket)
            self._ahead = Ahead(span, turn.part, self._names(turn.connection, span))
        return self._go_on(turn, self._ahead)

    def _go_on(self, turn: Turn, ahead: Ahead) -> bool:
        give_up = self._clock() + CLOSING_SECONDS
        while not ahead.ready:
            while ahead.names:
                self._write(turn, ahead.span, ahead.names, give_up, again=ahead.again)
                if self._clock() >= give_up:
                    return False
            changed = self._names(turn.connection, ahead.span, since_part=ahead.part)
            if ahead.part == turn.part or len(changed) <= FEW_CHANGES:
                ahead.ready = True
            else:
                self._ahead = ahead = Ahead(ahead.span, turn.part, changed, again=True)
        return True

    def close(self, turn: Turn, span: Span) -> None:
        """Write the sum of finer buckets as one bucket: what was not prepared, and what has changed since then."""
        ahead, self._ahead = self._ahead, None
        if ahead is None or ahead.span != span:
            ahead = Ahead(span, 0, [])
        changed = self._names(turn.connection, span, since_part=ahead.part)
        names = list(dict.fromkeys((*ahead.names, *changed)))
        while names:
            self._write(turn, span, names, math.inf, again=True)

    def drop(self) -> None:
        """Forget what was prepared: some of it was rolled back."""
        self._ahead = self._crowd = None

    def _write(self, turn: Turn, span: Span, names: list[Name], give_up: float, *, again: bool) -> None:
        """Write some of these buckets, at least one, and take them off the list."""
        contents: dict[Key, Content] = {}
        while names and len(contents) < KEYS_AT_ONCE:
            key = Key(span.tier, *names.pop(), span.bucket)
            contents[key] = self._form.gather(turn.connection, key._replace(tier=span.finer), span.until)
            if again:
                self._form.delete(turn.connection, key)
            if self._clock() >= give_up:
                break
        self._form.write(turn, contents)

    def merge_some(self, turn: Turn) -> bool:
        """Put together what is due, for a moment; return whether there may be more."""
        give_up = self._clock() + MERGING_SECONDS
        while self._clock() < give_up:
            if self._crowd is None or not self._crowd.names:
                due = self._crowds.next_due(turn.now)
                if due is None:
                    return False
                self._crowd = Crowd(*due, self._crowded(turn.connection, *due))
                continue
            crowd = self._crowd
            here = Span(crowd.tier, crowd.tier, crowd.bucket, crowd.bucket + 1)
            self._write(turn, here, crowd.names, give_up, again=True)
            turn.mark_changed()
        return True

    def _crowded(self, connection: Connection, tier: Tier, bucket: int) -> list[Name]:
        """Return what has more than one part in a bucket."""
        c = self._form.table.c
        names = (
            select(c.event_type_id, c.source_id, self._form.number)
            .with_hint(self._form.table, "FORCE INDEX (bucket)", "mysql")
            .where(c.tier == int(tier), c.bucket == bucket)
            .group_by(c.event_type_id, c.source_id, self._form.number)
            .having(func.count() > 1)
        )
        return sorted((type_id, source_id, number) for type_id, source_id, number in connection.execute(names))

    def _names(self, connection: Connection, span: Span, since_part: int = 0) -> list[Name]:
        """Return what has parts in a span; with `since_part` only what got some in that turn or later."""
        c = self._form.table.c
        names = (
            select(c.event_type_id, c.source_id, self._form.number)
            .with_hint(self._form.table, "FORCE INDEX (bucket)", "mysql")
            .where(c.tier == int(span.finer), c.bucket >= span.bucket, c.bucket < span.until, c.part >= since_part)
            .distinct()
        )
        found = {(type_id, source_id, number) for type_id, source_id, number in connection.execute(names)}
        if span.finer is Tier.MINUTE:
            found |= {(type_id, ANY, number) for type_id, _, number in found}
        return sorted(found)


class Sum(Protocol):
    """Content that knows how often it got what."""

    def take_away(self, other: Self) -> None:
        """Take out what was added once."""


Summed = TypeVar("Summed", bound=Sum)


class Sums(Bundles[Summed]):
    """Parts of a form that add up, and from which can be taken."""

    def take_away(self, turn: Turn, tier: Tier, bucket: int, taken: int) -> None:
        """Take what lies in one bucket out of another."""
        for name in self._names(turn.connection, Span(tier, tier, taken, taken + 1)):
            key = Key(tier, *name, bucket)
            content = self._form.gather(turn.connection, key, bucket + 1)
            content.take_away(self._form.gather(turn.connection, Key(tier, *name, taken), taken + 1))
            self._form.delete(turn.connection, key)
            self._form.write(turn, {key: content})


def of_key(table: Table, number: ColumnElement[int], key: Key, until: int | None = None) -> ColumnElement[bool]:
    """Return the condition for the rows of a bucket in a table; with `until` for all buckets from there up to it."""
    return and_(_of_all_sources(table, number, key, until), table.c.source_id == key.source_id)


def of_sum(table: Table, number: ColumnElement[int], key: Key, until: int | None = None) -> ColumnElement[bool]:
    """Do the same for the rows whose sum it is: minutes hold no values and measures for any source."""
    if key.tier is Tier.MINUTE and key.source_id == ANY:
        return _of_all_sources(table, number, key, until)
    return of_key(table, number, key, until)


def _of_all_sources(table: Table, number: ColumnElement[int], key: Key, until: int | None) -> ColumnElement[bool]:
    """Do the same for the rows of each source."""
    c = table.c
    bucket = c.bucket == key.bucket if until is None else and_(c.bucket >= key.bucket, c.bucket < until)
    return and_(c.tier == int(key.tier), c.event_type_id == key.event_type_id, number == key.number, bucket)
