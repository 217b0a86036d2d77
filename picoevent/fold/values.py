"""The dictionary of values: a number for each value of a dimension, given once and for ever by whoever folds."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from itertools import islice

from sqlalchemy import Connection, select, update

from picoevent.rollup.values import NO_VALUE, pair_value_text, value_text
from picoevent.store.declarations import Dimension
from picoevent.store.rollup_tables import dimension, dimension_value
from picoevent.store.rows import insert_rows

REMEMBERED = 500_000
"""How many values are kept in memory, of all dimensions together; beyond that all are forgotten, and asked for."""
VALUES_PER_QUERY = 1000


class ValueNumbers:
    """Give and remember numbers. `keep` after the commit, `drop` after a rollback: what was given then never was."""

    def __init__(self) -> None:
        self._known: defaultdict[int, dict[bytes, int]] = defaultdict(lambda: dict.fromkeys(NO_VALUE, 0))
        self._learned: defaultdict[int, dict[bytes, int]] = defaultdict(dict)

    def number_all(self, connection: Connection, of: Dimension, jsons: Sequence[bytes]) -> list[int]:
        """Return the number of each value, given as a piece of JSON; 0 is "no value"."""
        known = self._known[of.dimension_id]
        numbers = list(map(known.get, jsons))
        if None not in numbers:
            return numbers  # type: ignore[return-value]  # there is no None in it
        missing = {json for json, number in zip(jsons, numbers, strict=True) if number is None}
        learned = self._learned[of.dimension_id]
        learned.update(number_values(connection, of, missing - learned.keys()))
        return [learned[json] if number is None else number for json, number in zip(jsons, numbers, strict=True)]

    def keep(self) -> None:
        """Remember what was learned: it is committed."""
        if sum(map(len, self._known.values())) + sum(map(len, self._learned.values())) > REMEMBERED:
            self._known.clear()
        for dimension_id, numbers in self._learned.items():
            self._known[dimension_id] |= numbers
        self._learned.clear()

    def drop(self) -> None:
        """Forget what was learned: some of it was rolled back."""
        self._learned.clear()


def number_values(connection: Connection, of: Dimension, jsons: Collection[bytes]) -> dict[bytes, int]:
    """Return the number of each value, which is stored where it is new; call it only with the lock of the fold."""
    read = pair_value_text if of.second_path else value_text
    texts = {json: read(json) for json in jsons}
    wanted = {text for text in texts.values() if text is not None}
    numbers = find_values(connection, of.dimension_id, wanted)
    new = sorted(wanted - numbers.keys())
    if new:
        numbers |= _give(connection, of.dimension_id, new)
    return {json: 0 if text is None else numbers[text] for json, text in texts.items()}


def find_values(connection: Connection, dimension_id: int, texts: Collection[str]) -> dict[str, int]:
    """Return the numbers of those of these values of a dimension that have one."""
    value = dimension_value.c
    numbers: dict[str, int] = {}
    for chunk in _chunks(texts):
        rows = select(value.value, value.value_id).where(value.dimension_id == dimension_id, value.value.in_(chunk))
        numbers.update((text, number) for text, number in connection.execute(rows))
    return numbers


def _give(connection: Connection, dimension_id: int, texts: Sequence[str]) -> dict[str, int]:
    mine = dimension.c.dimension_id == dimension_id
    first = int(connection.execute(select(dimension.c.next_value_id).where(mine)).scalar_one())
    given = dict(zip(texts, range(first, first + len(texts)), strict=True))
    insert_rows(connection, dimension_value, [(dimension_id, number, text) for text, number in given.items()])
    connection.execute(update(dimension).where(mine).values(next_value_id=first + len(texts)))
    return given


def _chunks(texts: Collection[str]) -> Iterator[list[str]]:
    remaining = iter(sorted(texts))
    while chunk := list(islice(remaining, VALUES_PER_QUERY)):
        yield chunk
