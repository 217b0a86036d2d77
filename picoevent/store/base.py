"""The store's contract, one small Protocol a boundary: writing, reading, administering; and the errors between them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

from picoevent.errors import PicoEventError, StoreUnavailable

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from picoevent.store.names import NameKind
    from picoevent.store.record import Content, Name, Record, RejectedEvent


NARROW_IT = "Narrow it to a shorter range, fewer event types or one source."
"""What to do with a question that costs too much."""


class Purpose(StrEnum):
    """What a store is opened for; it decides how long an answer is waited for."""

    WRITE = "write"
    """The write path: each statement has the deadline."""
    READ = "read"
    """Pages and reports: ten seconds, and nothing is written."""
    FOLD = "fold"
    """Rollups: a minute; the server ends a session whose process is frozen, so that another one can fold."""
    WATCH = "watch"
    """How old a replica's data is: two seconds, so that no page waits for a server that hangs."""
    ADMIN = "admin"
    """Schema and partitions: an hour."""


class DuplicateKey(PicoEventError):
    """A primary or unique key of the transaction exists already; the transaction is rolled back."""


class TransactionAborted(PicoEventError):
    """The server rolled the transaction back (deadlock, lock wait); it is safe to run it again as it was."""


class StoreBusy(StoreUnavailable):
    """The server answers, and rolled the transaction back each time: other writers are in the way."""


class WritingTransaction(Protocol):
    """One transaction of the write path; nothing of it is visible before it commits."""

    def insert(self, records: Sequence[Record], new_users: Mapping[int, str]) -> None:
        """Insert the events, the texts of users not known yet, and one `pending` row for all of them.

        Raises `DuplicateKey` where any key is taken, also by a transaction that was still open: it is waited for.
        """

    def find_events(self, event_ids: Collection[int]) -> dict[int, Content]:
        """Return what is stored under these ids, locked until the end; waits for transactions that hold one."""

    def find_users(self, user_numbers: Collection[int]) -> dict[int, str]:
        """Return the texts of those of these users that have a row."""


class WritingStore(Protocol):
    """What the write path needs. Every call may raise `StoreUnavailable` or `StoreNotReady`."""

    def writing(self) -> AbstractContextManager[WritingTransaction]:
        """Open a transaction; it commits at the end of the block, and rolls back on an error.

        Where the commit itself raises `StoreUnavailable`, whether it took effect is unknown.
        """

    def find_name(self, kind: NameKind, name: str) -> Name | None:
        """Return the number of a name, or None."""

    def find_names(self, kind: NameKind) -> dict[str, Name]:
        """Return the number of every name."""

    def create_name(self, kind: NameKind, name: str, limit: int) -> Name:
        """Return the number of a name, given once and for ever; raise `Rejected` at `limit` or 65,535 names."""

    def installation_value(self, name: str) -> str:
        """Return a row of `installation`; raise `StoreNotReady` without it."""

    def keep_rejected(self, rejected: Sequence[RejectedEvent], cap: int) -> None:
        """Keep refused events; the oldest beyond `cap` go."""

    def close(self) -> None:
        """Close every connection; idempotent."""


class ReadingStore(Protocol):
    """What pages and reports need."""

    def installation_value(self, name: str) -> str:
        """Return a row of `installation`; raise `StoreNotReady` without it."""

    def reading(self) -> AbstractContextManager[Connection]:
        """Open a short reading transaction."""

    def close(self) -> None:
        """Close every connection; idempotent."""


class AdminStore(Protocol):
    """What `init` and whoever keeps the schema need."""

    def init(self, on_step: Callable[[str], None]) -> int:
        """Bring the schema to this version; safe to run twice, from two places, and after a kill.

        Returns how many steps were taken, and calls `on_step` with a sentence before each.
        """

    def schema_version(self) -> int:
        """Return the version of the schema; 0 where there is none."""

    def ensure_partitions(self, now: datetime) -> list[str]:
        """Make partitions ahead of `now`; return the names of the new ones. Backends without them make none."""

    def close(self) -> None:
        """Close every connection; idempotent."""


Row = tuple[int, int, int, int | None, bytes | None, int]
"""An event on its way into a bulk load: the fields of its `Record` but for the text of the user, and its place in the
batch that it came in with."""


class StoreForbidden(StoreUnavailable):
    """The database does not let this account do that."""


class LoadForbidden(PicoEventError):
    """The server, or something before it, does not take bulk loads; the message says why."""


class BulkTransaction(WritingTransaction, Protocol):
    """A transaction that can also load a whole batch at once."""

    def load(self, formatted: object, new_users: Mapping[int, str]) -> None:
        """Do what `insert` does, with what `BulkStore.format` has made of the rows.

        Raises `DuplicateKey` unless every row went in as it was sent, and `LoadForbidden`.
        """


class BulkStore(Protocol):
    """What a bulk load needs; only a store that is quicker that way has one."""

    def format(self, rows: Sequence[Row]) -> object | None:
        """Return these rows, in the order of their ids, in the form that `load` sends; None where it can't be sent."""

    def loading(self) -> AbstractContextManager[BulkTransaction]:
        """Open a transaction on a connection of its own, as `WritingStore.writing` does."""

    def close(self) -> None:
        """Close the connection; idempotent, and from any thread: a load that is under way fails."""
