"""The embedded store: one SQLite file in WAL mode, made at first use; for trying, tests and small single machines."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError

from picoevent.errors import PicoEventError, QueryTooCostly, StoreCorrupt, StoreNotReady, StoreUnavailable
from picoevent.settings import Settings
from picoevent.store.base import NARROW_IT, DuplicateKey, Purpose
from picoevent.store.sql import SqlStore

BUSY_SECONDS = {Purpose.READ: 10.0, Purpose.FOLD: 10.0, Purpose.ADMIN: 60.0}
"""How long a lock is waited for; the write path waits for the deadline."""
BEGIN_OPTION = "picoevent_begin"
POLL_SECONDS = 0.003
"""How long SQLite itself waits for a lock. Its own longer waits grow to 100 ms a try, and a process that writes without
a pause would leave the others a chance too seldom."""

DUPLICATES = (
    sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY,
    sqlite3.SQLITE_CONSTRAINT_UNIQUE,
    sqlite3.SQLITE_CONSTRAINT_ROWID,
)


def open_store(url: str, settings: Settings, purpose: Purpose) -> SqlStore:
    """Return the store of a `sqlite:///FILE` URL; the file is made at first use."""
    # The path as it stands: SQLAlchemy decodes %41 in it, or does not, as its release is.
    path = Path(url.removeprefix("sqlite:///"))
    wait = BUSY_SECONDS.get(purpose, settings.deadline_ms / 1000)
    engine = _open_engine(
        URL.create("sqlite", database=str(path)), wait, writes=purpose not in (Purpose.READ, Purpose.WATCH)
    )
    return SqlStore(engine, SqliteBackend(path), settings)


def _open_engine(url: URL, wait: float, *, writes: bool) -> Engine:
    # One writer at a time is SQLite's own rule: waiting for a connection is fairer than waiting for its lock.
    size = {"pool_size": 1, "max_overflow": 0} if writes else {"pool_size": 8}
    options = {"timeout": POLL_SECONDS, "isolation_level": None}
    engine = create_engine(url, connect_args=options, pool_timeout=wait, **size)
    # IMMEDIATE for a writer: a lock that is taken at the first INSERT can fail instead of waiting.
    begin = "BEGIN IMMEDIATE" if writes else "BEGIN"
    event.listen(engine, "connect", lambda connection, _record: _prepare(connection, wait, writes=writes))
    event.listen(engine, "begin", partial(_begin, begin=begin, wait=wait))
    return engine


def _begin(connection: Connection, begin: str, wait: float) -> None:
    _patiently(connection.exec_driver_sql, connection.get_execution_options().get(BEGIN_OPTION, begin), wait)


def _prepare(connection: Any, wait: float, *, writes: bool) -> None:  # noqa: ANN401  # the driver's own connection
    try:
        _patiently(connection.execute, "PRAGMA journal_mode=WAL", wait)
    except sqlite3.OperationalError as error:
        # A file that this user may only read is read in the mode that it has.
        if writes or error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_READONLY:
            raise
    # What log() has acknowledged is on the disk, not in the operating system's memory.
    connection.execute("PRAGMA synchronous=FULL")


def _patiently(execute: Callable[[str], object], statement: str, wait: float) -> None:
    """Run a statement that may find the file locked, again and again until it is not, or the time is over."""
    give_up = time.monotonic() + wait
    while True:
        try:
            execute(statement)
        except (DBAPIError, sqlite3.OperationalError) as error:
            if not _is_busy(error) or time.monotonic() >= give_up:
                raise
        else:
            return


def _is_busy(error: DBAPIError | sqlite3.OperationalError) -> bool:
    cause = error.orig if isinstance(error, DBAPIError) else error
    return getattr(cause, "sqlite_errorcode", 0) & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


class SqliteBackend:
    """Implements `picoevent.store.sql.Backend`."""

    dialect = "sqlite"
    initialises_itself = True
    closes_at_fork = True

    def __init__(self, path: Path) -> None:
        self._path = path
        self.label = f"The SQLite file {path}"

    def translate(self, error: DBAPIError) -> PicoEventError:
        """Return our kind of error for the driver's."""
        cause = error.orig
        code = getattr(cause, "sqlite_errorcode", 0)
        said = str(cause)
        if code in DUPLICATES:
            return DuplicateKey(said)
        if code & 0xFF == sqlite3.SQLITE_INTERRUPT:
            return QueryTooCostly(f"{self.label} was asked a question that took too long.", hint=NARROW_IT)
        if "no such table" in said or "no such column" in said:
            return StoreNotReady(f"{self.label} has no PicoEvent schema.", hint="Run: picoevent init")
        if code & 0xFF in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
            return StoreCorrupt(f"{self.label} is not a sound database ({said}).", hint="Restore it from a backup.")
        return StoreUnavailable(f"{self.label} can't be used ({said}).", hint=self._advice(code & 0xFF))

    def _advice(self, code: int) -> str:
        if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            return "Another process holds it; try again."
        if code == sqlite3.SQLITE_FULL:
            return "The disk is full: free some space."
        return f"Check that {self._path.parent} exists and that this user may write there."

    def wording(self, _connection: Connection, statement: str) -> str:
        """Return the statement as it is."""
        return statement

    @contextmanager
    def exclusive(self, connection: Connection) -> Iterator[None]:
        """Hold the file's lock by the transaction itself, to its end; also where a page is the first to come."""
        with connection.execution_options(**{BEGIN_OPTION: "BEGIN IMMEDIATE"}).begin():
            yield

    def ensure_partitions(self, _connection: Connection, _now: datetime, _width: str) -> list[str]:
        """SQLite has no partitions."""
        return []

    def describe(self, connection: Connection) -> dict[str, str]:
        """Return the version and the size of the file."""
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar() or 0
        page_bytes = connection.exec_driver_sql("PRAGMA page_size").scalar() or 0
        megabytes = pages * page_bytes / 1_000_000
        return {"Server": f"SQLite {sqlite3.sqlite_version}", "File": f"{self._path} ({megabytes:,.1f} MB)"}
