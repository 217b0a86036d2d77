"""Many rows into one table: as an array where the server takes these, else by the driver's way.

For whoever folds: MariaDB copies the text of a statement into its binary log, beside the rows; of an array it copies
the question marks.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from functools import lru_cache

from pymysql import MySQLError
from sqlalchemy import Connection, LargeBinary, Table, Text
from sqlalchemy.exc import DBAPIError

from picoevent.errors import StoreUnavailable
from picoevent.store.mysql_arrays import BIGINT, BLOB, REFUSALS, TEXT, array_frames, length
from picoevent.store.mysql_pipeline import PipelineConnection, exchange, prepare

ROWS_AT_ONCE = 2000
LARGEST_BYTES = 4_000_000
"""How many bytes one command has at most, beside its largest row; the smallest usual packet is 16 MB."""

Row = Sequence[int | bytes | str]
_number = struct.Struct("<xQ").pack


def insert_rows(connection: Connection, table: Table, rows: Sequence[Row], *, behind: str = "") -> None:
    """Insert rows, each with a value for each column, in order; `behind` is what the statement ends with.

    Neither NULL nor negative numbers. Raises as any statement does.
    """
    if not rows:
        return
    driver = connection.connection.driver_connection
    if isinstance(driver, PipelineConnection) and driver.takes_arrays:
        _send(driver, table, rows, behind)
        return
    mark = "?" if connection.dialect.paramstyle == "qmark" else "%s"
    statement = _statement(table, mark, behind)
    for first in range(0, len(rows), ROWS_AT_ONCE):
        connection.exec_driver_sql(statement, [tuple(row) for row in rows[first : first + ROWS_AT_ONCE]])


def _send(driver: PipelineConnection, table: Table, rows: Sequence[Row], behind: str) -> None:
    statement = _statement(table, "?", behind).encode()
    try:
        prepare(driver, [statement])
        head = struct.pack("<I", driver.prepared[statement])
        packed = [b"".join(map(_packed, row)) for row in rows]
        exchange(driver, array_frames(head, _types(table), packed, LARGEST_BYTES + max(map(len, packed))))
    except StoreUnavailable:
        driver.takes_arrays = False
        raise
    except MySQLError as error:
        if error.args[:1] in REFUSALS:
            # Whoever tries again on this connection goes the driver's way.
            driver.takes_arrays = False
        raise DBAPIError(statement.decode(), None, error) from error


def _packed(value: int | bytes | str) -> bytes:
    if isinstance(value, int):
        return _number(value)
    content = value if isinstance(value, bytes) else value.encode()
    return b"\0" + length(len(content)) + content


@lru_cache(maxsize=100)
def _statement(table: Table, mark: str, behind: str) -> str:
    columns = ", ".join(column.name for column in table.columns)
    marks = ", ".join([mark] * len(table.columns))
    return f"INSERT INTO {table.name} ({columns}) VALUES ({marks}) {behind}".strip()  # noqa: S608  # names are ours


@lru_cache(maxsize=100)
def _types(table: Table) -> bytes:
    return b"".join(_type_of(column.type) for column in table.columns)


def _type_of(kind: object) -> bytes:
    if isinstance(kind, LargeBinary):
        return BLOB
    return TEXT if isinstance(kind, Text) else BIGINT
