"""What two servers say of each other: the fold's heartbeat, the clock, and what is committed; no policy here."""

from __future__ import annotations

import time
from dataclasses import dataclass

from sqlalchemy import Connection, text

from picoevent.store.mysql_flavours import flavour_of

NO_GTIDS = ("", None)


@dataclass(frozen=True, slots=True)
class Standing:
    """How far a server is, in Unix milliseconds: when the fold's heart beat last, by the primary's clock, and its own
    clock. `position` is what it has committed, None where the server does not number that.
    """

    heartbeat_ms: int
    clock_ms: int
    position: str | None


def standing_of(connection: Connection) -> Standing:
    """Return how far a server is, in one statement."""
    if connection.dialect.name == "sqlite":
        beat = connection.execute(text("SELECT heartbeat_ms FROM fold_state")).scalar()
        return Standing(int(beat or 0), time.time_ns() // 1_000_000, None)
    position = flavour_of(connection).position
    clock = "CAST(UNIX_TIMESTAMP(NOW(3)) * 1000 AS UNSIGNED)"
    row = connection.execute(text(f"SELECT (SELECT heartbeat_ms FROM fold_state), {clock}, {position}")).one()  # noqa: S608
    return Standing(int(row[0] or 0), int(row[1]), None if row[2] in NO_GTIDS else str(row[2]))


def reaches(connection: Connection, position: str, seconds: float) -> bool:
    """Wait until a replica has what its primary has committed, so many seconds at most; return whether it has."""
    wait = text(f"SELECT {flavour_of(connection).wait_for}")
    return connection.execute(wait, {"position": position, "seconds": seconds}).scalar() == 0
