"""The questions of `reports` as somebody asks them who has no rollups: one SQL for raw rows, and for DuckDB.

Each returns rows of whole numbers and names that the library's answer is compared with.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pymysql.cursors import Cursor

from picoevent.ids import EPOCH_UNIX, MILLISECOND_SHIFT, SECOND_SHIFT, first_id_of_second

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

Rows = list[tuple[Any, ...]]

BY_HOUR = "SELECT {hour}, COUNT(*) FROM {narrow} WHERE {range} GROUP BY 1"
BY_DAY = "SELECT {day}, COUNT(*) FROM {narrow} WHERE {range} GROUP BY 1"
USERS_BY_DAY = "SELECT {day}, COUNT(DISTINCT user_id) FROM {narrow} WHERE {range} AND user_id IS NOT NULL GROUP BY 1"
BY_DAY_AND_TYPE = "SELECT {day}, event_type_id, COUNT(*) FROM {narrow} WHERE {range} GROUP BY 1, 2"
USERS_BY_DAY_AND_TYPE = (
    "SELECT {day}, event_type_id, COUNT(DISTINCT user_id) FROM {narrow}"
    " WHERE {range} AND user_id IS NOT NULL GROUP BY 1, 2"
)
BY_TYPE_WITH_USERS = "SELECT event_type_id, COUNT(*), COUNT(DISTINCT user_id) FROM {narrow} WHERE {range} GROUP BY 1"
USERS = "SELECT COUNT(DISTINCT user_id) FROM {narrow} WHERE {range}"
BY_HOUR_OF_WEEK = "SELECT {hour} DIV 3600 % 168, COUNT(*) FROM {narrow} WHERE {range} GROUP BY 1"
TOP_VALUES = (
    "SELECT {value}, COUNT(*), COUNT(DISTINCT user_id) FROM {wide} WHERE event_type_id = 1 AND {range}"
    " GROUP BY 1 ORDER BY 2 DESC LIMIT {limit}"
)


@dataclass(frozen=True, slots=True)
class Span:
    """A range in Unix milliseconds; `until_ms` does not count."""

    since_ms: int
    until_ms: int


@dataclass(frozen=True)
class RawRows:
    """PicoEvent's own raw rows, on the server where the rollups lie too."""

    cursor: Cursor

    def ask(self, template: str, span: Span, **more: object) -> Rows:
        """Return the rows of a question."""
        second = f"((event_id >> {SECOND_SHIFT}) + {EPOCH_UNIX})"
        first, behind = (first_id_of_second(second) for second in (span.since_ms // 1000, -(-span.until_ms // 1000)))
        conditions = f"event_id >= {first} AND event_id < {behind}"
        if span.since_ms % 1000 or span.until_ms % 1000:
            moment = f"({second} * 1000 + (event_id >> {MILLISECOND_SHIFT} & 1023))"
            conditions += f" AND {moment} >= {span.since_ms} AND {moment} < {span.until_ms}"
        more = {name: f"JSON_VALUE(event_data, '$.{path}')" if name == "value" else path for name, path in more.items()}
        self.cursor.execute(
            template.format(
                hour=f"{second} DIV 3600 * 3600",
                day=f"{second} DIV 86400 * 86400",
                narrow="event_log",
                wide="event_log JOIN event_data USING (event_id)",
                range=conditions,
                **more,
            )
        )
        return list(self.cursor.fetchall())


@dataclass(frozen=True)
class Parquet:
    """A Parquet file of the same rows, the dimensions as columns, sorted by time, asked through DuckDB."""

    duck: DuckDBPyConnection
    file: Path

    def ask(self, template: str, span: Span, **more: object) -> Rows:
        """Return the rows of a question."""
        table = f"read_parquet('{self.file}')"
        statement = template.replace(" DIV ", " // ").format(
            hour="(epoch_ms(created) // 3600000 * 3600)",
            day="(epoch_ms(created) // 86400000 * 86400)",
            narrow=table,
            wide=table,
            range=f"created >= epoch_ms({span.since_ms}) AND created < epoch_ms({span.until_ms})",
            **more,
        )
        return self.duck.execute(statement).fetchall()
