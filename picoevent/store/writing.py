"""The write path's statements, prepared once: narrow rows, payloads, texts of users, one `pending` row a batch."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import islice

from sqlalchemy import Connection, Select, select

from picoevent.store.pending import pack_batch
from picoevent.store.record import Content, Record
from picoevent.store.tables import event_data, event_log, user_key

IDS_PER_QUERY = 1000

# `?` stands for the driver's own mark. Plain INSERT, never IGNORE and never ON DUPLICATE KEY UPDATE: a key that is
# taken has to be seen.
INSERT_EVENT = "INSERT INTO event_log (event_id, event_type_id, source_id, user_id) VALUES (?, ?, ?, ?)"
INSERT_DATA = "INSERT INTO event_data (event_id, event_data) VALUES (?, ?)"
INSERT_USER = "INSERT INTO user_key (user_id, user_key) VALUES (?, ?)"
INSERT_PENDING = "INSERT INTO pending (events, packed) VALUES (?, ?)"


class SqlTransaction:
    """Implements `picoevent.store.base.WritingTransaction` on one connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._mark = "?" if connection.dialect.paramstyle == "qmark" else "%s"

    def insert(self, records: Sequence[Record], new_users: Mapping[int, str]) -> None:
        """See `WritingTransaction.insert`."""
        # Users in the order of their numbers: two writers that name the same ones can't wait for each other.
        self._insert(INSERT_USER, sorted(new_users.items()))
        self._insert(INSERT_EVENT, [(r.event_id, r.event_type_id, r.source_id, r.user_number) for r in records])
        payloads = [(r.event_id, r.payload.decode()) for r in records if r.payload is not None]
        self._insert(INSERT_DATA, payloads)
        self._insert(INSERT_PENDING, [(len(records), pack_batch(records))])

    def find_events(self, event_ids: Collection[int]) -> dict[int, Content]:
        """See `WritingTransaction.find_events`."""
        found: dict[int, Content] = {}
        for chunk in _chunks(event_ids):
            for row in self._connection.execute(_locked_events(chunk)):
                payload = None if row.event_data is None else row.event_data.encode()
                found[row.event_id] = (row.event_type_id, row.source_id, row.user_id, payload)
        return found

    def find_users(self, user_numbers: Collection[int]) -> dict[int, str]:
        """See `WritingTransaction.find_users`."""
        found: dict[int, str] = {}
        for chunk in _chunks(user_numbers):
            rows = select(user_key.c.user_id, user_key.c.user_key).where(user_key.c.user_id.in_(chunk))
            found.update((row.user_id, row.user_key) for row in self._connection.execute(rows))
        return found

    def _insert(self, statement: str, rows: Sequence[tuple[object, ...]]) -> None:
        if rows:
            self._connection.exec_driver_sql(statement.replace("?", self._mark), list(rows))


def _locked_events(event_ids: Sequence[int]) -> Select[tuple[int, int, int, int | None, str | None]]:
    """Return the query that waits for open transactions which hold one of these ids."""
    return (
        select(event_log, event_data.c.event_data)
        .outerjoin(event_data, event_data.c.event_id == event_log.c.event_id)
        .where(event_log.c.event_id.in_(event_ids))
        .with_for_update(read=True)
    )


def _chunks(numbers: Collection[int]) -> Iterator[list[int]]:
    remaining = iter(sorted(numbers))
    while chunk := list(islice(remaining, IDS_PER_QUERY)):
        yield chunk
