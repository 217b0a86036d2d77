"""The default cache: the least recently used events of this process, bounded by their bytes."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence

from cachetools import LRUCache

ENTRY_OVERHEAD_BYTES = 200
"""What a key and its place cost beside the event's bytes, roughly."""


class MemoryCache:
    """Implements `picoevent.cache.Cache` in the memory of one process; safe under threads."""

    def __init__(self, max_bytes: int) -> None:
        self._lock = threading.Lock()
        self._entries: LRUCache[int, bytes] = LRUCache(max_bytes, getsizeof=_entry_bytes)

    def get_many(self, event_ids: Sequence[int]) -> dict[int, bytes]:
        """See `Cache.get_many`."""
        with self._lock:
            found = {event_id: self._entries.get(event_id) for event_id in event_ids}
        return {event_id: entry for event_id, entry in found.items() if entry is not None}

    def put_many(self, serialized: Mapping[int, bytes]) -> None:
        """See `Cache.put_many`; an entry larger than the whole cache is not kept."""
        with self._lock:
            for event_id, entry in serialized.items():
                if _entry_bytes(entry) <= self._entries.maxsize:
                    self._entries[event_id] = entry

    def describe(self) -> str:
        """See `Cache.describe`."""
        used, size = self._entries.currsize / 1_000_000, self._entries.maxsize / 1_000_000
        return f"in-process, {used:.1f} of {size:.0f} MB, {len(self._entries):,} events"

    def close(self) -> None:
        """See `Cache.close`."""


def _entry_bytes(entry: bytes) -> int:
    return len(entry) + ENTRY_OVERHEAD_BYTES
