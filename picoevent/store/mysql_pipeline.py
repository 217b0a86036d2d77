"""Commands to MySQL sent one behind the other, before the first has answered; and the connections that can do that.

PyMySQL has no call for it, nor for MariaDB's arrays: what is used of its inside is used here, and nowhere else.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import Any, NamedTuple

from pymysql import MySQLError
from pymysql.connections import Connection as DriverConnection
from pymysql.constants import CLIENT, COMMAND, SERVER_STATUS

from picoevent.errors import Rejected, RejectReason, StoreUnavailable


class Command(NamedTuple):
    """A command that inserts, as it is sent, and how many rows it inserts."""

    frame: bytes
    rows: int


FRAME_HEAD = struct.Struct("<IB")
"""Length (3 bytes), place in the exchange (1, here 0), number of the command, which counts into the length."""

NOT_A_STRING_END = SERVER_STATUS.SERVER_STATUS_NO_BACKSLASH_ESCAPES
"""While the server says this of the session, a quote ends a text and is doubled within it; a backslash is itself."""

MARIADB_BULK = 4
"""MARIADB_CLIENT_STMT_BULK_OPERATIONS, in the four bytes of flags of MariaDB alone."""
CLIENT_MYSQL = 1
"""MariaDB's name of the first flag: whoever sets it has zeros where those four bytes are."""
DEPRECATE_EOF = 1 << 24
ANSWER_HEAD = struct.Struct("<IIB19xI")
"""How each answer to a greeting begins: flags, largest packet, character set, filler, MariaDB's flags."""


class PipelineConnection(DriverConnection):
    """PyMySQL's connection, which offers arrays to a MariaDB that offers them, and knows whether both did.

    The layouts of greeting and answer are those of "Connecting" in MariaDB's documentation of its protocol. Where one
    is not as expected, or PyMySQL does not pass it through here, nothing is offered, and `takes_arrays` stays False.
    """

    server_status: int
    """The flags of the server's last answer."""
    takes_arrays: bool
    prepared: dict[bytes, int]
    """The number of each statement that this session has prepared."""

    def connect(self, sock: Any = None) -> None:  # noqa: ANN401  # as PyMySQL has it
        """See PyMySQL."""
        self.takes_arrays = False
        self.prepared = {}
        self._greeting: bytes | None = None
        self._answered = False
        super().connect(sock)

    def _read_packet(self, *arguments: Any) -> Any:  # noqa: ANN401  # as PyMySQL has it
        inside: Any = super()
        packet = inside._read_packet(*arguments)  # noqa: SLF001
        if self._greeting is None:
            self._greeting = packet.get_all_data()
        return packet

    def write_packet(self, payload: bytes) -> None:
        """See PyMySQL; the answer to the greeting is changed on its way, and so is the request for TLS before it."""
        if not self._answered:
            # The request for TLS is the head of the answer; what comes behind the answer is the plugin's.
            self._answered = len(payload) != ANSWER_HEAD.size
            if offers_arrays(self._greeting or b""):
                payload, self.takes_arrays = with_arrays(payload)
        super().write_packet(payload)


def offers_arrays(greeting: bytes) -> bool:
    """Return whether a server takes arrays: MariaDB from 10.2 on, unless something before it hides that."""
    try:
        behind_version = greeting.index(0, 1) + 1
        (flags,) = struct.unpack_from("<H", greeting, behind_version + 13)
        (mariadb_flags,) = struct.unpack_from("<I", greeting, behind_version + 27)
    except (ValueError, struct.error):
        return False
    return not flags & CLIENT_MYSQL and bool(mariadb_flags & MARIADB_BULK)


def with_arrays(answer: bytes) -> tuple[bytes, bool]:
    """Return an answer to a greeting that offers arrays; or as it was, and False, where it is not as expected."""
    try:
        flags, largest, charset, mariadb_flags = ANSWER_HEAD.unpack_from(answer)
    except struct.error:
        return answer, False
    # `prepare` reads the packet that the last of these flags leaves out.
    if mariadb_flags or not flags & CLIENT_MYSQL or not flags & CLIENT.PROTOCOL_41 or flags & DEPRECATE_EOF:
        return answer, False
    head = ANSWER_HEAD.pack(flags & ~CLIENT_MYSQL, largest, charset, MARIADB_BULK)
    return head + answer[ANSWER_HEAD.size :], True


