"""The store on MySQL 8.0+ and MariaDB 10.6+: connections, sessions, errors by kind, partitions.

What differs between the two servers stands in `mysql_flavours`, and nowhere else.
"""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from functools import partial
from typing import Any

from pymysql import MySQLError
from pymysql.connections import Connection as DriverConnection
from pymysql.constants import CLIENT
from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError
from sqlalchemy.pool import NullPool

from picoevent.errors import (
    PicoEventError,
    QueryTooCostly,
    SettingsError,
    StoreCorrupt,
    StoreNotReady,
    StoreUnavailable,
)
from picoevent.settings import FALSE_WORDS, TRUE_WORDS, Settings
from picoevent.store import partitions
from picoevent.store.base import NARROW_IT, DuplicateKey, Purpose, TransactionAborted
from picoevent.store.mysql_flavours import MARIADB, MYSQL, flavour_of
from picoevent.store.mysql_idle import ping_idle
from picoevent.store.mysql_pipeline import PipelineConnection
from picoevent.store.mysql_safety import weaknesses
from picoevent.store.mysql_store import MySQLStore
from picoevent.store.mysql_writing import READ_ONLY, WritingConnections
from picoevent.store.sql import SqlStore
from picoevent.urls import ENCODE_HINT, check_address, check_argument

logger = logging.getLogger("picoevent")

ANSWER_SECONDS = {Purpose.READ: 10.0, Purpose.FOLD: 60.0, Purpose.ADMIN: 3600.0, Purpose.WATCH: 2.0}
"""How long one answer is waited for."""
WRITING_SECONDS = 10.0
"""How long the writer's thread waits for one answer. No caller waits for that long, and a server that is slow, but
not away, gets its batches done."""

POOL_SIZE = 8
PACKED_BYTES = 16 << 20
"""How long a text may be that the server packs many rows into; `max_allowed_packet` may cut it off earlier."""
MAX_SAID = 300
"""How many characters of an error message of the server are passed on."""
FORM = "mysql+pymysql://USER:PASSWORD@HOST:PORT/DATABASE"
ARGUMENTS = ("charset", "unix_socket", "bind_address", "program_name")
TLS_FILES = ("ssl_ca", "ssl_cert", "ssl_key", "ssl_key_password")
TLS_SWITCHES = ("ssl_disabled", "ssl_verify_cert", "ssl_verify_identity")
VERIFIED: dict[str, object] = {"ssl_verify_cert": True, "ssl_verify_identity": True}
ELSEWHERE = {
    "local_infile": "Leave it out: no file of this machine is ever sent.",
    **dict.fromkeys(("user", "username"), f"Write {FORM}."),
    **dict.fromkeys(("password", "passwd"), "Set PICOEVENT_PASSWORD, or PICOEVENT_PASSWORD_FILE."),
    **dict.fromkeys(("connect_timeout", "read_timeout", "write_timeout"), "Set PICOEVENT_DEADLINE_MS."),
}
"""Arguments that a URL may not have, and what to do instead."""

INIT_LOCK_SECONDS = 60
PARTITION_TRIES = 50
ALTER_WAIT_SECONDS = 60
PARTITION_PAUSE_SECONDS = 0.1
SQL_MODE = "STRICT_ALL_TABLES,NO_ZERO_DATE,NO_ZERO_IN_DATE,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION"
WRITING_MODE = f"{SQL_MODE},NO_BACKSLASH_ESCAPES"


FROZEN_SESSION = "SET SESSION wait_timeout = 4, net_write_timeout = 4"
"""The server ends a session, and frees its locks, when its client has been silent for so many seconds."""

SMALL_LOG = "SET SESSION binlog_row_image = 'MINIMAL'"
"""A row that is deleted goes into the binary log by its key alone, not with all that it held."""

