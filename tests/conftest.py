"""Fixtures for all tests: real private servers, shared by the whole run, and an empty database for each test.

The shared servers are started by the process that hands out the tests (pytest-xdist), or with `-n 0` by
the first test that needs them. A test that stops, freezes or breaks a server asks for one of its own.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
from redis import Redis

from picoevent import EventLog, Settings
from picoevent.store import open_store
from picoevent.store.base import Purpose
from picoevent.testing.servers import (
    MariaDBAddress,
    MariaDBServer,
    PrivateServerError,
    RedisServer,
    start_all,
    wait_for_replica,
)

STARTED = pytest.StashKey[tuple[MariaDBServer, MariaDBServer, RedisServer]]()


MEMORY_DISK = Path("/dev/shm")  # noqa: S108  # a folder of this run is made in it, which only its owner can enter
MEMORY_NEEDED_BYTES = 4 << 30


@dataclass(frozen=True)
class SharedServers:
    """Where the servers of this run answer: plain values, to be sent to the processes that run the tests."""

    primary: MariaDBAddress
    replica: MariaDBAddress
    redis_port: int


def _shared_servers(config: pytest.Config) -> SharedServers:
    """Start the servers unless they run, in the process that keeps them until the run ends."""
    if STARTED not in config.stash:
        primary = MariaDBServer(durable=False)
        servers = (primary, MariaDBServer(replica_of=primary, durable=False), RedisServer())
        try:
            start_all(*servers)
        except PrivateServerError as error:
            pytest.exit(str(error), returncode=1)
        config.stash[STARTED] = servers
    primary, replica, redis = config.stash[STARTED]
    return SharedServers(primary.address, replica.address, redis.port)


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Keep all files of this run in memory where there is room: no figure of a test waits for a shared disk."""
    if hasattr(config, "workerinput") or "TMPDIR" in os.environ or not _has_room(MEMORY_DISK):
        return
    folder = TemporaryDirectory(prefix="picoevent-tests-", dir=MEMORY_DISK)
    config.add_cleanup(folder.cleanup)
    # Tests that give up being root look for their files in it.
    Path(folder.name).chmod(0o711)
    os.environ["TMPDIR"] = folder.name
    tempfile.tempdir = None


def _has_room(folder: Path) -> bool:
    try:
        return shutil.disk_usage(folder).free >= MEMORY_NEEDED_BYTES and os.access(folder, os.W_OK)
    except OSError:
        return False


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tell a process that will run tests where the servers are."""
    node.workerinput["servers"] = asdict(_shared_servers(node.config))


def pytest_unconfigure(config: pytest.Config) -> None:
    for server in config.stash.get(STARTED, ()):
        server.close()


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Print what tests have to say although they pass: `record_property("note", text)`."""
    notes = [
        text
        for report in terminalreporter.getreports("passed")
        for name, text in report.user_properties
        if name == "note"
    ]
    for note in notes:
        terminalreporter.write_line(note)


