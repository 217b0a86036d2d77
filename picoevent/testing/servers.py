"""Private MariaDB and Redis servers in temporary folders, for tests, benchmarks and drills.

Not for data: a server and all it holds are gone when it is closed, or when whoever started it dies.
A server that is already on the machine is never touched.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import socket
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import pymysql
from pymysql.cursors import Cursor, DictCursor

from picoevent.testing.process import HOST, PrivateServer, PrivateServerError, find_program, start_all

__all__ = [
    "MariaDBAddress",
    "MariaDBServer",
    "PrivateServerError",
    "RedisServer",
    "start_all",
    "wait_for_replica",
]


@dataclass(frozen=True, slots=True)
class MariaDBAddress:
    """Where a MariaDB answers and as whom to sign in: plain values that can be handed to other processes."""

    port: int
    password: str = field(repr=False)
    user: str = "picoevent"

    def url(self, database: str = "") -> str:
        """Return the URL of a database for SQLAlchemy and for `EventLog`."""
        return f"mysql+pymysql://{self.user}:{self.password}@{HOST}:{self.port}/{database}?charset=utf8mb4"

    @contextlib.contextmanager
    def cursor(self, database: str = "") -> Iterator[Cursor]:
        """Yield a cursor with autocommit on a connection of its own; its account may do everything."""
        connection = pymysql.connect(
            host=HOST,
            port=self.port,
            user=self.user,
            password=self.password,
            database=database or None,
            charset="utf8mb4",
            autocommit=True,
            connect_timeout=10,
        )
        with connection, connection.cursor() as cursor:
            yield cursor

    def create_database(self, name: str) -> str:
        """Create an empty database and return its URL."""
        with self.cursor() as cursor:
            cursor.execute(f"CREATE DATABASE {_quote(name)} CHARACTER SET utf8mb4")
        return self.url(name)

    def drop_database(self, name: str) -> None:
        """Drop a database; raises `pymysql.OperationalError` after 5 s if a transaction still holds it."""
        with self.cursor() as cursor:
            cursor.execute("SET lock_wait_timeout = 5")
            cursor.execute(f"DROP DATABASE IF EXISTS {_quote(name)}")


class MariaDBServer(PrivateServer):
    """A MariaDB with binary log and GTIDs, set up as in production; `replica_of` makes it follow another one.

    `durable=False` leaves out the disk flushes, for tests that do not crash the server. `options` are further
    arguments of the program, like `("--innodb-log-file-size=512M",)`, and win over the ones set here.
    """

    program = "mariadbd"
    package = "mariadb-server"

    def __init__(
        self,
        *,
        replica_of: MariaDBServer | None = None,
        durable: bool = True,
        buffer_pool: str = "64M",
        local_infile: bool = False,
        options: Sequence[str] = (),
    ) -> None:
        super().__init__()
        self._primary = replica_of
        self._durable = durable
        self._buffer_pool = buffer_pool
        self._local_infile = local_infile
        self._extra_options = tuple(options)
        self._password = secrets.token_hex(16)

    @property
    def address(self) -> MariaDBAddress:
        """Port and account, for whoever connects."""
        return MariaDBAddress(self.port, self._password)

    def url(self, database: str = "") -> str:
        """Return the URL of a database for SQLAlchemy and for `EventLog`."""
        return self.address.url(database)

    def create_database(self, name: str) -> str:
        """Create an empty database and return its URL."""
        return self.address.create_database(name)

    def wait_until_ready(self) -> None:
        """Return when the server answers and, where it is a replica, follows its primary."""
        super().wait_until_ready()
        if self._primary is not None:
            _follow(self.address, self._primary.address)

    def _create_data(self) -> None:
        (self.folder / "tmp").mkdir()
        (self.folder / "accounts.sql").write_text(_accounts_sql(self.address), "utf-8")
        install = find_program("mariadb-install-db", self.package)
        # `--force`: also where the machine cannot look up its own name.
        command = [install, *self._storage_options(), "--skip-test-db", "--skip-name-resolve", "--force"]
        with (self.folder / "log").open("ab") as log:
            result = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, check=False)
        if result.returncode:
            raise self._failed(f"could not make an empty data folder (exit code {result.returncode})")

    def _answers(self) -> bool:
        try:
            with self.address.cursor() as cursor:
                return bool(cursor.execute("SELECT 1"))
        except pymysql.OperationalError:
            return False

    def _storage_options(self) -> list[str]:
        return [
            "--no-defaults",  # must stand first
            *(["--user=root"] if os.geteuid() == 0 else []),
            f"--datadir={self.folder / 'data'}",
            # Its own: a MariaDB that starts deletes the temporary tables it finds, also those of another.
            f"--tmpdir={self.folder / 'tmp'}",
            "--innodb-log-file-size=16M",  # a small one is written out sooner at the first start
        ]

    def _options(self) -> list[str]:
        return [
            *self._storage_options(),
            f"--init-file={self.folder / 'accounts.sql'}",
            f"--socket={self.socket}",
            f"--pid-file={self.folder / 'pid'}",
            f"--port={self.port}",
            f"--bind-address={HOST}",
            "--skip-name-resolve",
            "--character-set-server=utf8mb4",
            f"--server-id={self.port}",
            "--log-bin=binlog",
            "--binlog-format=ROW",
            "--log-slave-updates",
            "--gtid-strict-mode=ON",
            f"--innodb-buffer-pool-size={self._buffer_pool}",
            f"--innodb-flush-log-at-trx-commit={1 if self._durable else 2}",
            f"--sync-binlog={1 if self._durable else 0}",
            f"--local-infile={'ON' if self._local_infile else 'OFF'}",
            *(["--read-only"] if self._primary else []),
            *self._extra_options,
        ]


class RedisServer(PrivateServer):
    """A Redis that keeps nothing on disk and drops the least recently used keys at `max_memory`.

    `options` are arguments of its own, such as `["--tls-port", "6390"]`.
    """

    program = "redis-server"
    package = "redis-server"

    def __init__(self, *, max_memory: str = "64mb", options: Sequence[str] = ()) -> None:
        super().__init__()
        self._max_memory = max_memory
        self._own_options = tuple(options)

    def url(self, database: int = 0) -> str:
        """Return the URL of one of its 64 databases."""
        return f"redis://{HOST}:{self.port}/{database}"

    def _create_data(self) -> None:
        """Nothing: Redis starts empty."""

    def _options(self) -> list[str]:
        options = {
            "dir": str(self.folder),
            "unixsocket": str(self.socket),
            "port": str(self.port),
            "bind": HOST,
            "databases": "64",
            "save": "",
            "appendonly": "no",
            "maxmemory": self._max_memory,
            "maxmemory-policy": "allkeys-lru",
        }
        return [*(part for name, value in options.items() for part in (f"--{name}", value)), *self._own_options]

    def _answers(self) -> bool:
        try:
            with socket.create_connection((HOST, self.port), timeout=1) as connection:
                connection.sendall(b"PING\r\n")
                return connection.recv(64).startswith(b"+PONG")
        except OSError:
            return False


def wait_for_replica(primary: MariaDBAddress, replica: MariaDBAddress, *, timeout_seconds: float = 10) -> None:
    """Return when the replica has applied all that the primary has committed until now."""
    with primary.cursor() as cursor:
        cursor.execute("SELECT @@gtid_binlog_pos")
        position = _first_value(cursor)
    with replica.cursor() as cursor:
        cursor.execute("SELECT MASTER_GTID_WAIT(%s, %s)", (position, timeout_seconds))
        if _first_value(cursor) != 0:
            state = _replica_state(replica)
            raise PrivateServerError(f"The replica is not at {position} after {timeout_seconds} s: {state}")


def _follow(replica: MariaDBAddress, primary: MariaDBAddress) -> None:
    """Make a server the replica of another from its first transaction on, unless it already is."""
    with replica.cursor() as cursor:
        if cursor.execute("SHOW SLAVE STATUS"):
            return
        cursor.execute(
            "CHANGE MASTER TO MASTER_HOST=%s, MASTER_PORT=%s, MASTER_USER=%s, MASTER_PASSWORD=%s,"
            " MASTER_USE_GTID=slave_pos, MASTER_CONNECT_RETRY=1,"
            " MASTER_SSL=0, MASTER_SSL_VERIFY_SERVER_CERT=0",
            (HOST, primary.port, primary.user, primary.password),
        )
        cursor.execute("START SLAVE")


def _replica_state(replica: MariaDBAddress) -> str:
    with replica.cursor() as cursor, cursor.connection.cursor(DictCursor) as status:
        status.execute("SHOW SLAVE STATUS")
        row = status.fetchone() or {}
    shown = ("Slave_IO_State", "Last_IO_Error", "Last_SQL_Error")
    return ", ".join(f"{name}={row.get(name)!r}" for name in shown)


def _first_value(cursor: Cursor) -> object:
    row = cursor.fetchone()
    return row[0] if row else None


def _accounts_sql(address: MariaDBAddress) -> str:
    """Write the statements that a server runs at each start: the one account that may come over TCP.

    They stay out of the binary log: a replica makes its own.
    """
    accounts = [f"'{address.user}'@'{host}'" for host in (HOST, "localhost")]
    lines = ["SET SESSION sql_log_bin = 0;"]
    lines += [f"CREATE USER IF NOT EXISTS {name} IDENTIFIED BY '{address.password}';" for name in accounts]
    lines += [f"GRANT ALL PRIVILEGES ON *.* TO {name} WITH GRANT OPTION;" for name in accounts]
    return "\n".join([*lines, ""])


def _quote(name: str) -> str:
    return "`" + name.replace("`", "``") + "`"