GONE = {2002, 2003, 2005, 2006, 2013, 2014, 2055, 0, 1053, 1077, 1152, 1158, 1159, 1160, 1161}
DENIED = {1044, 1045, 1142, 1143, 1227, 1370, 1698}
NO_SCHEMA = {1049, 1051, 1054, 1146}
TOO_SLOW = {1969, 3024}
"""A statement took longer than its session allows: MariaDB's number, and MySQL's."""
NOT_SOUND = {1034, 1194, 1195, 1264, 1364, 1366, 1406, 1712}


def open_store(url: str, settings: Settings, purpose: Purpose) -> SqlStore:
    """Return the store of a `mysql+pymysql://USER:PASSWORD@HOST:PORT/DATABASE` URL."""
    deadline = settings.deadline_ms / 1000
    return make_store(url, settings, purpose, answer_seconds=ANSWER_SECONDS.get(purpose, deadline))


def make_store(
    url: str, settings: Settings, purpose: Purpose, *, answer_seconds: float, client_flag: int = CLIENT.FOUND_ROWS
) -> SqlStore:
    """Return a store each of whose answers is waited for so long, and whose client says that it can do so much."""
    name = "url" if url == settings.url else "replica_url"
    parsed = _parse(name, url)
    if settings.password and not parsed.password:
        parsed = parsed.set(password=settings.password)
    backend = MySQLBackend(parsed)
    deadline = settings.deadline_ms / 1000
    patience = max(WRITING_SECONDS, answer_seconds) if purpose is Purpose.WRITE else answer_seconds
    options: dict[str, object] = {
        "connect_timeout": min(deadline, answer_seconds),
        "read_timeout": patience,
        "write_timeout": patience,
        "client_flag": client_flag,
        # As a text, the driver would encode it in Latin-1.
        "password": (parsed.password or "").encode(),
        **_tls(name, parsed, settings),
    }
    engine = _open_engine(parsed, options, answer_seconds, deadline, purpose)
    # The fold sends many rows at once.
    driver = PipelineConnection if purpose is Purpose.FOLD else None
    event.listen(engine, "do_connect", partial(_connect, backend.label, driver=driver))
    if purpose is not Purpose.WRITE:
        return SqlStore(engine, backend, settings)
    writing = create_engine(
        engine.url,
        connect_args=options,
        isolation_level="READ COMMITTED",
        poolclass=NullPool,
        pool_reset_on_return=None,
    )
    event.listen(writing, "do_connect", partial(_connect, backend.label, driver=PipelineConnection))
    return MySQLStore(
        engine, backend, settings, WritingConnections(writing, _session(deadline, WRITING_MODE), backend.translate)
    )


def _parse(name: str, url: str) -> URL:
    """Return the URL of a setting; raise `SettingsError` for whatever the driver would stumble over later."""
    try:
        parsed = make_url(url)
    except (ArgumentError, TypeError, ValueError):
        # Their words can hold a part of the password.
        raise SettingsError(f"The setting {name} can't be read.", hint=f"Write {FORM}. {ENCODE_HINT}") from None
    check_address(name, parsed.host or "localhost", parsed.port or 3306)
    if not parsed.database:
        raise SettingsError(f"The setting {name} names no database.", hint=f"Write {FORM}.")
    for argument, value in parsed.query.items():
        check_argument(name, argument, {*ARGUMENTS, *TLS_FILES, *TLS_SWITCHES}, ELSEWHERE)
        if not isinstance(value, str):
            raise SettingsError(f"The setting {name} has the argument {argument!r} twice.", hint="Leave one out.")
    return parsed


