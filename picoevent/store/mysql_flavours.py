"""What differs between MySQL and MariaDB, as one table; nothing of it stands anywhere else."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection


@dataclass(frozen=True)
class Flavour:
    """The words of one of the two servers."""

    name: str
    exact_collation: str
    """Compares bytes, trailing spaces included."""
    nowait: str
    """Makes LOCK TABLES fail at once; MySQL has no such word, and waits for a second."""
    limit_reads: str
    """Ends a statement of the session after so many seconds."""
    position: str
    """What the server has committed, by its GTIDs."""
    wait_for: str
    """Waits until a replica has that, `:seconds` at most; the answer is 0 where it has."""

    def limited_to(self, seconds: float) -> str:
        """Return the statement that limits each reading statement behind it to so many seconds."""
        return self.limit_reads.format(seconds=seconds, milliseconds=max(1, int(seconds * 1000)))


MARIADB = Flavour(
    "MariaDB",
    "utf8mb4_nopad_bin",
    "NOWAIT",
    "SET SESSION max_statement_time = {seconds}",
    "@@GLOBAL.gtid_binlog_pos",
    "MASTER_GTID_WAIT(:position, :seconds)",
)
MYSQL = Flavour(
    "MySQL",
    "utf8mb4_0900_bin",
    "",
    "SET SESSION max_execution_time = {milliseconds}",
    "@@GLOBAL.gtid_executed",
    "WAIT_FOR_EXECUTED_GTID_SET(:position, :seconds)",
)


def flavour_of(connection: Connection) -> Flavour:
    """Return the words of the server behind a connection."""
    return MARIADB if getattr(connection.dialect, "is_mariadb", False) else MYSQL
