"""Where a scenario happens: its servers, databases, folders and workers; all is gone when the scenario is over."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from random import Random
from typing import Any, Self
from uuid import uuid4

from pymysql.cursors import Cursor

from picoevent import EventLog
from picoevent.settings import Settings
from picoevent.spool import list_spools
from picoevent.store import open_store
from picoevent.store.base import Purpose
from picoevent.testing.proxy import FaultyProxy
from picoevent.testing.servers import MariaDBAddress, MariaDBServer, RedisServer
from torture.account import Account, Traces, read_traces, settle
from torture.disk import SmallDisk
from torture.measure import Report, read_report
from torture.nursery import Nursery, Running
from torture.slowness import Slowness
from torture.strings import Strings, start_puppet
from torture.task import Task

POLL_SECONDS = 0.02


class Late(AssertionError):
    """Something that has to happen did not happen in time."""


@dataclass(frozen=True, slots=True)
class Database:
    """An initialised database, and the folders in which its workers write traces and spool events."""

    address: MariaDBAddress
    name: str
    folder: Path

    @property
    def url(self) -> str:
        """The URL for `EventLog`."""
        return self.address.url(self.name)

    @property
    def spool_dir(self) -> Path:
        """The folder of the spool, which all its workers share."""
        return self.folder / "spool"

    def through(self, proxy: FaultyProxy) -> str:
        """Return the URL that leads through a proxy in front of its server."""
        return MariaDBAddress(proxy.port, self.address.password).url(self.name)

    def traces(self) -> Traces:
        """Return what its workers wrote down until now."""
        return read_traces(self.folder)

    def report(self, name: str) -> Report:
        """Return the last words of a worker that came to its end."""
        return read_report(self.folder, name)

    def spooled(self) -> int:
        """Count what waits in the spools of its workers, as anybody can see it from outside."""
        return sum(spool.pending for spool in list_spools(self.spool_dir))

    def drain(self, seconds: float = 60) -> dict[str, int]:
        """Take over the spools of its workers, wait until they are empty, and return what was counted meanwhile."""
        with EventLog(self.url, spool_dir=str(self.spool_dir), deadline_ms=10_000) as log:
            report = log.drain_spool(timeout=seconds)
            if report.left or self.spooled():
                raise Late(f"after {seconds:g} s the spool is not empty: {report}, from outside {self.spooled()}")
            return log.counters()

    @staticmethod
    def wait_until(holds: Callable[[], bool], seconds: float, what: str) -> float:
        """Return after how many seconds it holds; raise `Late` where that takes too long."""
        began = time.monotonic()
        while not holds():
            if time.monotonic() - began > seconds:
                raise Late(f"after {seconds:g} s it is not so that {what}")
            time.sleep(POLL_SECONDS)
        return time.monotonic() - began

    def account(self, traces: Traces | None = None) -> Account:
        """Compare what its workers wrote down with what it holds."""
        return settle(self.address, self.name, traces or self.traces())

    def cursor(self) -> AbstractContextManager[Cursor]:
        """Return a context with a cursor on it."""
        return self.address.cursor(self.name)

    def empty(self) -> None:
        """Delete its events, so that the next account has less to read."""
        with self.cursor() as cursor:
            for table in ("event_log", "event_data", "pending"):
                cursor.execute(f"DELETE FROM {table}")

    def count(self) -> int:
        """Count its events."""
        with self.address.cursor(self.name) as cursor:
            cursor.execute("SELECT COUNT(*) FROM event_log")
            return cursor.fetchone()[0]


class Site:
    """Hands out what a scenario needs, and takes it back; `with` is its life.

    `shared` returns a MariaDB that no scenario may harm. Bounds of time are `precise` where the machine has nothing
    else to do.
    """

    def __init__(self, folder: Path, seed: int, shared: Callable[[], MariaDBAddress], *, precise: bool = True) -> None:
        self.folder = folder
        self.random = Random(seed)
        self._precise = precise
        self._shared = shared
        self._stack = ExitStack()
        self._slowness = Slowness()

    def bound(self, milliseconds: float) -> float:
        """Return a bound of time, in milliseconds; where it is not precise, with room for what else is going on."""
        if self._precise:
            return milliseconds
        return (milliseconds + min(9 * milliseconds, 300)) * self._slowness.factor

    def database(self, address: MariaDBAddress | None = None) -> Database:
        """Make an initialised database, on the shared server where none is named."""
        address = address or self._shared()
        name = f"torture_{uuid4().hex}"
        address.create_database(name)
        if address == self._shared():
            self._stack.callback(address.drop_database, name)
        folder = self.folder / name
        folder.mkdir()
        database = Database(address, name, folder)
        store = open_store(database.url, Settings(url=database.url), Purpose.ADMIN)
        store.init()
        store.close()
        return database

    def place_beside(self, database: Database) -> Database:
        """Return the same database with another folder, so that other workers have spools and traces of their own."""
        folder = self.folder / uuid4().hex[:8]
        folder.mkdir()
        return replace(database, folder=folder)

    def mariadb(self, **options: Any) -> MariaDBServer:  # noqa: ANN401
        """Start a MariaDB that may be harmed."""
        return self._stack.enter_context(MariaDBServer(**options))

    def unstarted_mariadb(self, **options: Any) -> MariaDBServer:  # noqa: ANN401
        """Return a MariaDB that is to be started once its place is prepared."""
        server = MariaDBServer(**options)
        self._stack.callback(server.close)
        return server

    def redis(self, **options: Any) -> RedisServer:  # noqa: ANN401
        """Start a Redis that may be harmed."""
        return self._stack.enter_context(RedisServer(**options))

    def proxy(self, port: int) -> FaultyProxy:
        """Put a proxy in front of a port."""
        return self._stack.enter_context(FaultyProxy(port, seed=self.random.getrandbits(32)))

    def task(self, database: Database, name: str, url: str = "", **fields: Any) -> Task:  # noqa: ANN401
        """Make a task on a database, by another URL where one is given; `fields` are those of `Task`."""
        # Named, since whoever runs this may have an environment that says something else.
        settings = {"spool_dir": str(database.spool_dir), "deadline_ms": 1000, **fields.pop("settings", {})}
        return Task(name, url or database.url, str(database.folder), settings, **fields)

    def start(self, database: Database, name: str, url: str = "", **fields: Any) -> Running:  # noqa: ANN401
        """Start a worker that does such a task."""
        return self._nursery.start(self.task(database, name, url, **fields))

    def puppet(self, database: Database, name: str, url: str = "", **fields: Any) -> Strings:  # noqa: ANN401
        """Start a worker that takes orders."""
        return start_puppet(
            self._nursery.start, self.task(database, name, url, control=f"picoevent-{uuid4().hex}", **fields)
        )

    def small_disk(self, where: str | Path, megabytes: int) -> SmallDisk:
        """Mount a disk of a size on a folder, named below the scenario's own."""
        return self._stack.enter_context(SmallDisk(self.folder / where, megabytes))

    def end_with_it(self, process: subprocess.Popen[bytes]) -> None:
        """Kill a program that still runs when the scenario is over."""
        self._stack.callback(_kill, process)

    @cached_property
    def _nursery(self) -> Nursery:
        return self._stack.enter_context(Nursery())

    def __enter__(self) -> Self:
        self._stack.enter_context(self._slowness)
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()


def _kill(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()
