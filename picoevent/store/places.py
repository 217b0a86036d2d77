"""How many costly questions a server answers at once, whichever processes ask: so many places, which are its own locks.

A lock goes with its session: whoever is killed leaves no place taken. SQLite has no server to spare.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from random import sample

from sqlalchemy import Connection, bindparam, func, select

from picoevent.errors import QueryTooCostly

MOST_SECONDS = 5.0
"""How long a place is waited for at most: the driver waits for an answer twice as long."""

# A database of its own has places of its own.
_NAME = func.concat("picoevent.place.", bindparam("place"), ".", func.md5(func.database()))
_TAKE = select(func.get_lock(_NAME, bindparam("seconds")))
_LEAVE = select(func.release_lock(_NAME))


@contextmanager
def place_among(connection: Connection, places: int, seconds: float) -> Iterator[None]:
    """Have one of so many places within this block; raise `QueryTooCostly` where none is free within some seconds."""
    if connection.dialect.name == "sqlite":
        yield
        return
    place = _take(connection, places, min(seconds, MOST_SECONDS))
    try:
        yield
    finally:
        if not connection.invalidated:
            connection.execute(_LEAVE, {"place": place})


def _take(connection: Connection, places: int, seconds: float) -> int:
    """Take any place that is free, or wait for one of them."""
    order = sample(range(places), places)
    for place, patience in [*((place, 0.0) for place in order), (order[0], seconds)]:
        if connection.execute(_TAKE, {"place": place, "seconds": patience}).scalar():
            return place
    raise QueryTooCostly(
        f"This question has waited {seconds:g} seconds for {places} other costly ones.",
        hint="Ask again in a moment, or narrow it to a shorter range (PICOEVENT_REPORT_MAX_AT_ONCE).",
    )
