"""Rows of the rollups, many at once: whole numbers, and the packed parts behind them; what they mean, the reader knows.

MySQL packs all of them into one row: its driver, in Python, takes 10 us for a row, whatever is in it. SQLite's driver
needs no such help.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import ColumnElement, Connection, LargeBinary, Table, func, literal, select, type_coerce

Numbers = tuple[int, ...]
Part = tuple[Any, ...]
"""The whole numbers that were asked for, and the bytes of the part."""

BY_KEY = "FORCE INDEX (PRIMARY)"
"""All questions are ranges of the primary key; the optimizer may take the index for what is closed and dropped."""
_DIGITS, _BYTES = 16, 8
"""A number in hexadecimal digits, and in bytes."""


def fetch_numbers(
    connection: Connection, table: Table, numbers: tuple[str, ...], conditions: Sequence[ColumnElement[bool]]
) -> list[Numbers]:
    """Return columns of whole numbers from 0 on, of the rows that meet the conditions, in no order."""
    if connection.dialect.name != "sqlite":
        count, packed = connection.execute(_numbers_in_one_row(table, numbers).where(*conditions)).one()
        if len(packed or b"") == count * len(numbers) * _BYTES:
            return list(struct.iter_unpack(f">{len(numbers)}Q", packed or b""))
        # The server cut off what was too long for one row.
    rows = select(*_columns(table, numbers)).with_hint(table, BY_KEY, "mysql").where(*conditions)
    return [tuple(row) for row in connection.execute(rows)]


def fetch_parts(
    connection: Connection, table: Table, numbers: tuple[str, ...], conditions: Sequence[ColumnElement[bool]]
) -> list[Part]:
    """Return these columns of whole numbers, and `packed` as the last one, of the rows that meet the conditions."""
    if connection.dialect.name != "sqlite":
        count, packed = connection.execute(_parts_in_one_row(table, numbers).where(*conditions)).one()
        found = _unpack(packed or b"", len(numbers))
        if len(found) == count:
            return found
    rows = select(*_columns(table, numbers), table.c.packed).with_hint(table, BY_KEY, "mysql").where(*conditions)
    return [tuple(row) for row in connection.execute(rows)]


def _columns(table: Table, numbers: tuple[str, ...]) -> list[ColumnElement[int]]:
    return [table.c[name] for name in numbers]


# Making a statement takes as long as to send it.
@lru_cache(maxsize=100)
def _numbers_in_one_row(table: Table, numbers: tuple[str, ...]) -> Any:  # noqa: ANN401  # a statement of SQLAlchemy
    return _in_one_row(table, _heads(_columns(table, numbers)))


@lru_cache(maxsize=100)
def _parts_in_one_row(table: Table, numbers: tuple[str, ...]) -> Any:  # noqa: ANN401  # as above
    columns = _columns(table, numbers)
    return _in_one_row(table, [*_heads([*columns, func.length(table.c.packed)]), table.c.packed])


def _heads(numbers: Sequence[ColumnElement[int]]) -> list[ColumnElement[Any]]:
    return [func.unhex(func.lpad(func.hex(number), _DIGITS, "0")) for number in numbers]


def _in_one_row(table: Table, pieces: Sequence[ColumnElement[Any]]) -> Any:  # noqa: ANN401  # a statement of SQLAlchemy
    """Return the number of rows, and the pieces of all rows behind each other."""
    rows = func.group_concat(func.concat(*pieces).op("SEPARATOR")(literal("", literal_execute=True)))
    return select(func.count(), type_coerce(rows, LargeBinary)).select_from(table).with_hint(table, BY_KEY, "mysql")


def _unpack(packed: bytes, numbers: int) -> list[Part]:
    """Return the parts of one row; fewer than were packed where it was cut off."""
    head = struct.Struct(f">{numbers + 1}Q")
    found: list[Part] = []
    place, end = 0, len(packed)
    while place + head.size <= end:
        *keys, size = head.unpack_from(packed, place)
        place += head.size
        if place + size > end:
            break
        found.append((*keys, packed[place : place + size]))
        place += size
    return found
