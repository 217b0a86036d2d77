"""Baselines that know no PicoEvent: LOAD DATA, and statements by hand; the same rows into the same tables.

Whatever can be prepared is prepared before the clock, so that nobody could write these rows faster this way.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter_ns
from typing import Any

import pymysql
from pymysql.connections import Connection

from bench.ingest_events import MadeRows, RowSource, in_batches, pending_values
from picoevent.store.record import Record
from picoevent.testing.process import HOST
from picoevent.testing.servers import MariaDBAddress

LOAD_LOG = "LOAD DATA LOCAL INFILE '{file}' INTO TABLE event_log (event_id, event_type_id, source_id, user_id)"
LOAD_DATA = "LOAD DATA LOCAL INFILE '{file}' INTO TABLE event_data CHARACTER SET utf8mb4 (event_id, event_data)"
INSERT_PENDING = "INSERT INTO pending (events, packed) VALUES ({events}, x'{packed}')"

INSERTS = (
    "INSERT INTO event_log (event_id, event_type_id, source_id, user_id) VALUES (%s, %s, %s, %s)",
    "INSERT INTO event_data (event_id, event_data) VALUES (%s, %s)",
    "INSERT INTO pending (events, packed) VALUES (%s, _binary %s)",
)

ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n"})


def connect(address: MariaDBAddress, database: str) -> Connection[Any]:
    """Return a connection whose transactions are as isolated as PicoEvent's."""
    return pymysql.connect(
        host=HOST,
        port=address.port,
        user=address.user,
        password=address.password,
        database=database,
        charset="utf8mb4",
        autocommit=False,
        local_infile=True,
        init_command="SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED",
    )


@dataclass
class LoadRows:
    """Write rows with LOAD DATA LOCAL, a thousand in a transaction, from files in a folder that lies in memory."""

    address: MariaDBAddress
    database: str
    source: RowSource
    folder: Path
    _statements: list[tuple[int, str, str, str]] = field(default_factory=list, init=False)

    def open(self) -> None:
        """Connect, and write the files."""
        self._connection = connect(self.address, self.database)
        self.folder.mkdir()
        for number, batch in enumerate(in_batches(self.source.rows())):
            self._statements.append(self._prepare(number, batch))

    def run(self) -> None:
        """Write all rows."""
        connection = self._connection
        for events, load_log, load_data, insert_pending in self._statements:
            for statement in (load_log, load_data):
                # LOAD DATA LOCAL skips what it can't store.
                if connection.query(statement) != events:
                    raise RuntimeError(f"{connection.affected_rows()} of {events} rows were loaded")
            connection.query(insert_pending)
            connection.commit()

    def close(self) -> None:
        """Disconnect."""
        self._connection.close()

    def _prepare(self, number: int, batch: list[Record]) -> tuple[int, str, str, str]:
        log, data = (self.folder / f"{table}.{number}" for table in ("log", "data"))
        log.write_text("".join(f"{r.event_id}\t{r.event_type_id}\t{r.source_id}\t{_user(r)}\n" for r in batch))
        data.write_text("".join(f"{r.event_id}\t{_payload(r)}\n" for r in batch), encoding="utf-8")
        events, packed = pending_values(batch)
        pending = INSERT_PENDING.format(events=events, packed=packed.hex())
        return events, LOAD_LOG.format(file=log), LOAD_DATA.format(file=data), pending


@dataclass
class InsertByHand:
    """Write one event a transaction as one does by hand: BEGIN, three INSERTs, COMMIT; the driver escapes."""

    address: MariaDBAddress
    database: str
    events: int
    _next: int = field(default=0, init=False)

    def open(self) -> None:
        """Connect, and prepare the values."""
        self._cursor = connect(self.address, self.database).cursor()
        self._values = [_values(record) for record in MadeRows(0, self.events).rows()]

    def run(self, calls: int) -> list[int]:
        """Write so many of the events, and return the nanoseconds of each."""
        return [self._write() for _ in range(calls)]

    def close(self) -> None:
        """Disconnect."""
        self._cursor.connection.close()

    def _write(self) -> int:
        values = self._values[self._next]
        self._next += 1
        cursor = self._cursor
        started = perf_counter_ns()
        cursor.execute("BEGIN")
        for statement, arguments in zip(INSERTS, values, strict=True):
            cursor.execute(statement, arguments)
        cursor.execute("COMMIT")
        return perf_counter_ns() - started


def _values(record: Record) -> tuple[tuple[object, ...], ...]:
    narrow = (record.event_id, record.event_type_id, record.source_id, record.user_number)
    return narrow, (record.event_id, (record.payload or b"").decode()), pending_values([record])


def _user(record: Record) -> str:
    return "\\N" if record.user_number is None else str(record.user_number)


def _payload(record: Record) -> str:
    return (record.payload or b"").decode().translate(ESCAPES)
