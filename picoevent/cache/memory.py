"""The default cache: the least recently used events of this process, bounded by their bytes.

Not a library's: it is written on the hottest path, a batch at a time, where an entry may cost 0.5 us and no more.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence

from picoevent.event import Cached, Event, to_event

MAX_WAIT_SECONDS = 0.05
ENTRY_OVERHEAD_BYTES = 400
"""What a key, its place and the names cost beside the payload, roughly."""


class MemoryCache:
    """Implements `picoevent.cache.Cache` in the memory of one process; safe under threads."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._bytes = 0
        self._events: OrderedDict[int, Cached] = OrderedDict()
        # Not reentrant, and not waited for long: a signal handler that logs within a call goes without the cache.
        self._lock = threading.Lock()

    def get(self, event_ids: Sequence[int], key: bytes) -> dict[int, Event]:  # noqa: ARG002  # nobody else writes here
        """See `Cache.get`."""
        if not self._lock.acquire(timeout=MAX_WAIT_SECONDS):
            return {}
        try:
            found = [event_id for event_id in event_ids if event_id in self._events]
            for event_id in found:
                self._events.move_to_end(event_id)
            cached = [self._events[event_id] for event_id in found]
        finally:
            self._lock.release()
        return {event.event_id: to_event(event) for event in cached}

    def put(self, events: Sequence[Cached], key: bytes) -> None:  # noqa: ARG002  # as above
        """See `Cache.put`; an event larger than the whole cache is not kept."""
        if not self._lock.acquire(timeout=MAX_WAIT_SECONDS):
            return
        try:
            for event in events:
                payload = event.payload
                size = ENTRY_OVERHEAD_BYTES + (len(payload) if payload else 0)
                if size <= self._max_bytes:
                    # An event never changes: one that is there already is the same, and its size is counted.
                    self._bytes += 0 if event.event_id in self._events else size
                    self._events[event.event_id] = event
            while self._bytes > self._max_bytes:
                _, oldest = self._events.popitem(last=False)
                self._bytes -= ENTRY_OVERHEAD_BYTES + len(oldest.payload or b"")
        finally:
            self._lock.release()

    def describe(self) -> str:
        """See `Cache.describe`."""
        used, size = self._bytes / 1_000_000, self._max_bytes / 1_000_000
        return f"in-process, {used:.1f} of {size:.0f} MB, {len(self._events):,} events"

    def close(self) -> None:
        """See `Cache.close`."""
