"""The cache of events, by id, written after the commit; it may lose anything at any time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from picoevent.event import Cached, Event, deserialize, serialize

if TYPE_CHECKING:
    from picoevent.cache.redis import RedisCache
    from picoevent.cache.redis_link import RedisLink
    from picoevent.settings import Settings


class Cache(Protocol):
    """Keeps events. No call raises, and none takes longer than `cache_timeout_ms`.

    `key` is the installation's: where others can write into a cache, what it gives back is believed by its seal.
    """

    def get(self, event_ids: Sequence[int], key: bytes) -> dict[int, Event]:
        """Return what is there, which may be nothing."""

    def put(self, events: Sequence[Cached], key: bytes) -> None:
        """Keep these, or some of them, or none."""

    def describe(self) -> str:
        """Return in words what the cache is and how it does."""

    def close(self) -> None:
        """Close every connection; idempotent."""


class NoCache:
    """A cache that keeps nothing."""

    def get(self, event_ids: Sequence[int], key: bytes) -> dict[int, Event]:  # noqa: ARG002
        """Return nothing."""
        return {}

    def put(self, events: Sequence[Cached], key: bytes) -> None:
        """Keep nothing."""

    def describe(self) -> str:
        """Say so."""
        return "none"

    def close(self) -> None:
        """There is nothing to close."""


class SealedCache:
    """Implements `Cache` on bytes that others can reach."""

    def __init__(self, entries: RedisCache) -> None:
        self._entries = entries

    def get(self, event_ids: Sequence[int], key: bytes) -> dict[int, Event]:
        """See `Cache.get`; what this installation did not put there is left out."""
        found = self._entries.get_many(event_ids)
        events = {event_id: deserialize(event_id, entry, key) for event_id, entry in found.items()}
        return {event_id: event for event_id, event in events.items() if event is not None}

    def put(self, events: Sequence[Cached], key: bytes) -> None:
        """See `Cache.put`."""
        self._entries.put_many({event.event_id: serialize(event, key) for event in events})

    def describe(self) -> str:
        """See `Cache.describe`."""
        return self._entries.describe()

    def close(self) -> None:
        """See `Cache.close`."""
        self._entries.close()


def open_link(settings: Settings) -> RedisLink | None:
    """Return the way to the Redis of `settings.cache_url`, None where it names none; nothing is connected yet."""
    if settings.cache_url.partition(":")[0] in ("none", "memory"):
        return None
    from picoevent.cache.redis_link import RedisLink

    return RedisLink(settings)


def open_cache(settings: Settings, link: RedisLink | None = None) -> Cache:
    """Return the cache of `settings.cache_url`; nothing is connected before its first use.

    `link` is the way to Redis where the process has one already.
    """
    scheme = settings.cache_url.partition(":")[0]
    if scheme == "none":
        return NoCache()
    if scheme == "memory":
        from picoevent.cache.memory import MemoryCache

        return MemoryCache(settings.cache_max_mb * 1_000_000)
    from picoevent.cache.redis import RedisCache

    return SealedCache(RedisCache(settings, link))
