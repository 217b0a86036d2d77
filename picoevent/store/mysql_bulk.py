"""Bulk loads on MySQL and MariaDB: LOAD DATA LOCAL from memory, on a connection of its own; no file is ever opened.

LOCAL implies IGNORE, which stores wrong values and skips taken keys without an error. So a load counts only where each
statement reports every row and no warning; else the transaction is rolled back, and the rows go in the ordinary way.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import pymysql
from pymysql.constants import CLIENT, COMMAND
from pymysql.protocol import LoadLocalPacketWrapper, OKPacketWrapper
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from picoevent.settings import Settings
from picoevent.store.base import DuplicateKey, LoadForbidden, Purpose, Row
from picoevent.store.mysql import DENIED, make_store
from picoevent.store.pending import pack_columns
from picoevent.store.sql import SqlStore
from picoevent.store.writing import INSERT_USER, SqlTransaction

ANSWER_SECONDS = 10.0
"""How long a load may take at least; nobody's `log()` waits for it."""

PACKET_BYTES = 65_536
"""Well under the smallest usual `max_allowed_packet`."""

SENT = b"picoevent-batch"
"""The name by which the server is told to ask for the rows. There is no such file: what is sent lies in memory."""

FORBIDDEN = {1148, 2068, 3948, 3950, 4166, *DENIED}
"""The server's words for: not here, not with this client, not with this account."""

# Without an escape character the server takes what stands between two of these bytes as it is; rows with one of them
# inside are not sent this way. The bytes are hexadecimal, whatever the session's sql_mode makes of a backslash.
_TAB, _LINE_FEED = b"\t", b"\n"
_LOAD = (
    b"LOAD DATA LOCAL INFILE '%s' INTO TABLE %s CHARACTER SET utf8mb4 "
    b"FIELDS TERMINATED BY X'09' ENCLOSED BY '' ESCAPED BY %s LINES STARTING BY '' TERMINATED BY X'0A' (%s)"
)
# Numbers need no escaping, and the one thing that does is no user: backslash, N.
LOAD_EVENTS = _LOAD % (SENT, b"event_log", b"X'5C'", b"event_id, event_type_id, source_id, user_id")
LOAD_DATA = _LOAD % (SENT, b"event_data", b"''", b"event_id, event_data")
INSERT_PENDING = b"INSERT INTO pending (events, packed) VALUES (%d, X'%s')"


@dataclass(frozen=True, slots=True)
class Load:
    """One LOAD DATA: the statement, how many rows it has to store, and their packets, the empty one at the end too."""

    statement: bytes
    rows: int
    packets: bytes
    reply: int
    """The number of the packet in which the server answers."""


@dataclass(frozen=True, slots=True)
class FormattedBatch:
    """A batch as it is sent."""

    loads: tuple[Load, ...]
    insert_pending: bytes


def open_bulk_store(url: str, settings: Settings) -> MySQLBulkStore:
    """Return the bulk store of a URL; nothing is connected yet."""
    seconds = max(ANSWER_SECONDS, settings.deadline_ms / 1000)
    # The server is told that this client can send rows. The driver is not: asked for a file by a server that does so
    # unasked, it refuses, since its own option `local_infile` is off as everywhere.
    flags = CLIENT.FOUND_ROWS | CLIENT.LOCAL_FILES
    return MySQLBulkStore(make_store(url, settings, Purpose.WRITE, answer_seconds=seconds, client_flag=flags))


class MySQLBulkStore:
    """Implements `picoevent.store.base.BulkStore`; for one thread at a time."""

    def __init__(self, store: SqlStore) -> None:
        self._store = store
        self._driver: Any = None

    def format(self, rows: Sequence[Row]) -> FormattedBatch | None:
        """See `BulkStore.format`."""
        return format_batch(rows)

    @contextmanager
    def loading(self) -> Iterator[LoadTransaction]:
        """See `BulkStore.loading`."""
        try:
            with self._store.transaction() as connection:
                self._driver = connection.connection.driver_connection
                yield LoadTransaction(connection, self._store.label)
        except RuntimeError as error:
            # This is what the driver raises where it is asked for a file.
            self.close()
            raise LoadForbidden(f"{self._store.label} asked for a file that was not offered.") from error

    def close(self) -> None:
        """See `BulkStore.close`."""
        wire = getattr(self._driver, "_sock", None)
        if wire is not None:
            with suppress(OSError):
                wire.shutdown(socket.SHUT_RDWR)  # wakes a thread that waits for an answer; closing would not
        self._store.close()


