"""Names to two-byte numbers, remembered by the process: the store is asked once for each event type and source."""

from __future__ import annotations

import time
from collections.abc import Callable

from picoevent.errors import Rejected
from picoevent.store.base import TransactionAborted, WritingStore
from picoevent.store.names import NameKind
from picoevent.store.record import Name

REMEMBER_SECONDS = 30.0
"""How long a name is used without asking again; a name that was blocked meanwhile is refused after that."""
REMEMBER_REFUSAL_SECONDS = 5.0
TRIES = 5


class NameRegistry:
    """Resolve the names of one dictionary; safe under threads."""

    def __init__(
        self, store: WritingStore, kind: NameKind, limit: int, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._store = store
        self._kind = kind
        self._limit = limit
        self._clock = clock
        self._known: dict[str, Name] = {}
        self._forget_at = 0.0
        self._full: Rejected | None = None
        self._full_until = 0.0

    def forget(self) -> None:
        """Ask again for each name: the database may be another one than before."""
        self._forget_at = 0.0

    def number_of(self, name: str) -> int:
        """Return the number of a name, made where it has none; raise `Rejected` or `StoreUnavailable`."""
        now = self._clock()
        if now >= self._forget_at:
            # A new dict instead of clear(): another thread may just be reading the old one.
            self._known = {}
            self._full = None
            self._forget_at = now + REMEMBER_SECONDS
        found = self._known.get(name) or self._ask(name, now)
        if found.blocked:
            raise Rejected(self._kind.blocked, f"the {self._kind.word} {name[:40]!r} is blocked")
        return found.number

    def _ask(self, name: str, now: float) -> Name:
        if self._full is not None and now < self._full_until:
            # Every name there is was read when it was found that there is no room for another one.
            # A new error each time: one that is raised again grows its traceback.
            raise Rejected(self._full.reason, self._full.detail)
        found = self._store.find_name(self._kind, name)
        if found is None:
            found = self._create(name, now)
        self._known[name] = found
        return found

    def _create(self, name: str, now: float) -> Name:
        try:
            return self._create_or_retry(name)
        except Rejected as full:
            # A flood of new names must cost nobody else anything: no question is asked for the next ones.
            self._known = self._store.find_names(self._kind)
            self._full, self._full_until = full, now + REMEMBER_REFUSAL_SECONDS
            raise

    def _create_or_retry(self, name: str) -> Name:
        for _ in range(TRIES - 1):
            try:
                return self._store.create_name(self._kind, name, self._limit)
            except TransactionAborted:
                continue
        return self._store.create_name(self._kind, name, self._limit)
