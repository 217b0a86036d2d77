"""Who folds: one transaction at a time, on the lock of one row, and one leader as long as its heart beats."""

from __future__ import annotations

import os
import secrets
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from sqlalchemy import Connection, text, update

from picoevent.errors import PicoEventError
from picoevent.store.base import TransactionAborted
from picoevent.store.fold_state import FoldState, read_state
from picoevent.store.rollup_tables import fold_state
from picoevent.store.sql import SqlStore

BEAT_MS = 900
"""An idle leader's heart beats this far apart at least: each beat is written to the binary log."""

Clock = Callable[[Connection], int]
"""Returns the Unix time in milliseconds as all who fold agree on it."""


class StandBy(PicoEventError):
    """Another process folds."""


@dataclass(slots=True)
class Turn:
    """One transaction that may change rollups. What is put into `changes` is written to `fold_state` at its end.

    A set that gets more than `members_kept` members in one bucket is written as a sample.
    """

    connection: Connection
    state: FoldState
    now_ms: int
    members_kept: int
    changes: dict[str, int | str] = field(default_factory=dict)

    @property
    def now(self) -> int:
        """The time of this turn, in Unix seconds."""
        return self.now_ms // 1000

    @property
    def part(self) -> int:
        """The number of the parts that this turn writes; also the version that the rollups have behind it."""
        return self.state.version + 1

    def mark_changed(self, part: int | None = None) -> None:
        """Say that a rollup was changed; where a bucket got several parts at once, with the number of each."""
        self.changes["version"] = max(int(self.changes.get("version", 0)), part or self.part)


def server_clock(connection: Connection) -> int:
    """Return the primary's clock; the machine's own, where the database is a file on it."""
    if connection.dialect.name == "sqlite":
        return time.time_ns() // 1_000_000
    return int(connection.execute(text("SELECT CAST(UNIX_TIMESTAMP(NOW(3)) * 1000 AS UNSIGNED)")).scalar() or 0)


def new_name() -> str:
    """Return a name for one that folds: where it runs, and something that nobody else has."""
    return f"{socket.gethostname()[:60]}:{os.getpid()}:{secrets.token_hex(4)}".encode("ascii", "replace").decode()


class Turns:
    """Open turns on a store, as a leader of this name."""

    def __init__(self, store: SqlStore, name: str, clock: Clock = server_clock) -> None:
        self._store = store
        self.name = name
        self._clock = clock

    @contextmanager
    def leading(self) -> Iterator[Turn]:
        """Open a turn of the leader, and let the heart beat; raise `StandBy` while another one does."""
        try:
            with self._store.transaction() as connection:
                turn = self._begin(connection)
                if turn.state.leader != self.name and turn.state.is_led(turn.now_ms):
                    raise StandBy(f"{turn.state.leader} folds.")
                yield turn
                due = abs(turn.now_ms - turn.state.heartbeat_ms) >= BEAT_MS
                if turn.changes or due or turn.state.leader != self.name:
                    turn.changes |= {"leader": self.name, "heartbeat_ms": turn.now_ms}
                self._end(turn)
        except TransactionAborted as error:
            raise StandBy("Another transaction holds the lock.") from error

    @contextmanager
    def beside(self) -> Iterator[Turn]:
        """Open a turn without being the leader, who waits meanwhile: keep it short. Raises `StandBy` as above."""
        try:
            with self._store.transaction() as connection:
                turn = self._begin(connection)
                yield turn
                self._end(turn)
        except TransactionAborted as error:
            raise StandBy("Another transaction holds the lock.") from error

    def resign(self) -> None:
        """Let the next one lead at once."""
        with self._store.transaction() as connection:
            mine = fold_state.c.leader == self.name
            connection.execute(update(fold_state).where(mine).values(leader="", heartbeat_ms=fold_state.c.heartbeat_ms))

    def _begin(self, connection: Connection) -> Turn:
        state = read_state(connection, lock=True)
        return Turn(connection, state, self._clock(connection), self._store.settings.set_members_kept)

    @staticmethod
    def _end(turn: Turn) -> None:
        if turn.changes:
            turn.connection.execute(update(fold_state).values(**turn.changes))
