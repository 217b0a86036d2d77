"""Many events at once, oldest first, in batches: which rows, and what of them; no question is answered here.

MySQL packs a batch into one text, which msgspec reads: its driver, in Python, takes three times as long for the rows
themselves (measured: 245,000 rows of one type in 0.27 s instead of 0.51, all 760,000 of a week in 0.4). SQLite's driver
needs no such help.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Connection, Executable, Select, and_, func, literal, select

from picoevent.errors import StoreCorrupt
from picoevent.ids import MAX_EVENT_ID, MILLISECOND_SHIFT, first_id_of_second
from picoevent.store.limits import TimeLimit
from picoevent.store.rollup_tables import event_dimension
from picoevent.store.tables import event_data, event_log

Row = tuple[Any, ...]
Batch = list[Row]
Decode = Callable[[str], list[Any]]

BATCH_ROWS = 100_000
"""Narrow rows in one batch: some 4 MB of text."""
BATCH_PAYLOADS = 10_000
BATCH_BYTES = 4_000_000
"""About how many bytes of payload one batch holds."""

_decode_narrow = msgspec.json.Decoder(list[tuple[int | None, ...]]).decode
EVENT_ID = event_log.c.event_id


@dataclass(frozen=True, slots=True)
class Walk:
    """Which rows: Unix milliseconds (`until_ms` does not count), and what each of them has to be.

    One user, or else one event type, is walked along its own index, all others along the primary key; a `frequent`
    type, too. `users_only` leaves out events without a user. `value`, the numbers of a searchable dimension and of one
    of its values, is walked along the index of values.
    """

    since_ms: int
    until_ms: int
    event_type_ids: tuple[int, ...] | None = None
    source_ids: tuple[int, ...] | None = None
    users_only: bool = False
    user_number: int | None = None
    value: tuple[int, int] | None = None
    frequent: bool = False

    def conditions(self) -> list[ColumnElement[bool]]:
        """Return what the rows must be, as SQL."""
        kept = [*_from(self.key, self.since_ms), *_before(self.key, self.until_ms)]
        types, sources = self.event_type_ids, self.source_ids
        if types is not None:
            column = event_log.c.event_type_id
            kept.append(column == types[0] if len(types) == 1 else column.in_(types))
        if sources is not None:
            kept.append(event_log.c.source_id.in_(sources))
        if self.user_number is not None:
            kept.append(event_log.c.user_id == self.user_number)
        elif self.users_only:
            kept.append(event_log.c.user_id.is_not(None))
        if self.value is not None:
            dimension_id, value_id = self.value
            kept += [
                event_dimension.c.event_id == EVENT_ID,
                event_dimension.c.dimension_id == dimension_id,
                event_dimension.c.value_id == value_id,
            ]
        return kept

    @property
    def key(self) -> ColumnElement[int]:
        """The id that is walked along."""
        return EVENT_ID if self.value is None else event_dimension.c.event_id

    @property
    def index(self) -> str:
        """The index of `event_log` to walk along, or to look up in."""
        if self.user_number is not None:
            return "user_id"
        of_one_type = self.event_type_ids is not None and len(self.event_type_ids) == 1
        return "event_type_id" if of_one_type and not self.frequent else "PRIMARY"


def _millisecond(key: ColumnElement[int]) -> ColumnElement[int]:
    return key.op(">>")(MILLISECOND_SHIFT).op("&")(1023)


def _from(key: ColumnElement[int], since_ms: int) -> list[ColumnElement[bool]]:
    """Return what keeps rows of this millisecond and later ones; whole seconds are a range of the key alone."""
    second, millisecond = divmod(since_ms, 1000)
    kept: list[ColumnElement[bool]] = [first_id_of_second(second) <= key]
    if millisecond:
        kept.append((first_id_of_second(second + 1) <= key) | (millisecond <= _millisecond(key)))
    return kept


def _before(key: ColumnElement[int], until_ms: int) -> list[ColumnElement[bool]]:
    second, millisecond = divmod(until_ms, 1000)
    kept: list[ColumnElement[bool]] = [first_id_of_second(second + bool(millisecond)) > key]
    if millisecond:
        kept.append((first_id_of_second(second) > key) | (millisecond > _millisecond(key)))
    return kept


@dataclass(slots=True)
class RowReader:
    """Read batches within one transaction and one time limit, None for none."""

    connection: Connection
    limit: TimeLimit | None
    _packs: bool = field(init=False)

    def __post_init__(self) -> None:
        self._packs = self.connection.dialect.name != "sqlite"

    def narrow(self, walk: Walk, columns: Sequence[str]) -> Iterator[Batch]:
        """Yield rows of these columns of `event_log`, the first of which is `event_id`, in the order of the key."""
        after = 0
        while True:
            rows = self.narrow_batch(walk, columns, after, BATCH_ROWS)
            if rows:
                yield rows
            if len(rows) < BATCH_ROWS:
                return
            after = rows[-1][0]

    def narrow_batch(self, walk: Walk, columns: Sequence[str], after: int, limit: int) -> Batch:
        """Return the first rows behind an id, at most so many."""
        chosen = _walked(walk, [event_log.c[name] for name in columns], after, limit)
        if not self._packs:
            return self._plain(chosen)
        inner = chosen.subquery()
        packed = select(func.count(), _packed([inner.c[name] for name in columns]))
        found = _whole(self.execute(packed).one(), _decode_narrow)
        # The server packs in the order that it finds convenient.
        return self._plain(chosen) if found is None else sorted(found)

    def wide(self, walk: Walk, columns: Sequence[str], kind: type[Any]) -> Iterator[Batch]:
        """Yield rows as `narrow` does, with the payload as the last column, of a type that msgspec decodes."""
        after, batch_rows = 0, BATCH_PAYLOADS
        decode = msgspec.json.Decoder(list[tuple[(*[Any] * len(columns), kind)]]).decode  # type: ignore[misc]
        while after < MAX_EVENT_ID:
            ids = _walked(walk, [EVENT_ID], after, batch_rows).subquery()
            count, last = self.execute(select(func.count(), func.max(ids.c.event_id))).one()
            if not count:
                return
            rows, size = self._wide_batch(_Wide(walk, columns, after, last), decode)
            yield rows
            if count < batch_rows:
                return
            after = last
            batch_rows = max(1, min(BATCH_PAYLOADS, batch_rows * BATCH_BYTES // max(size, 1)))

    def _wide_batch(self, wide: _Wide, decode: Decode) -> tuple[Batch, int]:
        """Return the rows, and about how many bytes of payload they have."""
        if self._packs:
            row = self.execute(wide.packed()).one()
            found = _whole(row, decode)
            if found is not None:
                found.sort(key=_first)
                return found, len(row[1] or "")
        rows = self._plain(wide.plain())
        return [_decoded(row, decode) for row in rows], sum(len(row[-1]) for row in rows)

    def _plain(self, chosen: Select[Any]) -> Batch:
        return [tuple(row) for row in self.execute(chosen)]

    def execute(self, chosen: Executable) -> Any:  # noqa: ANN401  # SQLAlchemy's result
        """Run another statement of the same question, within its time."""
        if self.limit is not None:
            self.limit.begin_statement()
        return self.connection.execute(chosen)


def _first(row: Row) -> int:
    return int(row[0])


def _walked(walk: Walk, columns: Sequence[ColumnElement[Any]], after: int, limit: int) -> Select[Any]:
    chosen = select(*columns).where(after < walk.key, *walk.conditions()).order_by(walk.key).limit(limit)
    if walk.value is None:
        return chosen.with_hint(event_log, f"FORCE INDEX ({walk.index})", "mysql")
    return chosen.select_from(event_dimension, event_log).prefix_with("STRAIGHT_JOIN", dialect="mysql")


def _packed(columns: Sequence[ColumnElement[Any]]) -> ColumnElement[str]:
    """Return all rows as one text of JSON lists with commas between them; a missing user is null."""
    parts: list[ColumnElement[Any]] = []
    for column in columns:
        parts += [literal("," if parts else "["), func.coalesce(column, literal("null"))]
    return func.group_concat(*parts, literal("]"))


def _whole(row: Any, decode: Decode) -> Batch | None:  # noqa: ANN401  # SQLAlchemy's row
    """Return the rows that were packed; None where the server cut the text off, or where a payload can't be read."""
    count, text = row
    try:
        rows: Batch = decode(f"[{text or ''}]")
    except msgspec.DecodeError:
        return None
    return rows if len(rows) == count else None


