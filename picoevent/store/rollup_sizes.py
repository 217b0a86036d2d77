"""How much the rollups take: rows and bytes of each of their tables; not what is in them."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, bindparam, text

from picoevent.store.rollup_tables import (
    dimension_value,
    event_dimension,
    rollup,
    rollup_dimension,
    rollup_measure,
    rollup_session,
    rollup_users,
    rollup_value_users,
    user_number,
)

TABLES = (
    rollup,
    rollup_users,
    rollup_dimension,
    rollup_value_users,
    rollup_measure,
    rollup_session,
    user_number,
    dimension_value,
    event_dimension,
)
_MYSQL = text(
    "SELECT TABLE_NAME, TABLE_ROWS, DATA_LENGTH + INDEX_LENGTH FROM information_schema.TABLES "
    "WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME IN :names"
).bindparams(bindparam("names", expanding=True))
# What stands in the rows, and not what the file takes: not every SQLite can tell that.
_PACKED = "SELECT COUNT(*), COALESCE(SUM(LENGTH(packed)), 0) FROM {table}"
_PLAIN = "SELECT COUNT(*), COUNT(*) * {width} FROM {table}"
NUMBER_BYTES = 8


@dataclass(frozen=True, slots=True)
class TableSize:
    """Rows and bytes of a table; of MySQL's both are estimates of the server, of SQLite's the bytes are."""

    table: str
    rows: int
    bytes: int


def read_sizes(connection: Connection) -> list[TableSize]:
    """Return how much each table of the rollups takes."""
    if connection.dialect.name == "sqlite":
        return [_of_sqlite(connection, table.name, table.c.keys()) for table in TABLES]
    rows = connection.execute(_MYSQL, {"names": [table.name for table in TABLES]})
    found = {name: TableSize(name, int(count or 0), int(size or 0)) for name, count, size in rows}
    return [found[table.name] for table in TABLES]


def _of_sqlite(connection: Connection, table: str, columns: list[str]) -> TableSize:
    statement = _PACKED if "packed" in columns else _PLAIN
    rows, size = connection.exec_driver_sql(statement.format(table=table, width=len(columns) * NUMBER_BYTES)).one()
    return TableSize(table, rows, size + ("packed" in columns) * rows * len(columns) * NUMBER_BYTES)
