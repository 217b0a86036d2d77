"""Declared values of raw rows at the edges of a range: few rows, whose payloads are read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from sqlalchemy import Connection, select

from picoevent.fold.payloads import PayloadReader
from picoevent.ids import id_unix_ms
from picoevent.report.counting import Selection, in_span
from picoevent.report.dimensions import Chosen, value_numbers
from picoevent.report.frame import Desk
from picoevent.report.planner import Source
from picoevent.report.sets import number_users
from picoevent.rollup.cells import NONE, OTHER
from picoevent.rollup.values import join_pair, pair_value_text, value_text
from picoevent.store.declarations import Dimension
from picoevent.store.tables import event_log


@dataclass(frozen=True, slots=True)
class RawEvent:
    """One raw row: its type, where its span begins, its time, the dense number of its user, and JSON by path."""

    type_id: int
    second: int
    unix_ms: int
    user: int | None
    values: dict[str, bytes]

    def text_of(self, dimension: Dimension) -> str | None:
        """Return the value of a dimension, None for no value."""
        if dimension.second_path:
            return pair_value_text(join_pair(self.values[dimension.path], self.values[dimension.second_path]))
        return value_text(self.values[dimension.path])


def read_raw(desk: Desk, source: Source, selection: Selection, paths: Sequence[str]) -> Iterator[RawEvent]:
    """Yield the raw rows of a source, with what their payloads hold at these paths."""
    if not source.raw:
        return
    reader = PayloadReader(paths)
    columns = (event_log.c.event_id, event_log.c.event_type_id, event_log.c.user_id)
    for span in source.raw:
        rows = desk.connection.execute(select(*columns).where(*in_span(span), *selection.raw_conditions())).all()
        numbers = number_users(desk, {row.user_id for row in rows if row.user_id is not None})
        payloads = reader.read(desk.connection, [row.event_id for row in rows]) if rows else []
        by_path = {path: reader.column(path, payloads) for path in reader.paths}
        for place, (event_id, type_id, user_id) in enumerate(rows):
            values = {path: column[place] for path, column in by_path.items()}
            user = None if user_id is None else numbers[user_id]
            yield RawEvent(type_id, span.since_ms // 1000, id_unix_ms(event_id), user, values)


@dataclass(slots=True)
class ValueNumbers:
    """The numbers of values that raw rows hold; one that was not counted yet gets a number for one question alone."""

    connection: Connection
    chosen: Chosen
    known: dict[str, int] = field(default_factory=dict)

    def learn(self, texts: set[str]) -> None:
        """Ask for the numbers of these values, at once."""
        number = self.chosen.dimension.dimension_id
        self.known |= value_numbers(self.connection, number, texts) if texts else {}
        new = self.chosen.not_yet_counted
        self.known |= {text: number for number, text in new.items()}
        for text in sorted(texts - self.known.keys()):
            self.known[text] = OTHER - 1 - len(new)
            new[self.known[text]] = text

    def of(self, text: str | None) -> int:
        """Return the number of a value that was learnt."""
        return NONE if text is None else self.known[text]


def number_values(connection: Connection, chosen: Chosen, events: Sequence[RawEvent]) -> list[int]:
    """Return the number of each event's value of a dimension."""
    texts = [event.text_of(chosen.dimension) for event in events]
    numbers = ValueNumbers(connection, chosen)
    numbers.learn({text for text in texts if text is not None})
    return [numbers.of(text) for text in texts]