def _open_engine(
    url: URL, options: dict[str, object], answer_seconds: float, deadline: float, purpose: Purpose
) -> Engine:
    own_arguments = [argument for argument in url.query if argument in (*TLS_FILES, *TLS_SWITCHES)]
    engine = create_engine(
        url.difference_update_query(own_arguments).update_query_dict({"charset": "utf8mb4"}),
        connect_args=options,
        # What one report reads is of one moment.
        isolation_level="REPEATABLE READ" if purpose is Purpose.READ else "READ COMMITTED",
        pool_size=POOL_SIZE,
        pool_timeout=deadline,
        pool_recycle=1800,
    )

    def prepare(connection: Any, _record: object) -> None:  # noqa: ANN401  # the driver's own connection
        _prepare(connection, answer_seconds, limit_reads=purpose is Purpose.READ)
        if purpose is Purpose.FOLD:
            connection.query(FROZEN_SESSION)
            # It needs a right that few accounts have; without it the log is larger, and that is all.
            with suppress(MySQLError):
                connection.query(SMALL_LOG)

    event.listen(engine, "connect", prepare)
    event.listen(engine, "handle_error", _leave_former_primary)
    # The write path sends a batch again by its own rule; a page would show the error of a restarted server.
    if purpose in (Purpose.READ, Purpose.FOLD, Purpose.WATCH):
        ping_idle(engine)
    return engine


def _leave_former_primary(context: ExceptionContext) -> None:
    """Have the pool drop its connections to a server that is read-only since a failover."""
    if READ_ONLY.intersection(getattr(context.original_exception, "args", ())[:1]):
        context.is_disconnect = True


def _connect(
    label: str,
    dialect: Any,  # noqa: ANN401  # SQLAlchemy's own, as are the others
    _record: object,
    arguments: Any,  # noqa: ANN401
    options: Any,  # noqa: ANN401
    driver: type[DriverConnection[Any]] | None = None,
) -> object:
    """Connect; what the driver raises beside its own kinds of error is our own kind then."""
    connect = driver or dialect.connect
    try:
        return connect(*arguments, **options)
    except dialect.loaded_dbapi.Error:
        raise
    except RuntimeError as error:
        hint = "pip install 'pymysql[rsa]' or 'pymysql[ed25519]', or give the account another authentication plugin."
        raise StoreUnavailable(f"{label} can't be signed in to ({error}).", hint=hint) from error
    except Exception as error:
        message = f"{label} can't be reached ({type(error).__name__}: {error})."
        raise StoreUnavailable(message, hint="Check PICOEVENT_URL and the files of PICOEVENT_TLS_CA.") from error


def _tls(name: str, url: URL, settings: Settings) -> dict[str, object]:
    """Return the driver's options for TLS: those of the URL and, above them, those of the settings."""
    asked: dict[str, Any] = {key: url.query[key] for key in TLS_FILES if key in url.query}
    asked |= {key: _switch(name, key, str(url.query[key])) for key in TLS_SWITCHES if key in url.query}
    if "ssl_ca" in asked:
        asked = {**VERIFIED, **asked}
    try:
        # The driver reads the files here, and connects to nothing; those of the settings have been read before.
        DriverConnection(defer_connect=True, **asked)
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or type(error).__name__
        message = f"The setting {name} names files for TLS that can't be used ({why})."
        raise SettingsError(message, hint="Name PEM files that this user may read.") from error
    if not settings.tls_ca:
        return asked
    files = {"ssl_ca": settings.tls_ca, "ssl_cert": settings.tls_cert, "ssl_key": settings.tls_key}
    return asked | {key: path for key, path in files.items() if path} | VERIFIED | {"ssl_disabled": False}


def _switch(name: str, argument: str, word: str) -> bool:
    if word.lower() not in (*TRUE_WORDS, *FALSE_WORDS):
        raise SettingsError(f"The setting {name} has a wrong {argument}.", hint="Write true or false.")
    return word.lower() in TRUE_WORDS


def _harmless(said: str) -> str:
    """Return a server's words as one short line that no terminal and no reader of a log obeys."""
    cut = said[:MAX_SAID]
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in cut)


def _prepare(connection: Any, seconds: float, *, limit_reads: bool) -> None:  # noqa: ANN401  # the driver's own
    """Set what each session must have, whatever the server's defaults are."""
    cursor = connection.cursor()
    cursor.execute(_session(seconds, SQL_MODE))
    if limit_reads:
        flavour = MARIADB if "MariaDB" in connection.get_server_info() else MYSQL
        cursor.execute(flavour.limited_to(seconds))
    cursor.close()


