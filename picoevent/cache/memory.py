"""The default cache: the least recently used events of this process, bounded by their bytes."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence

from cachetools import LRUCache

MAX_WAIT_SECONDS = 0.05
ENTRY_OVERHEAD_BYTES = 200
"""What a key and its place cost beside the event's bytes, roughly."""


class MemoryCache:
    """Implements `picoevent.cache.Cache` in the memory of one process; safe under threads."""

    def __init__(self, max_bytes: int) -> None:
        self._lock = threading.Lock()
        # Not reentrant, and not waited for long: a signal handler that logs within a call goes without the cache.
        self._entries: LRUCache[int, bytes] = LRUCache(max_bytes, getsizeof=_entry_bytes)

    def get_many(self, event_ids: Sequence[int]) -> dict[int, bytes]:
        """See `Cache.get_many`."""
        if not self._lock.acquire(timeout=MAX_WAIT_SECONDS):
            return {}
        try:
            found = {event_id: self._entries.get(event_id) for event_id in event_ids}
        finally:
            self._lock.release()
        return {event_id: entry for event_id, entry in found.items() if entry is not None}

    def put_many(self, serialized: Mapping[int, bytes]) -> None:
        """See `Cache.put_many`; an entry larger than the whole cache is not kept."""
        if not self._lock.acquire(timeout=MAX_WAIT_SECONDS):
            return
        try:
            for event_id, entry in serialized.items():
                if _entry_bytes(entry) <= self._entries.maxsize:
                    self._entries[event_id] = entry
        finally:
            self._lock.release()

    def describe(self) -> str:
        """See `Cache.describe`."""
        used, size = self._entries.currsize / 1_000_000, self._entries.maxsize / 1_000_000
        return f"in-process, {used:.1f} of {size:.0f} MB, {len(self._entries):,} events"

    def close(self) -> None:
        """See `Cache.close`."""


def _entry_bytes(entry: bytes) -> int:
    return len(entry) + ENTRY_OVERHEAD_BYTES
