"""What events hold of what their type declares, read anew: JSON, and numbers of values; gives none."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

from sqlalchemy import Connection, select

from picoevent.fold.payloads import PayloadReader
from picoevent.fold.values import find_values
from picoevent.rollup.cells import NONE, OTHER
from picoevent.rollup.values import join_pair, pair_value_text, value_text
from picoevent.store.declarations import Declaration, Dimension
from picoevent.store.rollup_tables import dimension_value

UNKNOWN = (1 << 32) - 2
"""Stands for values that have no number."""
_NAMELESS = {NONE: "(none)", OTHER: "(other)", UNKNOWN: "(without a number)"}

Jsons = Mapping[str, Sequence[bytes]]
"""What payloads hold, event by event, by path."""
Values = Mapping[int, Sequence[int]]
"""The number of the value that each event has, by dimension; 0 for none."""


class ValueReader:
    """Reads payloads; remembers the numbers of values."""

    def __init__(self) -> None:
        self._known: defaultdict[int, dict[str, int]] = defaultdict(dict)

    def read(self, connection: Connection, declaration: Declaration, event_ids: Sequence[int]) -> tuple[Jsons, Values]:
        """Return what events of one type hold at all paths that it declares, and the values of its dimensions."""
        paths = {path for one in declaration.dimensions for path in one.paths}
        reader = PayloadReader(paths | {one.path for one in declaration.measures})
        payloads = reader.read(connection, event_ids)
        jsons = {path: reader.column(path, payloads) for path in reader.paths}
        return jsons, {one.dimension_id: self._numbers(connection, one, jsons) for one in declaration.dimensions}

    def _numbers(self, connection: Connection, one: Dimension, jsons: Jsons) -> list[int]:
        if one.second_path:
            texts = [pair_value_text(join_pair(*both)) for both in zip(*map(jsons.__getitem__, one.paths), strict=True)]
        else:
            texts = list(map(value_text, jsons[one.path]))
        known = self._known[one.dimension_id]
        known |= find_values(connection, one.dimension_id, {text for text in texts if text is not None} - known.keys())
        return [NONE if text is None else known.get(text, UNKNOWN) for text in texts]


def value_text_of(connection: Connection, dimension_id: int, value_id: int) -> str:
    """Return the text of a value, in quotes; what stands for none, in brackets."""
    if value_id in _NAMELESS:
        return _NAMELESS[value_id]
    mine = (dimension_value.c.dimension_id == dimension_id) & (dimension_value.c.value_id == value_id)
    text = connection.execute(select(dimension_value.c.value).where(mine)).scalar()
    return f"(number {value_id})" if text is None else repr(text)
