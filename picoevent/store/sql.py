"""A store on an SQLAlchemy engine: transactions, errors by kind, readiness; what differs by server is its `Backend`."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime
from functools import partial
from typing import Protocol, TypeVar

from sqlalchemy import Connection, Engine, select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from picoevent.errors import PicoEventError, SettingsError, StoreNotReady, StoreUnavailable
from picoevent.forks import CallGate, hold_at_fork
from picoevent.settings import Settings
from picoevent.store import migrations, names, rejected, tables
from picoevent.store.base import WritingTransaction
from picoevent.store.record import Name, RejectedEvent
from picoevent.store.writing import SqlTransaction

logger = logging.getLogger("picoevent")

Answer = TypeVar("Answer")

SNAPSHOT = {
    "mysql": (
        "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ",
        "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY",
    ),
    # A transaction there reads one state of the file anyway.
    "sqlite": (),
}
"""What makes a transaction read one state of the database, by dialect."""


class Backend(Protocol):
    """What differs from server to server; one implementation beside each engine."""

    label: str
    """Names the database in messages, without its password."""
    dialect: str
    """The folder of its DDL under `sql/`."""
    closes_at_fork: bool
    """Whether its connections must be closed before the process forks."""
    initialises_itself: bool
    """Whether a missing schema is made at first use, instead of being an error."""

    def translate(self, error: DBAPIError) -> PicoEventError:
        """Return our kind of error for the driver's."""

    def wording(self, connection: Connection, statement: str) -> str:
        """Return a statement of the DDL in this server's words."""

    def exclusive(self, connection: Connection) -> AbstractContextManager[None]:
        """Wait until this connection alone changes the schema, and let the next one at the end."""

    def ensure_partitions(self, connection: Connection, now: datetime, width: str) -> list[str]:
        """Make partitions ahead of now; return the names of the new ones."""

    def describe(self, connection: Connection) -> dict[str, str]:
        """Return what `status` shows of the server, label to text."""


