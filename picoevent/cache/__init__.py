"""The cache of events: serialized ones by id, written after the commit; it may lose anything at any time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from picoevent.settings import Settings


class Cache(Protocol):
    """Keeps bytes by event id. No call raises, and none takes longer than `cache_timeout_ms`."""

    def get_many(self, event_ids: Sequence[int]) -> dict[int, bytes]:
        """Return what is there, which may be nothing, and may be rubbish."""

    def put_many(self, serialized: Mapping[int, bytes]) -> None:
        """Keep these, or some of them, or none."""

    def describe(self) -> str:
        """Return in words what the cache is and how it does."""

    def close(self) -> None:
        """Close every connection; idempotent."""


class NoCache:
    """A cache that keeps nothing."""

    def get_many(self, event_ids: Sequence[int]) -> dict[int, bytes]:  # noqa: ARG002
        """Return nothing."""
        return {}

    def put_many(self, serialized: Mapping[int, bytes]) -> None:
        """Keep nothing."""

    def describe(self) -> str:
        """Say so."""
        return "none"

    def close(self) -> None:
        """There is nothing to close."""


def open_cache(settings: Settings) -> Cache:
    """Return the cache of `settings.cache_url`; nothing is connected before its first use."""
    scheme = settings.cache_url.partition(":")[0]
    if scheme == "none":
        return NoCache()
    if scheme == "memory":
        from picoevent.cache.memory import MemoryCache

        return MemoryCache(settings.cache_max_mb * 1_000_000)
    from picoevent.cache.redis import RedisCache

    return RedisCache(settings)