@pytest.fixture(autouse=True)
def _settings_of_this_test(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test spools into the home of whoever runs it, nor because the machine is busy: that has tests of its own."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("PICOEVENT_DEADLINE_MS", "10000")


@pytest.fixture(scope="session")
def servers(request: pytest.FixtureRequest) -> SharedServers:
    """Where the shared servers answer."""
    workerinput = getattr(request.config, "workerinput", None)
    if workerinput is None:
        return _shared_servers(request.config)
    sent = workerinput["servers"]
    return SharedServers(MariaDBAddress(**sent["primary"]), MariaDBAddress(**sent["replica"]), sent["redis_port"])


@pytest.fixture(scope="session")
def mariadb(servers: SharedServers) -> MariaDBAddress:
    """The shared MariaDB: `.url(database)`, `.cursor(database)`, `.create_database(name)`."""
    return servers.primary


@pytest.fixture(scope="session")
def mariadb_replica(servers: SharedServers) -> MariaDBAddress:
    """The replica of the shared MariaDB."""
    return servers.replica


@pytest.fixture
def mysql_url(mariadb: MariaDBAddress) -> Iterator[str]:
    """The URL of an empty database that is this test's alone."""
    name = f"test_{uuid4().hex}"
    yield mariadb.create_database(name)
    mariadb.drop_database(name)


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """The URL of an SQLite file that does not exist yet."""
    return f"sqlite:///{tmp_path / 'picoevent.db'}"


@pytest.fixture(params=["sqlite", "mysql"])
def store_url(request: pytest.FixtureRequest) -> str:
    """The URL of an empty database: the test runs once for each kind."""
    return request.getfixturevalue(f"{request.param}_url")


@pytest.fixture
def catch_up(mariadb: MariaDBAddress, mariadb_replica: MariaDBAddress) -> Callable[[], None]:
    """`catch_up()` returns when the replica has applied all that the primary has committed."""
    return lambda: wait_for_replica(mariadb, mariadb_replica)


@pytest.fixture
def replica_url_of(mariadb_replica: MariaDBAddress, catch_up: Callable[[], None]) -> Callable[[str], str]:
    """`replica_url_of(mysql_url)` is the same database on the replica, which has caught up."""

    def replica_url_of(mysql_url: str) -> str:
        catch_up()
        return mariadb_replica.url(urlsplit(mysql_url).path.removeprefix("/"))

    return replica_url_of


@pytest.fixture
def redis_url(servers: SharedServers, worker_id: str) -> Iterator[str]:
    """The URL of an empty Redis database; its memory limit is shared, so FLUSHALL is for `own_redis`."""
    number = 0 if worker_id == "master" else int(worker_id.removeprefix("gw"))
    url = f"redis://127.0.0.1:{servers.redis_port}/{number}"
    with Redis.from_url(url) as redis:
        redis.flushdb()
        yield url
        redis.flushdb()


@pytest.fixture
def own_mariadb() -> Iterator[Callable[..., MariaDBServer]]:
    """`own_mariadb(replica_of=..., ...)` starts a MariaDB for this test, to be stopped, killed or frozen."""
    with ExitStack() as stack:
        yield lambda **options: stack.enter_context(MariaDBServer(**options))


@pytest.fixture(scope="session")
def loading_mariadb() -> Iterator[MariaDBServer]:
    """A MariaDB that allows LOAD DATA LOCAL, as the shared one does not; one for each process that runs tests."""
    with MariaDBServer(durable=False, local_infile=True) as server:
        yield server


@pytest.fixture
def loading_url(loading_mariadb: MariaDBServer) -> Iterator[str]:
    """The URL of an empty database on it."""
    name = f"test_{uuid4().hex}"
    yield loading_mariadb.create_database(name)
    loading_mariadb.address.drop_database(name)


@pytest.fixture
def own_redis() -> Iterator[Callable[..., RedisServer]]:
    """`own_redis(max_memory=...)` starts a Redis for this test, to be stopped, killed or frozen."""
    with ExitStack() as stack:
        yield lambda **options: stack.enter_context(RedisServer(**options))


@pytest.fixture
def ready_url(store_url: str) -> str:
    """As `store_url`, with the schema in place."""
    _initialise(store_url)
    return store_url


@pytest.fixture
def events(ready_url: str) -> Iterator[EventLog]:
    """An event log on an empty database of either kind."""
    with EventLog(ready_url) as event_log:
        yield event_log


def _initialise(url: str) -> int:
    """Do what `picoevent init` does; return the number of steps."""
    store = open_store(url, Settings(url=url), Purpose.ADMIN)
    try:
        return store.init()
    finally:
        store.close()


@pytest.fixture
def initialise() -> Callable[[str], int]:
    """`initialise(url)` does what `picoevent init` does, and returns the number of steps."""
    return _initialise


@pytest.fixture(scope="session")
def real_log() -> Path:
    """10,000 lines of a public web site's access log, one of them cut off; not part of the project.

    It is `Common Data Formats/apache_logs` of the public repository elastic/examples, packed with gzip, and lies in
    `shared/data` beside the checkout, or where PICOEVENT_REAL_LOG says.
    """
    beside = Path(__file__).parents[2] / "shared" / "data" / "apache_access.log.gz"
    path = Path(os.environ.get("PICOEVENT_REAL_LOG", beside))
    if not path.exists() and "CI" not in os.environ:
        pytest.skip(f"there is no {path}; see the fixture real_log")
    return path