class SqlStore:
    """Implements `WritingStore`, `ReadingStore` and `AdminStore` of `picoevent.store.base`."""

    def __init__(self, engine: Engine, backend: Backend, settings: Settings) -> None:
        self._engine = engine
        self._backend = backend
        self.settings = settings
        self._ready = False
        self._calls = CallGate()
        hold_at_fork(self)

    @property
    def label(self) -> str:
        """Names the database in messages, without its password."""
        return self._backend.label

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """Open a transaction on a schema that is known to be there, with the driver's errors as our kinds."""
        self._check_ready()
        with self._translated(), self._engine.begin() as connection:
            yield connection

    @contextmanager
    def snapshot(self) -> Iterator[Connection]:
        """Open a transaction that reads, and that sees nothing of what others commit meanwhile: keep it short."""
        with self.transaction() as connection:
            for statement in SNAPSHOT[self._backend.dialect]:
                connection.exec_driver_sql(statement)
            yield connection

    @contextmanager
    def writing(self) -> Iterator[WritingTransaction]:
        """See `WritingStore.writing`."""
        with self.transaction() as connection:
            yield SqlTransaction(connection)

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """See `ReadingStore.reading`."""
        self._check_ready()
        # Closing ends what was read; a COMMIT before it would be one more round trip.
        with self._translated(), self._engine.connect() as connection:
            yield connection

    def find_name(self, kind: names.NameKind, name: str) -> Name | None:
        """See `WritingStore.find_name`."""
        return self._ask(partial(names.find_name, kind=kind, name=name))

    def find_names(self, kind: names.NameKind) -> dict[str, Name]:
        """See `WritingStore.find_names`."""
        return self._ask(partial(names.find_names, kind=kind))

    def create_name(self, kind: names.NameKind, name: str, limit: int) -> Name:
        """See `WritingStore.create_name`."""
        return self._ask(partial(names.create_name, kind=kind, name=name, limit=limit))

    def installation_value(self, name: str) -> str:
        """See `WritingStore.installation_value`."""
        return self._ask(partial(self._installation_value, name=name))

    def keep_rejected(self, events: Sequence[RejectedEvent], cap: int) -> None:
        """See `WritingStore.keep_rejected`."""
        with self.transaction() as connection:
            rejected.keep(connection, events, cap)

    def init(self, on_step: Callable[[str], None] = lambda _: None) -> int:
        """See `AdminStore.init`."""
        with self._translated(), self._engine.connect() as connection, self._backend.exclusive(connection):
            return self._bring_forward(connection, on_step)

    def _bring_forward(self, connection: Connection, on_step: Callable[[str], None]) -> int:
        steps = migrations.apply(connection, self._backend, self.settings.timezone, on_step)
        width = self.settings.partition_width
        made = self._backend.ensure_partitions(connection, datetime.now().astimezone(), width)
        connection.commit()
        for name in made:
            on_step(f"made partition {name}")
        return steps + len(made)

    def schema_version(self) -> int:
        """See `AdminStore.schema_version`."""
        with self._translated(), self._engine.begin() as connection:
            return migrations.version(connection)

    def ensure_partitions(self, now: datetime) -> list[str]:
        """See `AdminStore.ensure_partitions`."""
        with self._translated(), self._engine.connect() as connection, self._backend.exclusive(connection):
            return self._backend.ensure_partitions(connection, now, self.settings.partition_width)

    def describe(self) -> dict[str, str]:
        """Return what `status` shows of the database, label to text."""
        with self.transaction() as connection:
            return self._backend.describe(connection)

    def close(self) -> None:
        """Close every connection; idempotent."""
        self._engine.dispose()

    def before_fork(self) -> None:
        """Where a child may not inherit connections, let the calls under way come to their end, and close them."""
        if not self._backend.closes_at_fork:
            return
        if not self._calls.shut(self.settings.deadline_ms / 1000):
            logger.warning("%s: the process forks during a call that does not end", self.label)
        else:
            self._engine.dispose()

    def after_fork(self, *, in_child: bool) -> None:
        """Let calls through again; the child makes a store of its own, and this one stays the parent's."""
        if in_child:
            self._calls = CallGate()
        self._calls.open()

    def _ask(self, question: Callable[[Connection], Answer]) -> Answer:
        """Ask what can be asked twice: once more where a connection that the server had closed meanwhile was met."""
        begin = time.monotonic()
        try:
            with self.transaction() as connection:
                return question(connection)
        except StoreUnavailable:
            if time.monotonic() - begin > self.settings.deadline_ms / 2000:
                raise
        with self.transaction() as connection:
            return question(connection)

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            with self._calls.inside():
                yield
        except DBAPIError as error:
            raise self._backend.translate(error) from error
        except PoolTimeout as error:
            message = f"{self.label} has no connection free within the deadline."
            raise StoreUnavailable(message, hint="Fewer calls at once, or a longer deadline_ms.") from error

    def _check_ready(self) -> None:
        """Compare the schema with this code, once: an embedded store makes it, the others say what to do."""
        if self._ready:
            return
        # Two threads may both look; what they find is the same.
        self._compare_schema()
        self._ready = True

    def _compare_schema(self) -> None:
        found = self.schema_version()
        if found < migrations.latest_version(self._backend.dialect):
            if not self._backend.initialises_itself:
                what = "has no PicoEvent schema" if not found else "has an older schema"
                raise StoreNotReady(f"{self.label} {what}.", hint="Run: picoevent init")
            self.init()
        elif found > migrations.latest_version(self._backend.dialect):
            raise StoreNotReady(f"{self.label} has the schema of a newer PicoEvent.", hint="Upgrade this one.")
        with self._translated(), self._engine.begin() as connection:
            self._compare_timezone(self._installation_value(connection, "timezone"))

    def _compare_timezone(self, stored: str) -> None:
        wanted = self.settings.timezone
        if wanted and wanted != stored:
            raise SettingsError(
                f"The setting timezone is {wanted!r}, but {self.label} keeps its reports in {stored!r}.",
                hint="Leave PICOEVENT_TIMEZONE out, or set it to the stored zone.",
            )

    def _installation_value(self, connection: Connection, name: str) -> str:
        row = select(tables.installation.c.value).where(tables.installation.c.name == name)
        value = connection.execute(row).scalar()
        if value is None:
            raise StoreNotReady(f"{self.label} was not set up to its end.", hint="Run: picoevent init")
        return str(value)
