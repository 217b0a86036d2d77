"""Where a part of `ingest` runs: a server of its own, empty databases of one schema, folders that go with it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.ingest_crew import Crew, events_a_second
from bench.layouts import SOURCE, create_schema
from bench.progress import Progress
from bench.server import describe_server, production_mariadb
from picoevent.errors import PicoEventError
from picoevent.settings import Settings
from picoevent.testing.servers import MariaDBAddress, MariaDBServer

OURS, BASELINE = "bench", "bench_baseline"
SPOOL_MB = 4096
EVENT_TABLES = ("event_log", "event_data", "pending")

_MEMORY = Path("/dev/shm")  # noqa: S108  # a folder of our own in it


class NotStored(PicoEventError):
    """Not every event is in the database: what was measured was something else."""


@dataclass(frozen=True)
class Place:
    """A running server with the databases `OURS` and `BASELINE`."""

    server: MariaDBServer
    _disk: Path
    _memory: Path
    _numbers: Iterator[int]

    @property
    def address(self) -> MariaDBAddress:
        """How a process reaches the server."""
        return self.server.address

    def settings(self, database: str = OURS, **overrides: object) -> Settings:
        """Return the settings of an application that differ from the defaults in place and source alone."""
        fixed = {"source": SOURCE, "spool_dir": str(self.new_folder()), "spool_max_mb": SPOOL_MB}
        return Settings(url=self.server.url(database), **(fixed | overrides))

    def new_folder(self, *, in_memory: bool = False) -> Path:
        """Return a folder that does not exist yet."""
        return (self._memory if in_memory else self._disk) / str(next(self._numbers))

    def empty(self, database: str) -> None:
        """Make the event tables as new."""
        with self.address.cursor(database) as cursor:
            for table in EVENT_TABLES:
                cursor.execute(f"TRUNCATE TABLE {table}")

    def store(self, crew: Crew, database: str, events: int) -> float:
        """Have a crew store so many events in an empty database; return how many in a second, once all are there."""
        self.empty(database)
        laps = crew.run()
        self.check(database, events)
        return events_a_second(laps, events)

    def check(self, database: str, events: int) -> None:
        """Raise `NotStored` unless the tables hold exactly so many events."""
        with self.address.cursor(database) as cursor:
            cursor.execute(
                "SELECT (SELECT COUNT(*) FROM event_log), (SELECT COUNT(*) FROM event_data),"
                " (SELECT CAST(COALESCE(SUM(events), 0) AS SIGNED) FROM pending)"
            )
            found = cursor.fetchone()
        if found != (events,) * 3:
            names = ", ".join(EVENT_TABLES)
            raise NotStored(f"Of {events:,} events, {names} of {database} hold {found}.", hint="Run it alone.")


@contextmanager
def open_place(
    progress: Progress, types: Sequence[str] | None = None, sources: Sequence[str] = (SOURCE,)
) -> Iterator[Place]:
    """Start the server and make the databases, with these names (`create_schema`); all is gone at the end."""
    with ExitStack() as stack:
        progress.say("starting a private MariaDB")
        server = stack.enter_context(production_mariadb(local_infile=True))
        for database in (OURS, BASELINE):
            create_schema(server.address, database, types, sources)
        with server.address.cursor() as cursor:
            progress.say(describe_server(cursor))
        disk, memory = (
            Path(stack.enter_context(TemporaryDirectory(prefix="picoevent-", dir=parent)))
            for parent in (None, _MEMORY if _MEMORY.is_dir() else None)
        )
        yield Place(server, disk, memory, count())
