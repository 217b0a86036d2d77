"""The demo's place on the disk: its SQLite file, the key beside it, and the guard against harming another database."""

from __future__ import annotations

import fcntl
import os
import secrets
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import BinaryIO

from picoevent.demo.history import FILL_STARTED
from picoevent.errors import PicoEventError
from picoevent.settings import Settings

ANALYST = "demo"
"""The analyst who is signed in by the links that the demo prints."""
DEADLINE_MS = 30_000
"""The fill, the trickle and the browser share one file: who comes second waits."""


class NotADemo(PicoEventError):
    """The file holds something else than a demo, and stays as it is."""


class DemoPlace:
    """A database file that is a demo's alone."""

    def __init__(self, path: str | Path) -> None:
        self.name = str(path)
        self.path = Path(path).absolute()
        self.key_path = self.path.with_name(f"{self.path.name}.key")

    @property
    def url(self) -> str:
        """The URL of the database."""
        return f"sqlite:///{self.path}"

    def settings(self, *, secret_key: str = "") -> Settings:
        """Return the settings of a demo; the environment has no say, so that it stays within its file."""
        return Settings(url=self.url, deadline_ms=DEADLINE_MS, secret_key=secret_key)

    @contextmanager
    def reserved(self) -> Iterator[None]:
        """Keep other demos away from this file meanwhile; raise `PicoEventError` where one is at it."""
        with self._open_key_file() as key_file:
            try:
                fcntl.flock(key_file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                message = f"A demo is running on {self.path} already."
                raise PicoEventError(message, hint="Stop it first, or name another file with --file.") from None
            yield

    def secret_key(self) -> str:
        """Return the key that signs sessions: made once, so that a browser stays signed in over a restart."""
        with self._open_key_file() as key_file:
            key = key_file.read().decode("ascii", "replace").strip()
            if not key:
                key = secrets.token_urlsafe(48)
                key_file.write(key.encode())
        return key

    def check(self) -> bool:
        """Return whether there is a demo already; raise `NotADemo` where the file is something else."""
        if not self.path.parent.is_dir():
            raise PicoEventError(f"There is no folder {self.path.parent}.", hint="Make it, or name another --file.")
        if not self.path.exists() or self.path.stat().st_size == 0:
            # It will hold who may sign in: nobody but this user may read it, from its first moment on.
            self.path.touch(mode=0o600)
            return False
        try:
            tables, event_types = _names_in(self.path)
        except sqlite3.DatabaseError as error:
            raise self._not_a_demo(f"is no sound SQLite file ({error})") from error
        if "schema_step" not in tables and tables:
            raise self._not_a_demo("is the database of another program")
        if event_types and FILL_STARTED not in event_types:
            raise self._not_a_demo("is an event log of its own")
        return bool(event_types)

    def remove(self) -> None:
        """Delete the demo; raise `NotADemo` where the file is something else."""
        self.check()
        for suffix in ("-wal", "-shm", ""):
            self.path.with_name(self.path.name + suffix).unlink(missing_ok=True)

    def _open_key_file(self) -> BinaryIO:
        try:
            # Nobody but this user may read it, from its first moment on.
            number = os.open(self.key_path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            message = f"{self.key_path} can't be opened ({error.strerror})."
            raise PicoEventError(message, hint="Name a file in a folder where you may write, with --file.") from error
        return os.fdopen(number, "r+b")

    def _not_a_demo(self, why: str) -> NotADemo:
        return NotADemo(f"{self.path} {why}, not a demo.", hint="It stays as it is; name another file with --file.")


def _names_in(path: Path) -> tuple[set[str], set[str]]:
    """Return the tables and the event types of a file without changing it; opening it as an event log might."""
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as connection:
        tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        if "event_type" not in tables:
            return tables, set()
        return tables, {name for (name,) in connection.execute("SELECT name FROM event_type")}
