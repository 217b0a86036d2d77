"""The index of values put right within turns: rows that it lacks are added, and those that no event has are deleted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from sqlalchemy import Connection, delete

from picoevent.fold.index_evidence import IndexRow, count_rows, find_rows, next_rows, reasoned_rows, searchable
from picoevent.fold.turns import Turn
from picoevent.store.declarations import read_declarations
from picoevent.store.rollup_tables import event_dimension
from picoevent.store.rows import insert_rows


class IndexMender:
    """Adds what is missing; counts, by dimension, what must be there. `keep` and `drop` as with rounds."""

    def __init__(self) -> None:
        self._rows: Counter[int] = Counter()
        self._new: Counter[int] = Counter()

    def begin(self) -> None:
        """Begin to count a span."""
        self._rows.clear()

    def write(self, connection: Connection, rows: Sequence[IndexRow]) -> None:
        """Add those of these rows that are missing."""
        found = find_rows(connection, rows)
        insert_rows(connection, event_dimension, [row for row in rows if row not in found])
        self._new.update(dimension_id for dimension_id, _, _ in rows)

    def keep(self) -> None:
        """Count what was written: it is committed."""
        self._rows += self._new
        self._new.clear()

    def drop(self) -> None:
        """Forget what was written: it was rolled back."""
        self._new.clear()

    def has_too_many(self, connection: Connection, since: int, until: int) -> bool:
        """Say whether the index has more rows of the span than were counted; events that came meanwhile are some."""
        numbers = searchable(read_declarations(connection))
        return any(count_rows(connection, number, since, until) > self._rows[number] for number in numbers)


def drop_strange(turn: Turn, span: tuple[int, int], after: IndexRow | None) -> IndexRow | None:
    """Delete what no event is the reason for among the next rows of a span; return the last one, None at the end."""
    rows = next_rows(turn.connection, *span, after)
    # Read in this turn: whoever fills in moves what is declared back, and adds rows.
    declarations = read_declarations(turn.connection)
    c = event_dimension.c
    for row in set(rows) - reasoned_rows(turn.connection, declarations, rows):
        mine = [column == value for column, value in zip(c, row, strict=True)]
        turn.connection.execute(delete(event_dimension).where(*mine))
    return rows[-1] if rows else None
