"""The write path's own connections to MySQL: statements built from bytes, sent together, committed when all are in.

A batch costs two round trips: the INSERTs one behind the other, and then, when each of them has answered, the COMMIT.
PyMySQL has no call for the first part: `_send` uses its inside, and nothing else does.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, cast

from pymysql import MySQLError
from pymysql.connections import Connection as DriverConnection
from pymysql.constants import COMMAND, SERVER_STATUS
from sqlalchemy import Engine, PoolProxiedConnection

from picoevent.errors import PicoEventError, Rejected, RejectReason, StoreUnavailable
from picoevent.store.pending import pack_batch
from picoevent.store.record import Content, Record

INSERT_EVENTS = b"INSERT INTO event_log (event_id, event_type_id, source_id, user_id) VALUES "
INSERT_DATA = b"INSERT INTO event_data (event_id, event_data) VALUES "
INSERT_USERS = b"INSERT INTO user_key (user_id, user_key) VALUES "
INSERT_PENDING = b"INSERT INTO pending (events, packed) VALUES "

FIND_EVENTS = (
    "SELECT e.event_id, e.event_type_id, e.source_id, e.user_id, d.event_data "
    "FROM event_log e LEFT JOIN event_data d ON d.event_id = e.event_id WHERE e.event_id IN (%s) LOCK IN SHARE MODE"
)
FIND_USERS = "SELECT user_id, user_key FROM user_key WHERE user_id IN (%s)"
IDS_PER_QUERY = 1000

PACKET_MARGIN = 1024
"""What a packet holds beside the text of a statement, and more."""
LARGEST_FRAME = (1 << 24) - 2
"""A longer command would need several frames of the protocol."""
NOT_A_STRING_END = SERVER_STATUS.SERVER_STATUS_NO_BACKSLASH_ESCAPES
"""While the server says this of the session, a quote ends a text and is doubled within it; a backslash is itself."""

Translate = Callable[[MySQLError], PicoEventError]


class MySQLTransaction:
    """Implements `picoevent.store.base.WritingTransaction` on one of the write path's connections."""

    def __init__(self, connection: DriverConnection[Any], max_packet: int) -> None:
        self._connection = connection
        self._max_statement = min(max_packet, LARGEST_FRAME) - PACKET_MARGIN

    def insert(self, records: Sequence[Record], new_users: Mapping[int, str]) -> None:
        """See `WritingTransaction.insert`."""
        # Users in the order of their numbers: two writers that name the same ones can't wait for each other.
        users = [b"(%d,%s)" % (number, _quoted(text.encode())) for number, text in sorted(new_users.items())]
        narrow = [_narrow_row(record) for record in records]
        data = [b"(%d,%s)" % (r.event_id, _quoted(r.payload)) for r in records if r.payload is not None]
        pending = [b"(%d,x'%s')" % (len(records), pack_batch(records).hex().encode())]
        statements: list[bytes] = []
        for head, rows in (
            (INSERT_USERS, users),
            (INSERT_EVENTS, narrow),
            (INSERT_DATA, data),
            (INSERT_PENDING, pending),
        ):
            statements += self._statements(head, rows)
        _send(self._connection, statements)

    def find_events(self, event_ids: Collection[int]) -> dict[int, Content]:
        """See `WritingTransaction.find_events`."""
        return {
            event_id: (event_type_id, source_id, user_id, None if data is None else data.encode())
            for event_id, event_type_id, source_id, user_id, data in self._find(FIND_EVENTS, event_ids)
        }

    def find_users(self, user_numbers: Collection[int]) -> dict[int, str]:
        """See `WritingTransaction.find_users`."""
        return dict(self._find(FIND_USERS, user_numbers))

    def _find(self, query: str, numbers: Collection[int]) -> Iterator[Any]:
        wanted = sorted(numbers)
        with self._connection.cursor() as cursor:
            for first in range(0, len(wanted), IDS_PER_QUERY):
                cursor.execute(query % ",".join(map(str, wanted[first : first + IDS_PER_QUERY])))
                yield from cursor.fetchall()

    def _statements(self, head: bytes, rows: Sequence[bytes]) -> Iterator[bytes]:
        """Yield one statement for all rows, or several where a packet of the server is too small for one."""
        if not rows:
            return
        whole = head + b",".join(rows)
        if len(whole) <= self._max_statement:
            yield whole
        elif len(rows) == 1:
            detail = f"the event needs {len(whole):,} bytes, and the server takes {self._max_statement:,} at a time"
            raise Rejected(RejectReason.DATA_TOO_LARGE, f"{detail} (max_allowed_packet)")
        else:
            middle = len(rows) // 2
            yield from self._statements(head, rows[:middle])
            yield from self._statements(head, rows[middle:])


