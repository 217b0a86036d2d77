"""Part `ingest.import`: a file of NDJSON, against LOAD DATA of the rows that come of it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import TextIO

from bench.frame import Benchmark, Row, Size, Target
from bench.ingest_crew import Crew
from bench.ingest_events import as_new, make_events
from bench.ingest_place import BASELINE, OURS, NotStored, open_place
from bench.ingest_rows import LoadRows
from bench.layouts import SOURCE
from bench.progress import Progress
from picoevent import EventLog
from picoevent.importing import import_files
from picoevent.settings import Settings
from picoevent.store.record import Record
from picoevent.testing.servers import MariaDBAddress

OF_LOAD_DATA = 0.6
EVENTS_A_SECOND = 20
"""How many events the file has of each second of its time."""


@dataclass(frozen=True, slots=True)
class StoredRows:
    """The rows that an import has left in a database, sorted by id."""

    address: MariaDBAddress
    database: str

    def rows(self) -> list[Record]:
        """Read them."""
        with self.address.cursor(self.database) as cursor:
            cursor.execute(
                "SELECT event_id, event_type_id, source_id, user_id, CAST(event_data AS BINARY)"
                " FROM event_log JOIN event_data USING (event_id) ORDER BY event_id"
            )
            return [Record(*row[:4], None, row[4]) for row in cursor.fetchall()]


@dataclass
class ImportFile:
    """Import one file, as `picoevent import` does."""

    settings: Settings
    path: Path
    events: int

    def open(self) -> None:
        """Write the file, and open an event log that has been used."""
        self._log = EventLog(self.settings)
        self._log.log("bench.warm_up")
        with self.path.open("w", encoding="utf-8") as file:
            _write_file(file, self.events)

    def run(self) -> None:
        """Import it."""
        report = import_files(self._log, [self.path])
        if report.stored != self.events or not report.complete:
            raise NotStored(f"{report.stored:,} of {self.events:,} lines were stored.", hint="Run it alone.")

    def close(self) -> None:
        """Close the event log."""
        self._log.close()


def run(size: Size, progress: Progress) -> Iterator[Row]:
    """Import a file of so many events and load its rows, in turn, into empty tables."""
    with open_place(progress) as place:
        progress.say(f"writing a file of {size.events:,} events")
        path = place.new_folder().with_suffix(".ndjson")
        with Crew(ImportFile(place.settings(), path, size.events)) as importer:
            place.store(importer, OURS, size.events)
            loader = LoadRows(
                place.address, BASELINE, StoredRows(place.address, OURS), place.new_folder(in_memory=True)
            )
            with Crew(loader) as load:
                place.store(load, BASELINE, size.events)
                rates = []
                for _ in range(size.rounds):
                    pairs = ((importer, OURS), (load, BASELINE))
                    rates.append([place.store(crew, database, size.events) for crew, database in pairs])
                    progress.say("import {:,.0f}, LOAD DATA {:,.0f} events/s".format(*rates[-1]))
    ours, baseline = (median(column) for column in zip(*rates, strict=True))
    target = Target(ratio_at_least=OF_LOAD_DATA)
    yield Row("import of NDJSON, 1 process, vs LOAD DATA of its rows", ours, "events/s", baseline, target)


def _write_file(file: TextIO, count: int) -> None:
    begin = datetime.now(UTC).replace(microsecond=0) - timedelta(seconds=count / EVENTS_A_SECOND + 60)
    for number, made in enumerate(make_events(0, count)):
        event = as_new(made)
        moment = begin + timedelta(milliseconds=number * 1000 // EVENTS_A_SECOND)
        fields = {
            "time": moment.isoformat(timespec="milliseconds"),
            "type": event.event_type,
            "source": SOURCE,
            "user_id": event.user_id,
            "data": event.data,
        }
        file.write(json.dumps(fields, separators=(",", ":")) + "\n")


IMPORT = Benchmark(
    "ingest.import",
    "Lines of NDJSON imported in a second, against LOAD DATA of the rows that come of them.",
    run,
    full=Size(events=200_000, rounds=7),
    quick=Size(events=40_000, rounds=3),
)
