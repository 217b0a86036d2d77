"""The events of benchmark `reports`: visits of a site, made by DuckDB, which makes a million in a second.

The same ones for the same number and end. A few types, users and values make most of them, as in life.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from picoevent.errors import PicoEventError
from picoevent.event import NewEvent
from picoevent.ids import EPOCH_UNIX, MILLISECOND_SHIFT, SECOND_SHIFT, SEQUENCES, TAG_SHIFT

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

DAYS = 90
DAY_MS = 86_400_000
USERS = 200_000
EVENT_TYPES = 30
SOURCES = 5
DIMENSIONS = ("path", "country", "ip")
"""Declared for the first type, `PAGE_VIEW`, which 44% of the events are of."""
PAGE_VIEW, CART, ORDER = "page.view", "visit.02", "visit.03"

PATHS, LASTING_PATHS, COUNTRIES, IPS = 200, 180, 40, 20_000
"""Each day has 200 paths; the 20 that are seen least are of that day alone."""
CHUNK = 100_000
WRITERS = 4
SLOTS = 10_000
LOG_COLUMNS = "event_id, event_type_id, source_id, user_id"
NULL = "\\N"
_TABS = f"FORMAT csv, DELIMITER '\t', HEADER false, NULLSTR '{NULL}', QUOTE '|', ESCAPE '|'"


@dataclass(frozen=True, slots=True)
class Visits:
    """So many events, evenly spread over the span before `end_ms`, Unix milliseconds; one in five has no user."""

    events: int
    end_ms: int
    span_ms: int = DAYS * DAY_MS
    users: int = USERS
    types: int = EVENT_TYPES
    weight: float = 1.5
    """How uneven types are: the n-th has n ** -weight of the first one's events."""
    seed: int = 0

    @property
    def since_ms(self) -> int:
        """The moment of the first event."""
        return self.end_ms - self.span_ms

    def type_names(self) -> list[str]:
        """Return the names of the types, the most frequent first; the first one has the id 1."""
        return [PAGE_VIEW, *(f"visit.{rank:02}" for rank in range(2, self.types + 1))]

    def chunks(self) -> Iterator[tuple[int, int]]:
        """Yield the numbers, from and to, that the events are made by."""
        edges = [*range(0, self.events, CHUNK), self.events]
        return itertools.pairwise(edges)

    def slots(self) -> list[int]:
        """Return type ids, each as often as its share of the events asks for, but once at least."""
        weights = [rank**-self.weight for rank in range(1, self.types + 1)]
        counts = [max(1, round(SLOTS * weight / sum(weights))) for weight in weights]
        return [rank for rank, count in enumerate(counts, 1) for _ in range(count)]


