"""The same events in two layouts of one database: PicoEvent's own schema, and the classic table beside it.

Statements are not written to the binary log: nothing is measured while they run.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from pymysql.cursors import Cursor

from bench.frame import Size
from bench.progress import Progress
from bench.traffic import SOURCE_ID, MadeEvent, event_type_names, make_batches
from picoevent.ids import EPOCH, MILLISECOND_SHIFT, SECOND_SHIFT
from picoevent.settings import Settings
from picoevent.store import open_store
from picoevent.store.base import Purpose
from picoevent.store.names import EVENT_TYPES, MAX_NAMES, SOURCES
from picoevent.testing.servers import MariaDBAddress

SOURCE = "bench"

# A number that counts, the time beside it, and the payload in the row. The type is a number here, too, and the time
# has milliseconds: what is compared is the layout, not the width of names or what gets lost.
CREATE_CLASSIC = """CREATE TABLE classic_event (
  id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT,
  created DATETIME(3) NOT NULL,
  event_type_id SMALLINT UNSIGNED NOT NULL,
  source_id SMALLINT UNSIGNED NOT NULL,
  user_id BIGINT UNSIGNED NULL,
  data LONGTEXT NOT NULL,
  PRIMARY KEY (id),
  KEY event_type_id (event_type_id),
  KEY user_id (user_id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin"""

INSERT_EVENTS = "INSERT INTO event_log (event_id, event_type_id, source_id, user_id) VALUES (%s, %s, %s, %s)"
INSERT_DATA = "INSERT INTO event_data (event_id, event_data) VALUES (%s, %s)"
COPY_TO_CLASSIC = """
INSERT INTO classic_event (id, created, event_type_id, source_id, user_id, data)
SELECT %(before)s + ROW_NUMBER() OVER (ORDER BY event_id),
  TIMESTAMPADD(MICROSECOND, (event_id >> %(millisecond_shift)s & 1023) * 1000,
    TIMESTAMPADD(SECOND, event_id >> %(second_shift)s, %(epoch)s)),
  event_type_id, source_id, user_id, event_data
FROM event_log JOIN event_data USING (event_id)
WHERE event_id BETWEEN %(first)s AND %(last)s
ORDER BY event_id"""

EVENT_TABLES = ("event_log", "event_data")
CLASSIC_TABLE = "classic_event"


class SameEvent(NamedTuple):
    """One event under its id in each layout."""

    event_id: int
    classic_id: int


def create_layouts(address: MariaDBAddress, database: str) -> None:
    """Make the database with both layouts, empty."""
    create_schema(address, database)
    with address.cursor(database) as cursor:
        cursor.execute(CREATE_CLASSIC)


def create_schema(
    address: MariaDBAddress, database: str, types: Sequence[str] | None = None, sources: Sequence[str] = (SOURCE,)
) -> None:
    """Make the database, PicoEvent's schema as `picoevent init` does, and the names of the events; ids count from 1.

    Without `types` they are those of the traffic. The first source is `SOURCE`.
    """
    url = address.create_database(database)
    store = open_store(url, Settings(url=url), Purpose.ADMIN)
    try:
        store.init()
        for name in sources:
            store.create_name(SOURCES, name, MAX_NAMES)
        for name in event_type_names() if types is None else types:
            store.create_name(EVENT_TYPES, name, MAX_NAMES)
    finally:
        store.close()
    with address.cursor(database) as cursor:
        cursor.execute("SELECT source_id FROM source WHERE name = %s", (SOURCE,))
        assert cursor.fetchone() == (SOURCE_ID,)  # noqa: S101  # the made events have its number already


def load(cursor: Cursor, size: Size, end_second: int, progress: Progress) -> list[SameEvent]:
    """Store the traffic of the 30 days before `end_second` in both layouts; return the first event of each batch."""
    cursor.execute("SET sql_log_bin = 0")
    known: list[SameEvent] = []
    done = 0
    for batch in make_batches(size.events, end_second):
        _insert(cursor, batch, done)
        known.append(SameEvent(batch[0].event_id, done + 1))
        done += len(batch)
        progress.count("events stored in both layouts", done, size.events)
    progress.end()
    settle(cursor, (*EVENT_TABLES, CLASSIC_TABLE))
    return known


def add_classic_key(cursor: Cursor, columns: Sequence[str]) -> None:
    """Give the classic table one more index."""
    cursor.execute(f"ALTER TABLE classic_event ADD KEY ({', '.join(columns)})")
    settle(cursor, (*EVENT_TABLES, CLASSIC_TABLE))


def settle(cursor: Cursor, tables: Sequence[str]) -> None:
    """Write every changed page to disk and count the keys, so that no background work falls into a measurement."""
    cursor.execute(f"FLUSH TABLES {', '.join(tables)} FOR EXPORT")
    cursor.execute("UNLOCK TABLES")
    cursor.execute(f"ANALYZE TABLE {', '.join(tables)}")


def copy_to_classic(cursor: Cursor, before: int, first: int, last: int) -> int:
    """Copy the events of these ids into the classic table, behind the `before` that it has; return how many."""
    arguments = {
        "before": before,
        "first": first,
        "last": last,
        "millisecond_shift": MILLISECOND_SHIFT,
        "second_shift": SECOND_SHIFT,
        "epoch": EPOCH.strftime("%Y-%m-%d"),
    }
    return cursor.execute(COPY_TO_CLASSIC, arguments)


def _insert(cursor: Cursor, batch: Sequence[MadeEvent], before: int) -> None:
    cursor.execute("START TRANSACTION")
    cursor.executemany(INSERT_EVENTS, [event[:4] for event in batch])
    cursor.executemany(INSERT_DATA, [(event.event_id, event.payload) for event in batch])
    copy_to_classic(cursor, before, batch[0].event_id, batch[-1].event_id)
    cursor.execute("COMMIT")