def prepare(connection: PipelineConnection, statements: Iterable[bytes]) -> None:
    """Prepare those of these statements that this session has not prepared yet."""
    missing = [statement for statement in statements if statement not in connection.prepared]
    if missing:
        frames = [FRAME_HEAD.pack(1 + len(text), COMMAND.COM_STMT_PREPARE) + text for text in missing]
        _exchange(connection, frames, [partial(_read_prepared, connection, text) for text in missing])


def _read_prepared(connection: PipelineConnection, statement: bytes) -> None:
    inside: Any = connection
    number, columns, parameters = struct.unpack_from("<xIHH", inside._read_packet().get_all_data())  # noqa: SLF001
    for described in (parameters, columns):
        # One packet describes each, and one ends them.
        for _ in range(described + 1 if described else 0):
            inside._read_packet()  # noqa: SLF001
    # Also where another one of them fails: what is prepared twice is kept twice by the server.
    connection.prepared[statement] = number


def send(connection: PipelineConnection, commands: Sequence[Command]) -> None:
    """Send inserts one behind the other, and raise the first error among their answers; nothing is committed here.

    A row that is missing is `StoreUnavailable`: arrays were reported to lose rows beside triggers (MDEV-24411).
    """
    status = connection.server_status
    if not status & NOT_A_STRING_END or status & SERVER_STATUS.SERVER_STATUS_AUTOCOMMIT:
        # Something between here and the server has changed the session: it is not the one that was prepared.
        connection.close()
        raise StoreUnavailable("The session of the write path was changed.", hint="Check the proxy before MySQL.")
    frames = [command.frame for command in commands]
    _exchange(connection, frames, [partial(_read_inserted, connection, command.rows) for command in commands])


def exchange(connection: PipelineConnection, frames: Sequence[bytes]) -> None:
    """Send commands that return no rows one behind the other, and raise the first error among their answers."""
    inside: Any = connection
    _exchange(connection, frames, [inside._read_query_result] * len(frames))  # noqa: SLF001


def _read_inserted(connection: PipelineConnection, rows: int) -> None:
    inside: Any = connection
    inserted = inside._read_query_result()  # noqa: SLF001
    if inserted != rows:
        words = f"The server says that it inserted {inserted:,} of {rows:,} rows."
        raise StoreUnavailable(words, hint="Look for triggers on the tables of PicoEvent.")


def _exchange(connection: PipelineConnection, frames: Sequence[bytes], reads: Iterable[Callable[[], None]]) -> None:
    """Send commands one behind the other, then read each one's answer; raise the first error among them.

    All answers are read before that, so that the next command does not meet one of these.
    """
    inside: Any = connection
    inside._result = None  # noqa: SLF001  # as `Connection._execute_command` does; no result is ever left open here
    inside._write_bytes(b"".join(frames))  # noqa: SLF001
    failure: Exception | None = None
    for read in reads:
        # Each answer begins anew with the number behind its command's.
        inside._next_seq_id = 1  # noqa: SLF001
        try:
            read()
        except (MySQLError, StoreUnavailable) as error:
            if not connection.open:
                raise
            failure = failure or error
    if failure is not None:
        raise failure


def cut(number: int, head: bytes, rows: Sequence[bytes], between: bytes, largest: int) -> Iterator[Command]:
    """Yield one command for all rows, or several where its body had more than `largest` bytes; none for no rows."""
    if not rows:
        return
    size = len(head) + sum(map(len, rows)) + len(between) * (len(rows) - 1)
    if size <= largest:
        # In one go: a copy of a large frame costs more than all that has to be done for it.
        yield Command(between.join([FRAME_HEAD.pack(1 + size, number) + head + rows[0], *rows[1:]]), len(rows))
    elif len(rows) == 1:
        detail = f"the event needs {size:,} bytes, and the server takes {largest:,} at a time"
        raise Rejected(RejectReason.DATA_TOO_LARGE, f"{detail} (max_allowed_packet)")
    else:
        middle = len(rows) // 2
        for half in (rows[:middle], rows[middle:]):
            yield from cut(number, head, half, between, largest)