def _decoded(row: Row, decode: Decode) -> Row:
    """Return a row with its payload decoded; raise `StoreCorrupt` naming the event."""
    *columns, payload = row
    try:
        packed = f"[[{','.join(['null' if value is None else str(value) for value in columns])},{payload}]]"
        found: Row = decode(packed)[0]
        return found
    except msgspec.DecodeError as error:
        message = f"The payload of event {row[0]} can't be read ({error})."
        raise StoreCorrupt(message, hint="Something else wrote it: compare event_data with a backup.") from error


@dataclass(frozen=True, slots=True)
class _Wide:
    """The rows of a walk behind one id, up to and with another, with their payloads; {} where there is none."""

    walk: Walk
    columns: Sequence[str]
    after: int
    last: int

    def plain(self) -> Select[Any]:
        """Return them as rows."""
        chosen = self._select(*self._columns()).order_by(EVENT_ID)
        return chosen.with_hint(event_log, f"FORCE INDEX ({self.walk.index})", "mysql")

    def packed(self) -> Select[Any]:
        """Return their number, and all of them as one text."""
        chosen = self._select(func.count(), _packed(self._columns()))
        return chosen.with_hint(event_log, f"FORCE INDEX ({self.walk.index})", "mysql")

    def _columns(self) -> list[ColumnElement[Any]]:
        payload = func.coalesce(event_data.c.event_data, literal("{}"))
        return [*[event_log.c[name] for name in self.columns], payload]

    def _select(self, *chosen: ColumnElement[Any]) -> Select[Any]:
        joined = event_log.outerjoin(event_data, event_data.c.event_id == event_log.c.event_id)
        within = and_(self.after < EVENT_ID, self.last >= EVENT_ID, *self.walk.conditions())
        return select(*chosen).select_from(joined).where(within)
