"""Parts `ingest.durable` and `ingest.bytes`: many events at once, and how they lie in the tables then."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from statistics import median

from bench.frame import Benchmark, Row, Size, Target
from bench.ingest_crew import Crew
from bench.ingest_events import PAYLOAD_BYTES, MadeRows
from bench.ingest_place import BASELINE, OURS, Place, open_place
from bench.ingest_rows import LoadRows
from bench.ingest_writers import LogMany
from bench.progress import Progress

WRITERS = 2
THREADS = 4
THREAD_CALL_EVENTS = 1_000

OF_LOAD_DATA = 0.75
EVENTS_A_SECOND = 50_000

MAX_LOG_BYTES, MAX_DATA_RATIO = 130, 1.35
LEAST_EVENTS = 1_000_000
"""Of fewer events, the space that InnoDB keeps ready for the next ones would count too much."""


def run_durable(size: Size, progress: Progress) -> Iterator[Row]:
    """Store as many events as `size` says in each round, in turn by `log_many` and by LOAD DATA, into empty tables."""
    with open_place(progress) as place, ExitStack() as stack:
        each = size.events // WRITERS
        progress.say(f"making {size.events:,} events for {WRITERS} writers of each kind")
        log_many = stack.enter_context(Crew(*_writers(place, each)))
        threads = stack.enter_context(Crew(*_writers(place, each, threads=THREADS, call_events=THREAD_CALL_EVENTS)))
        load = stack.enter_context(Crew(*_loaders(place, each)))
        kinds = ((log_many, OURS), (load, BASELINE), (threads, OURS))
        rates: list[tuple[float, ...]] = []
        for _ in range(size.rounds + 1):
            rates.append(tuple(place.store(crew, database, size.events) for crew, database in kinds))
            progress.say("log_many {:,.0f}, LOAD DATA {:,.0f}, threads {:,.0f} events/s".format(*rates[-1]))
    ours, baseline, threaded = (median(column) for column in zip(*rates[1:], strict=True))
    target = durable_target(baseline)
    yield Row("log_many, 2 writers, vs LOAD DATA", ours, "events/s", baseline, target)
    yield Row(f"log_many, 2 writers of {THREADS} threads, vs LOAD DATA", threaded, "events/s", baseline, target)


def run_bytes(size: Size, progress: Progress) -> Iterator[Row]:
    """Store as many events as `size` says, by two writers at once and by one, and look at the tables."""
    with open_place(progress) as place:
        found = {}
        for database, writers in ((OURS, WRITERS), (BASELINE, 1)):
            each = size.events // size.rounds // writers
            with Crew(*_writers(place, each, database=database, count=writers)) as crew:
                place.empty(database)
                progress.say(f"storing {size.events:,} events, writers at once: {writers}")
                for _ in range(size.rounds):
                    crew.run()
            place.check(database, size.events)
            found[database] = _bytes_of_tables(place, database)
    log, data = (tuple(found[database][part] / size.events for database in (OURS, BASELINE)) for part in (0, 1))
    exact = size.events >= LEAST_EVENTS
    log_target = Target(at_most=MAX_LOG_BYTES) if exact else Target()
    data_target = Target(at_most=MAX_DATA_RATIO) if exact else Target()
    yield Row("event_log with its indexes, 2 writers, vs 1", log[0], "bytes/row", log[1], log_target)
    by_payload = [size_of_row / PAYLOAD_BYTES for size_of_row in data]
    yield Row("event_data by its payloads, 2 writers, vs 1", by_payload[0], "times", by_payload[1], data_target)


def _writers(place: Place, events: int, *, database: str = OURS, count: int = WRITERS, **how: int) -> list[LogMany]:
    return [LogMany(place.settings(database), number, events, **how) for number in range(count)]


def _loaders(place: Place, events: int) -> list[LoadRows]:
    sources = [MadeRows(number, events) for number in range(WRITERS)]
    return [LoadRows(place.address, BASELINE, source, place.new_folder(in_memory=True)) for source in sources]


def durable_target(baseline: float) -> Target:
    """Return the bounds: so many events a second are asked for where LOAD DATA could store as many at that ratio."""
    allowed = baseline * OF_LOAD_DATA >= EVENTS_A_SECOND
    return Target(ratio_at_least=OF_LOAD_DATA, at_least=EVENTS_A_SECOND if allowed else None)


def _bytes_of_tables(place: Place, database: str) -> Sequence[int]:
    """Return what `event_log` with its indexes, and `event_data`, take of their tablespaces, in bytes."""
    with place.address.cursor(database) as cursor:
        cursor.execute("ANALYZE TABLE event_log, event_data")
        cursor.execute(
            "SELECT CAST(data_length + index_length AS SIGNED) FROM information_schema.tables"
            " WHERE table_schema = %s AND table_name IN ('event_log', 'event_data') ORDER BY table_name DESC",
            (database,),
        )
        return [row[0] for row in cursor.fetchall()]


DURABLE = Benchmark(
    "ingest.durable",
    "Events stored in a second by 2 processes, against LOAD DATA of the same rows.",
    run_durable,
    full=Size(events=400_000, rounds=7),
    quick=Size(events=80_000, rounds=3),
)
ROW_BYTES = Benchmark(
    "ingest.bytes",
    "Bytes of a row after 2 processes have stored a million events, against 1 process.",
    run_bytes,
    full=Size(events=2_000_000, rounds=10),
    quick=Size(events=200_000, rounds=2),
)
