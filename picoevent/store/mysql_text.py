"""The inserts of a batch as texts of SQL, built from bytes: for every server, and the quicker form for few rows.

They are right for sessions with NO_BACKSLASH_ESCAPES; `mysql_pipeline.send` sends them in no other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pymysql.constants import COMMAND

from picoevent.store.mysql_pipeline import Command, cut
from picoevent.store.pending import pack_batch
from picoevent.store.record import Record

INSERT_USERS = b"INSERT INTO user_key (user_id, user_key) VALUES "
INSERT_EVENTS = b"INSERT INTO event_log (event_id, event_type_id, source_id, user_id) VALUES "
INSERT_DATA = b"INSERT INTO event_data (event_id, event_data) VALUES "
INSERT_PENDING = b"INSERT INTO pending (events, packed) VALUES "


def text_commands(records: Sequence[Record], new_users: Mapping[int, str], largest: int) -> list[Command]:
    """Return the commands that insert a batch, each of at most `largest` bytes."""
    # Users in the order of their numbers: two writers that name the same ones can't wait for each other.
    users = [b"(%d,%s)" % (number, _quoted(text.encode())) for number, text in sorted(new_users.items())]
    data = [b"(%d,%s)" % (r.event_id, _quoted(r.payload)) for r in records if r.payload is not None]
    inserts = (
        (INSERT_USERS, users),
        (INSERT_EVENTS, [_narrow_row(record) for record in records]),
        (INSERT_DATA, data),
        (INSERT_PENDING, [b"(%d,x'%s')" % (len(records), pack_batch(records).hex().encode())]),
    )
    return [command for head, rows in inserts for command in cut(COMMAND.COM_QUERY, head, rows, b",", largest)]


def _narrow_row(record: Record) -> bytes:
    user = record.user_number
    if user is None:
        return b"(%d,%d,%d,NULL)" % (record.event_id, record.event_type_id, record.source_id)
    return b"(%d,%d,%d,%d)" % (record.event_id, record.event_type_id, record.source_id, user)


def _quoted(text: bytes) -> bytes:
    return b"'" + text.replace(b"'", b"''") + b"'"