class LoadTransaction(SqlTransaction):
    """Implements `picoevent.store.base.BulkTransaction`."""

    def __init__(self, connection: Connection, label: str) -> None:
        super().__init__(connection)
        self._label = label

    def load(self, formatted: object, new_users: Mapping[int, str]) -> None:
        """See `BulkTransaction.load`."""
        if not isinstance(formatted, FormattedBatch):
            raise LoadForbidden("These rows can't be loaded.")
        self._insert(INSERT_USER, sorted(new_users.items()))
        try:
            _send(self._connection.connection.driver_connection, formatted)
        except DuplicateKey:
            raise
        except Exception as error:
            # Replies may still be on their way: nothing else can be asked on this connection.
            self._connection.invalidate()
            if not isinstance(error, pymysql.Error):
                raise
            if error.args and error.args[0] in FORBIDDEN:
                raise LoadForbidden(f"{self._label} does not allow LOAD DATA LOCAL ({error.args[0]}).") from error
            raise DBAPIError("LOAD DATA", None, error) from error


def format_batch(rows: Sequence[Row]) -> FormattedBatch | None:
    """Return the rows as they are sent; None where a payload is no UTF-8, or holds what ends a field or a line."""
    ids, types, sources, users, _, _ = zip(*rows, strict=True)
    narrow = b"".join(
        [
            b"%d\t%d\t%d\t\\N\n" % (event_id, type_id, source_id)
            if user is None
            else b"%d\t%d\t%d\t%d\n" % (event_id, type_id, source_id, user)
            for event_id, type_id, source_id, user, _, _ in rows
        ]
    )
    payloads = [b"%d\t%b\n" % (row[0], row[4]) for row in rows if row[4] is not None]
    wide = b"".join(payloads)
    if wide.count(_TAB) != len(payloads) or wide.count(_LINE_FEED) != len(payloads) or not _is_utf8(wide):
        return None
    loads = [framed(LOAD_EVENTS, len(rows), narrow)]
    if payloads:
        loads.append(framed(LOAD_DATA, len(payloads), wide))
    packed = pack_columns(ids, types, sources, users)
    return FormattedBatch(tuple(loads), INSERT_PENDING % (len(rows), packed.hex().encode()))


def _is_utf8(content: bytes) -> bool:
    """Ask Python: MariaDB takes surrogates too."""
    try:
        content.decode()
    except UnicodeDecodeError:
        return False
    return True


def framed(statement: bytes, rows: int, content: bytes) -> Load:
    """Return the load of some rows; its packets begin at 2: the statement was 0, and the server's request is 1."""
    parts: list[bytes] = []
    number = 2
    for begin in range(0, len(content), PACKET_BYTES):
        part = content[begin : begin + PACKET_BYTES]
        parts += (struct.pack("<I", len(part) | (number & 255) << 24), part)
        number += 1
    parts.append(struct.pack("<I", (number & 255) << 24))
    return Load(statement, rows, b"".join(parts), (number + 1) & 255)


def _send(driver: Any, batch: FormattedBatch) -> None:  # noqa: ANN401  # the driver's own connection
    """Send the loads and the `pending` row back to back, each behind the rows of the one before, and check each answer.

    The driver's own way would open a file by the name that the server gives, and wait for each answer.
    """
    following = [*(load.statement for load in batch.loads[1:]), batch.insert_pending]
    driver._execute_command(COMMAND.COM_QUERY, batch.loads[0].statement)  # noqa: SLF001
    unstored: list[str] = []
    for load, statement in zip(batch.loads, following, strict=True):
        _check_request(driver._read_packet())  # noqa: SLF001
        driver._write_bytes(load.packets + _query_packet(statement))  # noqa: SLF001
        driver._next_seq_id = load.reply  # noqa: SLF001
        answer = _read_ok(driver)
        if answer.affected_rows != load.rows or answer.warning_count:
            unstored.append(f"{answer.affected_rows:,} of {load.rows:,} rows, {answer.warning_count:,} warnings")
        driver._next_seq_id = 1  # noqa: SLF001
    if _read_ok(driver).affected_rows != 1:
        unstored.append("no pending row")
    if unstored:
        raise DuplicateKey(f"LOAD DATA stored {', '.join(unstored)}.")


def _query_packet(statement: bytes) -> bytes:
    return struct.pack("<IB", len(statement) + 1, COMMAND.COM_QUERY) + statement


def _read_ok(driver: Any) -> Any:  # noqa: ANN401  # the driver's own connection and packet
    packet = driver._read_packet()  # noqa: SLF001
    if not packet.is_ok_packet():
        raise LoadForbidden("The server answered a load with something else than what became of it.")
    return OKPacketWrapper(packet)


def _check_request(packet: Any) -> None:  # noqa: ANN401  # the driver's own packet
    """Raise unless the server asks for the one thing that was offered to it."""
    if not packet.is_load_local_packet():
        raise LoadForbidden("The server did not ask for the rows of a load.")
    if LoadLocalPacketWrapper(packet).filename != SENT:
        raise LoadForbidden("The server asked for a file that was not offered; nothing was sent.")
