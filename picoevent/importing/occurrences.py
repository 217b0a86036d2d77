"""How often an event was seen before within its second: exact for any order of lines, in bounded memory."""

from __future__ import annotations

import sqlite3
from collections import OrderedDict
from types import TracebackType
from typing import Self

from picoevent.errors import PicoEventError

MAX_COUNTERS = 200_000
"""Counters kept in memory, some 25 MB; the others lie in a temporary file."""


class OccurrenceCounter:
    """Counts keys per second for one file.

    Counters of the seconds used last are in memory; seconds that have to make room go to a temporary SQLite
    file, which is looked at only for seconds between the first and the last one in it. So a file that runs
    forwards, or backwards, never reads from it.
    """

    def __init__(self, max_counters: int = MAX_COUNTERS) -> None:
        self._max_counters = max_counters
        self._counters = 0
        self._recent: OrderedDict[int, dict[int, int]] = OrderedDict()
        self._evicted: _CounterFile | None = None

    def count(self, second: int, key: int) -> int:
        """Return how often this key (64 bits, signed) was counted in this second before, and count it."""
        of_second = self._recent.get(second)
        if of_second is None:
            of_second = self._recent[second] = {}
        else:
            self._recent.move_to_end(second)
        before = of_second.get(key)
        if before is None:
            before = self._evicted.get(second, key) if self._evicted else 0
            self._counters += 1
        of_second[key] = before + 1
        if self._counters > self._max_counters:
            self._make_room()
        return before

    def close(self) -> None:
        """Remove the temporary file."""
        if self._evicted:
            self._evicted.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _make_room(self) -> None:
        """Evict a quarter of the counters at once, those of the seconds that were not used for longest."""
        evicted = []
        while self._counters > self._max_counters * 3 // 4:
            second, of_second = self._recent.popitem(last=False)
            self._counters -= len(of_second)
            evicted.append((second, of_second))
        if self._evicted is None:
            self._evicted = _CounterFile()
        self._evicted.put(evicted)


class _CounterFile:
    """Counters in a nameless file among the temporary ones, which ends with its connection."""

    def __init__(self) -> None:
        self._connection = sqlite3.connect("", isolation_level=None)
        # Nothing in here outlives the process: no journal, no fsync.
        for statement in (
            "PRAGMA journal_mode = OFF",
            "PRAGMA synchronous = OFF",
            "CREATE TABLE counter (second, key, seen, PRIMARY KEY (second, key)) WITHOUT ROWID",
        ):
            self._connection.execute(statement)
        self._first: int | None = None
        self._last: int | None = None

    def put(self, evicted: list[tuple[int, dict[int, int]]]) -> None:
        """Write the counters of seconds, over those written earlier."""
        rows = ((second, key, seen) for second, counters in evicted for key, seen in counters.items())
        try:
            self._connection.execute("BEGIN")
            self._connection.executemany("INSERT OR REPLACE INTO counter VALUES (?, ?, ?)", rows)
            self._connection.execute("COMMIT")
        except sqlite3.Error as error:
            raise _unusable(error) from error
        seconds = [second for second, _ in evicted]
        self._first = min(seconds) if self._first is None else min(self._first, *seconds)
        self._last = max(seconds) if self._last is None else max(self._last, *seconds)

    def get(self, second: int, key: int) -> int:
        """Return the counter of a key in a second, 0 where there is none."""
        if self._first is None or self._last is None or not self._first <= second <= self._last:
            return 0
        query = "SELECT seen FROM counter WHERE second = ? AND key = ?"
        try:
            found: tuple[int] | None = self._connection.execute(query, (second, key)).fetchone()
        except sqlite3.Error as error:
            raise _unusable(error) from error
        return found[0] if found else 0

    def close(self) -> None:
        """Close and so remove the file."""
        self._connection.close()


def _unusable(error: sqlite3.Error) -> PicoEventError:
    return PicoEventError(
        f"The temporary file that counts equal lines cannot be used ({error}).",
        hint="Make room in the folder for temporary files, or name another one in SQLITE_TMPDIR; "
        "the import can simply be repeated.",
    )
