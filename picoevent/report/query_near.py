"""Answers of a shared place, kept in this process for a moment: twenty people who reload one page cost one look-up."""

from __future__ import annotations

from functools import partial

from picoevent.report.query_cache import Entries
from picoevent.report.query_memory import MemoryEntries
from picoevent.report.sharing import Shared

NEAR_SECONDS = 10
"""Longer than a shared place that has failed is left alone. An answer tells itself how old it is, wherever it lay."""


class NearEntries:
    """Implements `picoevent.report.query_cache.Entries`: memory before a shared place, whose locks are used."""

    def __init__(self, near: MemoryEntries, shared: Entries) -> None:
        self._near = near
        self._shared = shared
        self._looks: Shared[bytes | None] = Shared()

    def get(self, name: str, key: bytes) -> bytes | None:
        """See `Entries.get`."""
        body = self._near.get(name, key)
        return body if body is not None else self._looks.ask(name, partial(self._look, name, key))

    def _look(self, name: str, key: bytes) -> bytes | None:
        body = self._shared.get(name, key)
        if body is not None:
            self._near.put(name, body, NEAR_SECONDS, key)
        return body

    def put(self, name: str, body: bytes, seconds: int, key: bytes) -> None:
        """See `Entries.put`."""
        self._near.put(name, body, min(seconds, NEAR_SECONDS), key)
        self._shared.put(name, body, seconds, key)

    def lock(self, name: str, seconds: int) -> str | None:
        """See `Entries.lock`."""
        return self._shared.lock(name, seconds)

    def unlock(self, name: str, token: str) -> None:
        """See `Entries.unlock`."""
        self._shared.unlock(name, token)

    def describe(self) -> str:
        """See `Entries.describe`."""
        return self._shared.describe()
