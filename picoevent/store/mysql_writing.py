"""The write path's own connections to MySQL, and its transactions on them.

A batch costs two round trips: the INSERTs one behind the other, and then, when each of them has answered, the COMMIT.
They are arrays where the server takes these (quicker from one row on), and texts of SQL everywhere else.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, cast

from pymysql import MySQLError
from sqlalchemy import Engine, PoolProxiedConnection

from picoevent.errors import PicoEventError, StoreUnavailable
from picoevent.store.mysql_arrays import REFUSALS, array_commands
from picoevent.store.mysql_pipeline import PipelineConnection, send
from picoevent.store.mysql_text import text_commands
from picoevent.store.record import Content, Record

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

READ_ONLY = {1036, 1290, 1792, 1836}
"""The server's errors for a write to what can only be read."""

Translate = Callable[[MySQLError], PicoEventError]


class MySQLTransaction:
    """Implements `picoevent.store.base.WritingTransaction` on one of the write path's connections."""

    def __init__(self, connection: PipelineConnection, max_packet: int) -> None:
        self._connection = connection
        self._largest = min(max_packet, LARGEST_FRAME) - PACKET_MARGIN

    def insert(self, records: Sequence[Record], new_users: Mapping[int, str]) -> None:
        """See `WritingTransaction.insert`."""
        if not self._connection.takes_arrays:
            send(self._connection, text_commands(records, new_users, self._largest))
            return
        try:
            send(self._connection, array_commands(self._connection, records, new_users, self._largest))
        except (MySQLError, StoreUnavailable) as error:
            if isinstance(error, StoreUnavailable) or error.args[:1] in REFUSALS:
                # Whoever repeats the batch on this connection sends texts.
                self._connection.takes_arrays = False
            raise

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


@dataclass(frozen=True, slots=True)
class WritingConnection:
    """A connection of the write path, and the largest packet that its server takes, in bytes."""

    pooled: PoolProxiedConnection
    driver: PipelineConnection
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
            except BaseException as error:
                self._end(taken, error)
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
        driver = cast("PipelineConnection", pooled.driver_connection)
        with driver.cursor() as cursor:
            cursor.execute(self._prepare)
            cursor.execute("SELECT @@max_allowed_packet")
            row = cursor.fetchone()
        driver.rollback()
        return WritingConnection(pooled, driver, int(row[0]) if row else LARGEST_FRAME)

    def _end(self, taken: WritingConnection, error: BaseException) -> None:
        """Roll back, and keep the connection where it is sure to be well; else the next transaction has a new one.

        Where a signal handler raised, it may have been between two answers, and whoever asked next would read the
        other one. And what is read-only now was the primary until a failover: only a new connection finds the new one.
        """
        keep = isinstance(error, (MySQLError, PicoEventError)) and not READ_ONLY.intersection(error.args[:1])
        try:
            if keep:
                taken.driver.rollback()
                self._idle.append(taken)
        except MySQLError:
            keep = False
        if not keep:
            taken.pooled.invalidate()
