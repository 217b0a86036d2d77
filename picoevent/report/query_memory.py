"""The default place of answers: the memory of this process, the least recently used go first, bounded in bytes."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable

ENTRY_OVERHEAD_BYTES = 300
"""What a key and its place cost beside the answer, roughly."""
LARGEST_SHARE = 4
"""No answer may take more than one such part of the whole."""


class MemoryEntries:
    """Implements `picoevent.report.query_cache.Entries`; nobody else writes here, so nothing is sealed or locked."""

    def __init__(self, max_bytes: int, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._max_bytes = max_bytes
        self._clock = clock
        self._lock = threading.Lock()
        self._bytes = 0
        self._entries: OrderedDict[str, tuple[float, bytes]] = OrderedDict()

    def get(self, name: str, key: bytes) -> bytes | None:  # noqa: ARG002  # nobody else writes here
        """See `Entries.get`."""
        with self._lock:
            ends, body = self._entries.get(name, (0.0, b""))
            if ends <= self._clock():
                self._drop(name)
                return None
            self._entries.move_to_end(name)
            return body

    def put(self, name: str, body: bytes, seconds: int, key: bytes) -> None:  # noqa: ARG002  # as above
        """See `Entries.put`."""
        if len(body) + ENTRY_OVERHEAD_BYTES > self._max_bytes // LARGEST_SHARE:
            return
        with self._lock:
            self._drop(name)
            self._entries[name] = self._clock() + seconds, body
            self._bytes += len(body) + ENTRY_OVERHEAD_BYTES
            while self._bytes > self._max_bytes:
                self._drop(next(iter(self._entries)))

    def lock(self, name: str, seconds: int) -> str | None:  # noqa: ARG002  # threads of one process do not ask
        """See `Entries.lock`."""
        return ""

    def unlock(self, name: str, token: str) -> None:
        """See `Entries.unlock`."""

    def describe(self) -> str:
        """See `Entries.describe`."""
        used, size = self._bytes / 1_000_000, self._max_bytes / 1_000_000
        return f"in-process, {used:.1f} of {size:.0f} MB, {len(self._entries):,} answers"

    def _drop(self, name: str) -> None:
        _, body = self._entries.pop(name, (0.0, None))
        if body is not None:
            self._bytes -= len(body) + ENTRY_OVERHEAD_BYTES
