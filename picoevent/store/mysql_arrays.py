"""The inserts of a batch as arrays of values, which MariaDB from 10.2 on takes: binary, so that nothing is escaped.

It costs the server 7 us an event where the same rows as text cost 10, and half of the binary log. The layout is that of
COM_STMT_BULK_EXECUTE in MariaDB's documentation of its protocol (mariadb.com/kb/en/com_stmt_bulk_execute):

    number of the statement (4 bytes), flags (2), of each parameter its type (1) and whether it is unsigned (1),
    then of each row and parameter 0 (1) and the value, or 1 (1) for NULL

All little-endian; a text or blob has its length before it, as a length-encoded integer.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from pymysql.constants import FIELD_TYPE

from picoevent.store.mysql_pipeline import Command, PipelineConnection, cut, prepare
from picoevent.store.mysql_text import INSERT_DATA, INSERT_EVENTS, INSERT_PENDING, INSERT_USERS
from picoevent.store.pending import pack_batch
from picoevent.store.record import Record

BULK_EXECUTE = 0xFA
TYPES_FOLLOW = 128
UNSIGNED = 128
NULL = 1

BIGINT = bytes((FIELD_TYPE.LONGLONG, UNSIGNED))
INT = bytes((FIELD_TYPE.LONG, UNSIGNED))
SMALLINT = bytes((FIELD_TYPE.SHORT, UNSIGNED))
TEXT = bytes((FIELD_TYPE.STRING, 0))
BLOB = bytes((FIELD_TYPE.LONG_BLOB, 0))

REFUSALS = {(1047,), (1235,), (1243,), (1295,), (1461,), (1615,)}
"""The server's errors for a command or a statement it does not know, and for too many statements prepared: something
stands between that does not pass arrays on, or the server is full. Texts work there."""


@dataclass(frozen=True, slots=True)
class Insert:
    """An INSERT to be prepared, and the types of its parameters, as they are sent."""

    statement: bytes
    types: bytes


USERS = Insert(INSERT_USERS + b"(?,?)", BIGINT + TEXT)
EVENTS = Insert(INSERT_EVENTS + b"(?,?,?,?)", BIGINT + SMALLINT + SMALLINT + BIGINT)
DATA = Insert(INSERT_DATA + b"(?,?)", BIGINT + TEXT)
PENDING = Insert(INSERT_PENDING + b"(?,?)", INT + BLOB)

# `x` is the zero before each value.
_NARROW = struct.Struct("<xQxHxHxQ").pack
_NARROW_WITHOUT_USER = struct.Struct("<xQxHxHB").pack
_NUMBER = struct.Struct("<xQx").pack
_NUMBER_AND_SHORT_LENGTH = struct.Struct("<xQxB").pack
SHORT = 251
"""A length below this is one byte."""


def array_commands(
    connection: PipelineConnection, records: Sequence[Record], new_users: Mapping[int, str], largest: int
) -> list[Command]:
    """Return the commands that insert a batch, each of at most `largest` bytes; prepare what is not prepared yet."""
    packed = pack_batch(records)
    inserts = (
        # Users in the order of their numbers: two writers that name the same ones can't wait for each other.
        (USERS, [_text_row(number, text.encode()) for number, text in sorted(new_users.items())]),
        (EVENTS, _narrow_rows(records)),
        (DATA, [_text_row(r.event_id, r.payload) for r in records if r.payload is not None]),
        (PENDING, [struct.pack("<xIx", len(records)) + length(len(packed)) + packed]),
    )
    prepare(connection, [insert.statement for insert, rows in inserts if rows])
    return [command for insert, rows in inserts for command in _commands(connection, insert, rows, largest)]


def _commands(connection: PipelineConnection, insert: Insert, rows: Sequence[bytes], largest: int) -> Iterator[Command]:
    if rows:
        head = struct.pack("<IH", connection.prepared[insert.statement], TYPES_FOLLOW) + insert.types
        yield from cut(BULK_EXECUTE, head, rows, b"", largest)


def array_frames(number: bytes, types: bytes, rows: Sequence[bytes], largest: int) -> list[bytes]:
    """Return the commands, as they are sent, that execute a prepared statement for rows: about `largest` bytes each."""
    head = number + struct.pack("<H", TYPES_FOLLOW) + types
    return [command.frame for command in cut(BULK_EXECUTE, head, rows, b"", largest)]


def _narrow_rows(records: Sequence[Record]) -> list[bytes]:
    return [
        _NARROW_WITHOUT_USER(r.event_id, r.event_type_id, r.source_id, NULL)
        if r.user_number is None
        else _NARROW(r.event_id, r.event_type_id, r.source_id, r.user_number)
        for r in records
    ]


def _text_row(number: int, text: bytes) -> bytes:
    size = len(text)
    if size < SHORT:
        return _NUMBER_AND_SHORT_LENGTH(number, size) + text
    return _NUMBER(number) + length(size) + text


def length(size: int) -> bytes:
    """Return a length-encoded integer."""
    if size < SHORT:
        return size.to_bytes(1)
    for mark, width in ((b"\xfc", 2), (b"\xfd", 3)):
        if size < 1 << (8 * width):
            return mark + size.to_bytes(width, "little")
    return b"\xfe" + size.to_bytes(8, "little")
