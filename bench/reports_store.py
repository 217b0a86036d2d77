"""Bring visits into a database as `log_many` would, but by LOAD DATA: events, payloads, and what the fold will take.

Also the classic table with the same events, and a Parquet file of them. Nothing of it is measured.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from pymysql.cursors import Cursor

from bench.ingest_rows import LOAD_DATA, LOAD_LOG, connect
from bench.layouts import CLASSIC_TABLE, CREATE_CLASSIC, EVENT_TABLES, copy_to_classic, settle
from bench.progress import Progress
from bench.reports_visits import Maker, Visits, open_duckdb
from picoevent.ids import first_id_of_second
from picoevent.store.partitions import TABLES, missing_partitions
from picoevent.store.pending import pack_columns
from picoevent.testing.servers import MariaDBAddress

BATCH = 1_000
"""Events of one row of `pending`, as many as a transaction of `log_many` has."""
INSERT_PENDING = "INSERT INTO pending (events, packed) VALUES (%s, _binary %s)"
CLASSIC_CHUNK_SECONDS = 86_400


def load_visits(address: MariaDBAddress, database: str, visits: Visits, folder: Path, progress: Progress) -> None:
    """Store all visits of this description, and queue them for the fold; `folder` is best in memory."""
    connection = connect(address, database)
    maker = Maker()
    log, data = folder / "log", folder / "data"
    with connection, connection.cursor() as cursor:
        cursor.execute("SET sql_log_bin = 0")
        split_past(cursor, visits)
        for first, last in visits.chunks():
            maker.make(visits, first, last)
            maker.write_csv(log, data)
            cursor.execute(LOAD_LOG.format(file=log))
            cursor.execute(LOAD_DATA.format(file=data))
            cursor.executemany(INSERT_PENDING, _batches(maker))
            connection.commit()
            progress.count(f"events stored in {database}", last, visits.events)
        progress.end()
        settle(cursor, EVENT_TABLES)
    maker.close()
    log.unlink()
    data.unlink()


def write_parquet(visits: Visits, folder: Path) -> Path:
    """Write the visits as one Parquet file into a folder, and return the file."""
    maker = Maker()
    for number, (first, last) in enumerate(visits.chunks()):
        maker.make(visits, first, last)
        maker.write_parquet(folder / f"part{number:05}.parquet")
    maker.close()
    file = folder / "events.parquet"
    with open_duckdb() as duck:
        duck.execute(f"COPY (SELECT * FROM read_parquet('{folder}/part*.parquet')) TO '{file}' (FORMAT parquet)")
    for part in folder.glob("part*.parquet"):
        part.unlink()
    return file


def fill_classic(address: MariaDBAddress, database: str, visits: Visits, progress: Progress) -> None:
    """Make the classic table of the events that are stored, in the order of their ids."""
    with address.cursor(database) as cursor:
        cursor.execute("SET sql_log_bin = 0")
        cursor.execute(CREATE_CLASSIC)
        done = 0
        for second in range(visits.since_ms // 1000, visits.end_ms // 1000 + 1, CLASSIC_CHUNK_SECONDS):
            first, behind = first_id_of_second(second), first_id_of_second(second + CLASSIC_CHUNK_SECONDS)
            done += copy_to_classic(cursor, done, first, behind - 1)
            progress.count("events stored in the classic table", done, visits.events)
        progress.end()
        settle(cursor, (CLASSIC_TABLE,))


def split_past(cursor: Cursor, visits: Visits) -> None:
    """Give the time of the visits the partitions that it had if the events had been stored as they happened."""
    first_day = datetime.fromtimestamp(visits.since_ms // 1000, UTC).date()
    for table in TABLES:
        cursor.execute(
            "SELECT CAST(partition_description AS UNSIGNED) FROM information_schema.partitions"
            " WHERE table_schema = DATABASE() AND table_name = %s AND partition_name = 'past'",
            (table,),
        )
        ((bound,),) = cursor.fetchall() or ((0,),)
        wanted = [(name, least) for name, least in missing_partitions(None, first_day, "month") if least <= bound]
        if len(wanted) > 1:
            parts = ", ".join(f"PARTITION {name} VALUES LESS THAN ({least})" for name, least in wanted)
            cursor.execute(f"ALTER TABLE {table} REORGANIZE PARTITION past INTO ({parts})")


def _batches(maker: Maker) -> list[tuple[int, bytes]]:
    ids, types, sources, users = maker.columns()
    spans = [slice(at, at + BATCH) for at in range(0, len(ids), BATCH)]
    return [(len(ids[span]), pack_columns(ids[span], types[span], sources[span], users[span])) for span in spans]