def _session(seconds: float, sql_mode: str) -> str:
    lock_wait = max(1, int(seconds))
    settings = {
        "time_zone": "'+00:00'",
        "sql_mode": f"'{sql_mode}'",
        "innodb_lock_wait_timeout": lock_wait,
        "group_concat_max_len": PACKED_BYTES,
    }
    return f"SET SESSION {', '.join(f'{name} = {value}' for name, value in settings.items())}"


class MySQLBackend:
    """Implements `picoevent.store.sql.Backend`."""

    dialect = "mysql"
    initialises_itself = False
    closes_at_fork = False

    def __init__(self, url: URL) -> None:
        self._url = url
        self.label = f"MySQL at {url.host or 'localhost'}:{url.port or 3306}"

    def translate(self, error: DBAPIError | MySQLError) -> PicoEventError:
        """Return our kind of error for the driver's; the kinds are by the server's error numbers."""
        cause = error.orig if isinstance(error, DBAPIError) else error
        arguments = getattr(cause, "args", ())
        code = arguments[0] if arguments and isinstance(arguments[0], int) else 0
        said = _harmless(" ".join(str(argument) for argument in arguments[1:]) or str(cause))
        if code == 1062:  # noqa: PLR2004
            return DuplicateKey(said)
        if code in (1213, 1205, 3572):
            return TransactionAborted(f"{self.label} rolled the transaction back ({code}).")
        if code in TOO_SLOW:
            return QueryTooCostly(f"{self.label} ended a question that took too long ({code}).", hint=NARROW_IT)
        if code in NO_SCHEMA:
            return self._no_schema(code)
        if code in NOT_SOUND:
            return StoreCorrupt(f"{self.label} refused a row ({code}: {said}).", hint="Run: picoevent init")
        return self._unavailable(code, said)

    def _no_schema(self, code: int) -> PicoEventError:
        if code == 1049:  # noqa: PLR2004
            create = f"CREATE DATABASE `{self._url.database}` CHARACTER SET utf8mb4"
            return StoreNotReady(f"{self.label} has no database {self._url.database}.", hint=f"Create it: {create}")
        return StoreNotReady(f"{self.label} has no PicoEvent schema ({code}).", hint="Run: picoevent init")

    def _unavailable(self, code: int, said: str) -> StoreUnavailable:
        if code in DENIED:
            words = f"{self.label} denies {self._url.username or 'this user'} access ({code}: {said})."
            return StoreUnavailable(words, hint="Check the user, its password and its grants; see sql/grants/.")
        if code in READ_ONLY:
            return StoreUnavailable(f"{self.label} is read-only ({code}).", hint="Point PICOEVENT_URL at the primary.")
        if code in GONE:
            system_says = re.search(r"\[Errno -?\d+\] ([^)\]]+)", said)
            why = "timed out" if "timed out" in said else said
            why = system_says.group(1) if system_says and why == said else why
            return StoreUnavailable(f"{self.label} does not answer ({why}).", hint="See runbooks/mysql-away.md.")
        return StoreUnavailable(f"{self.label} failed ({code}: {said}).", hint="See runbooks/mysql-away.md.")

    def wording(self, connection: Connection, statement: str) -> str:
        """Return the statement with this server's name of the collation that compares exactly."""
        return statement.replace(MARIADB.exact_collation, flavour_of(connection).exact_collation)

    @contextmanager
    def exclusive(self, connection: Connection) -> Iterator[None]:
        """Hold a named lock of this database; the server frees it also when the connection breaks."""
        # One database, one lock: names of locks are shared by the whole server, and at most 64 characters long.
        name = "CONCAT('picoevent.', MD5(DATABASE()))"
        got = connection.execute(text(f"SELECT GET_LOCK({name}, :seconds)"), {"seconds": INIT_LOCK_SECONDS}).scalar()
        if got != 1:
            message = f"{self.label}: another process has been changing the schema for {INIT_LOCK_SECONDS} s."
            raise StoreUnavailable(message, hint="Wait for it, then try again.")
        try:
            yield
        finally:
            with suppress(SQLAlchemyError):
                connection.execute(text(f"SELECT RELEASE_LOCK({name})"))

    def ensure_partitions(self, connection: Connection, now: datetime, width: str) -> list[str]:
        """Make the current partition and some ahead, in both event tables."""
        return [name for table in partitions.TABLES for name in self._ensure_in(connection, table, now, width)]

    def _ensure_in(self, connection: Connection, table: str, now: datetime, width: str) -> list[str]:
        """Make what is missing, without stalling the writers behind a reader that holds the table.

        The table is locked first, which fails at once and cleanly where somebody reads it, and is tried again. Not
        `ALTER TABLE ... NOWAIT`: where that meets a reader half-way, MariaDB 10.11 leaves a table that "doesn't exist
        in engine" (13 of 480 tables, with 4 processes at once; with the lock none of 2,000).
        """
        for _ in range(PARTITION_TRIES):
            if self._lock(connection, table):
                try:
                    return self._make_partitions(connection, table, now, width)
                finally:
                    connection.exec_driver_sql("UNLOCK TABLES")
                    connection.rollback()
            time.sleep(PARTITION_PAUSE_SECONDS)
        message = f"{self.label}: {table} could not be changed, readers hold it."
        raise StoreUnavailable(message, hint="End long queries, and try again.")

    def _lock(self, connection: Connection, table: str) -> bool:
        try:
            connection.exec_driver_sql("SET SESSION lock_wait_timeout = 1")
            connection.exec_driver_sql(f"LOCK TABLES {table} WRITE {flavour_of(connection).nowait}")
        except DBAPIError as error:
            if not isinstance(self.translate(error), TransactionAborted):
                raise
            connection.rollback()
            return False
        return True

    def _make_partitions(self, connection: Connection, table: str, now: datetime, width: str) -> list[str]:
        last_bound, _ = self._newest_partition(connection, table)
        wanted = partitions.missing_partitions(last_bound, now.astimezone(UTC).date(), width)
        if wanted:
            # Nobody reads or writes it now; what may hold it a moment longer is the server's own housekeeping.
            connection.exec_driver_sql(f"SET SESSION lock_wait_timeout = {ALTER_WAIT_SECONDS}")
            connection.exec_driver_sql(partitions.reorganize(table, wanted))
        return [f"{table}.{name}" for name, _ in wanted]

    def _newest_partition(self, connection: Connection, table: str) -> tuple[int | None, str]:
        """Return the first id behind the newest partition before `future`, and its name."""
        newest = text(
            "SELECT PARTITION_DESCRIPTION, PARTITION_NAME FROM information_schema.PARTITIONS "
            "WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = :table AND PARTITION_DESCRIPTION <> 'MAXVALUE' "
            "ORDER BY PARTITION_ORDINAL_POSITION DESC LIMIT 1"
        )
        row = connection.execute(newest, {"table": table}).first()
        return (None, "none") if row is None else (int(row[0]), str(row[1]))

    def describe(self, connection: Connection) -> dict[str, str]:
        """Return the server's version, the size of the tables, and the newest partition."""
        version = connection.execute(text("SELECT VERSION()")).scalar()
        size = connection.execute(
            text(
                "SELECT SUM(DATA_LENGTH + INDEX_LENGTH) FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE()"
            )
        ).scalar()
        _, newest = self._newest_partition(connection, "event_log")
        server = f"{flavour_of(connection).name} {version} at {self._url.host}:{self._url.port or 3306}"
        return {
            "Server": server,
            "Database": f"{self._url.database} ({float(size or 0) / 1_000_000:,.1f} MB)",
            "Newest partition": newest,
            "Durability": " ".join(weaknesses(connection)) or "each commit is on the disk",
        }
