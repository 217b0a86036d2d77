"""The names of event types and sources as pages offer them: from the small dictionary tables, seldom read again."""

from __future__ import annotations

import time
from collections.abc import Callable

from picoevent import EventLog

KEPT_SECONDS = 10.0
UNKNOWN_SECONDS = 1.0
"""How soon a name that is not known makes them be read again."""
OFFERED = 1000
"""How many names a field offers; people can write any other."""
SERIES = 8
"""How many colours there are."""


class Names:
    """Remember both dictionaries for some seconds; safe under threads."""

    def __init__(self, events: EventLog, clock: Callable[[], float] = time.monotonic) -> None:
        self._events = events
        self._clock = clock
        self._type_ids: dict[str, int] = {}
        self._sources: tuple[str, ...] = ()
        self._read_at = -KEPT_SECONDS

    def event_types(self) -> list[str]:
        """Return the first names of event types, in order."""
        self._refresh()
        return list(self._type_ids)[:OFFERED]

    def sources(self) -> tuple[str, ...]:
        """Return the first names of sources, in order."""
        self._refresh()
        return self._sources[:OFFERED]

    def unknown_event_types(self, asked: tuple[str, ...]) -> list[str]:
        """Return those of these names that no event type has."""
        # Who is told that a name does not exist has a right to the latest list.
        if not self._know(asked):
            self._read()
        return [name for name in asked if name not in self._type_ids]

    def series(self, event_type: str) -> int:
        """Return the colour of an event type, 1 to 8, by its id: the same on every page."""
        self._refresh((event_type,))
        return series_of(self._type_ids.get(event_type, 0))

    def _refresh(self, needed: tuple[str, ...] = ()) -> None:
        if self._clock() - self._read_at >= (KEPT_SECONDS if self._know(needed) else UNKNOWN_SECONDS):
            self._read()

    def _know(self, needed: tuple[str, ...]) -> bool:
        return all(name in self._type_ids for name in needed)

    def _read(self) -> None:
        self._type_ids = {row.name: row.event_type_id for row in self._events.event_types()}
        self._sources = tuple(row.name for row in self._events.sources())
        self._read_at = self._clock()


def series_of(event_type_id: int) -> int:
    """Return the colour of an event type's id, 1 to 8."""
    return (event_type_id - 1) % SERIES + 1