def _narrow_row(record: Record) -> bytes:
    user = record.user_number
    if user is None:
        return b"(%d,%d,%d,NULL)" % (record.event_id, record.event_type_id, record.source_id)
    return b"(%d,%d,%d,%d)" % (record.event_id, record.event_type_id, record.source_id, user)


def _quoted(text: bytes) -> bytes:
    """Return a text of UTF-8 as a literal; `_send` makes sure that the server reads it as it is meant."""
    return b"'" + text.replace(b"'", b"''") + b"'"


def _send(connection: DriverConnection[Any], statements: Sequence[bytes]) -> None:
    """Send statements one behind the other, then read each one's answer; raise the first error among them.

    All answers are read before that, so that the next command does not meet one of these. Nothing is committed here.
    """
    inside: Any = connection
    status = inside.server_status
    if not status & NOT_A_STRING_END or status & SERVER_STATUS.SERVER_STATUS_AUTOCOMMIT:
        # Something between here and the server has changed the session: its rules are not the ones above.
        connection.close()
        raise StoreUnavailable("The session of the write path was changed.", hint="Check the proxy before MySQL.")
    frames = [struct.pack("<iB", len(statement) + 1, COMMAND.COM_QUERY) + statement for statement in statements]
    inside._result = None  # noqa: SLF001  # as `Connection._execute_command` does; no result is ever left open here
    inside._write_bytes(b"".join(frames))  # noqa: SLF001
    failure: MySQLError | None = None
    for _ in statements:
        # Each answer begins anew with the number behind its command's.
        inside._next_seq_id = 1  # noqa: SLF001
        try:
            inside._read_query_result()  # noqa: SLF001
        except MySQLError as error:
            if not connection.open:
                raise
            failure = failure or error
    if failure is not None:
        raise failure


@dataclass(frozen=True, slots=True)
class WritingConnection:
    """A connection of the write path, and the largest packet that its server takes, in bytes."""

    pooled: PoolProxiedConnection
    driver: DriverConnection[Any]
    max_packet: int


class WritingConnections:
    """Hand out connections for one transaction at a time; each is kept for the next one, or dropped when it failed."""

    def __init__(self, engine: Engine, prepare: str, translate: Translate) -> None:
        self._engine = engine
        self._prepare = prepare
        self._translate = translate
        self._idle: list[WritingConnection] = []

    @contextmanager
    def transaction(self) -> Iterator[MySQLTransaction]:
        """Open a transaction; see `WritingStore.writing`."""
        try:
            taken = self._take()
            try:
                yield MySQLTransaction(taken.driver, taken.max_packet)
                taken.driver.commit()
            except BaseException:
                self._put_back_rolled_back(taken)
                raise
            self._idle.append(taken)
        except MySQLError as error:
            raise self._translate(error) from error

    def close(self) -> None:
        """Close the idle connections."""
        while self._idle:
            self._idle.pop().pooled.close()

    def _take(self) -> WritingConnection:
        try:
            return self._idle.pop()
        except IndexError:
            return self._connect()

    def _connect(self) -> WritingConnection:
        pooled = self._engine.raw_connection()
        driver = cast("DriverConnection[Any]", pooled.driver_connection)
        with driver.cursor() as cursor:
            cursor.execute(self._prepare)
            cursor.execute("SELECT @@max_allowed_packet")
            row = cursor.fetchone()
        driver.rollback()
        return WritingConnection(pooled, driver, int(row[0]) if row else LARGEST_FRAME)

    def _put_back_rolled_back(self, taken: WritingConnection) -> None:
        try:
            taken.driver.rollback()
        except MySQLError:
            taken.pooled.invalidate()
        else:
            self._idle.append(taken)