class Maker:
    """A DuckDB that makes events, chunk by chunk, as the table `made`."""

    def __init__(self) -> None:
        self._duck = open_duckdb()

    def make(self, visits: Visits, first: int, last: int) -> None:
        """Make the events with these numbers, in the order of their ids."""
        arguments = {
            "first": first, "last": last, "slots": visits.slots(), "users": visits.users, "events": visits.events,
            "since": visits.since_ms, "span": visits.span_ms, "step": max(1, visits.span_ms // visits.events),
            "seed": visits.seed,
        }  # fmt: skip
        self._duck.execute(_MAKE, arguments)

    def write_csv(self, log: Path, data: Path) -> None:
        """Write what was made as files for LOAD DATA: the narrow rows, and the payloads."""
        for columns, file in ((LOG_COLUMNS, log), ("event_id, payload", data)):
            self._duck.execute(f"COPY (SELECT {columns} FROM made) TO '{file}' ({_TABS})")

    def write_events(self, file: Path) -> None:
        """Write what was made as `read_events` reads it."""
        self._duck.execute(f"COPY (SELECT event_type_id, user_id, payload FROM made) TO '{file}' ({_TABS})")

    def write_parquet(self, file: Path) -> None:
        """Write what was made as Parquet: the narrow rows, the moment, and the dimensions, without payloads."""
        columns = f"{LOG_COLUMNS}, epoch_ms(ms) AS created, {', '.join(DIMENSIONS)}"
        self._duck.execute(f"COPY (SELECT {columns} FROM made) TO '{file}' (FORMAT parquet)")

    def columns(self) -> tuple[list[int], list[int], list[int], list[int | None]]:
        """Return ids, types, sources and users of what was made, side by side."""
        rows = self._duck.execute(f"SELECT {LOG_COLUMNS} FROM made").fetchall()
        ids, types, sources, users = (list(column) for column in zip(*rows, strict=True))
        return ids, types, sources, users

    def close(self) -> None:
        """Let go of the memory."""
        self._duck.close()


def write_events(visits: Visits, file: Path) -> Path:
    """Write visits to be read by processes that log them: without a time of their own; return the file."""
    maker = Maker()
    maker.make(visits, 0, visits.events)
    maker.write_events(file)
    maker.close()
    return file


def read_events(file: Path) -> list[NewEvent]:
    """Return the events of a file, as a caller has them."""
    names = Visits(0, 0).type_names()
    rows = [line.split("\t") for line in file.read_text("utf-8").splitlines()]
    return [
        NewEvent(names[int(kind) - 1], msgspec.json.decode(payload), None if user == NULL else int(user))
        for kind, user, payload in rows
    ]


def open_duckdb() -> DuckDBPyConnection:
    """Return a DuckDB in memory; raise `DuckDBMissing` where the package is."""
    try:
        import duckdb
    except ImportError:
        raise DuckDBMissing("The package duckdb is missing.", hint="Run: pip install duckdb") from None
    return duckdb.connect()


class DuckDBMissing(PicoEventError):
    """The events and one of the baselines come from DuckDB."""


def _random(number: int) -> str:
    """Return an expression between 0 and 1, another one for each number."""
    return f"(hash((i + $seed * 1000003) * 16 + {number} + 7919) / 18446744073709551616.0)"


def _skewed(number: int, count: int | str) -> str:
    """Return an expression from 0 to below `count`, small numbers more often, but every one at least half as often."""
    return f"CAST(floor({count} * pow({_random(number)}, 2)) AS BIGINT)"


_ID = f"""((ms // 1000 - {EPOCH_UNIX}) << {SECOND_SHIFT}) | ((i % {WRITERS}) << {TAG_SHIFT})
  | ((ms % 1000) << {MILLISECOND_SHIFT}) | (i % {SEQUENCES})"""

_MAKE = f"""CREATE OR REPLACE TEMP TABLE made AS
WITH drawn AS (
  SELECT i,
    $since + i * $span // $events + CAST(floor($step * {_random(1)}) AS BIGINT) AS ms,
    list_extract($slots, 1 + CAST(floor({_random(2)} * len($slots)) AS BIGINT)) AS event_type_id,
    1 + {_skewed(3, SOURCES)} AS source_id,
    CASE WHEN {_random(4)} >= 0.2 THEN {_skewed(5, "$users")} END AS user_id,
    {_skewed(6, PATHS)} AS page, 'c' || {_skewed(7, COUNTRIES)} AS country, {_skewed(8, IPS)} AS host
  FROM range($first, $last) AS numbers(i)
), named AS (
  SELECT *,
    '/articles/' || CASE WHEN page < {LASTING_PATHS} THEN page ELSE ms // {DAY_MS} * {PATHS} + page END AS path,
    '10.' || host // 65536 || '.' || host // 256 % 256 || '.' || host % 256 AS ip
  FROM drawn
)
SELECT {_ID} AS event_id, ms, event_type_id, source_id, user_id, path, country, ip,
  '{{"path":"' || path || '","country":"' || country || '","ip":"' || ip || '","status":200,"duration_ms":'
    || (hash(i) % 1000) || ',"session":"' || md5(CAST(i AS VARCHAR))
    || '","agent":"Mozilla/5.0 (X11; Linux x86_64)"}}' AS payload
FROM named ORDER BY event_id"""
