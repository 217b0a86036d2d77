"""Events in a shared Redis, meant to run with `allkeys-lru`; how it is asked is `picoevent.cache.redis_link`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

import redis

from picoevent.cache.redis_link import RedisLink
from picoevent.settings import Settings


class RedisCache:
    """Keeps the bytes of events on a Redis server; safe under threads, not across a fork."""

    def __init__(self, settings: Settings, link: RedisLink | None = None) -> None:
        self._prefix = settings.cache_prefix
        self._ttl = settings.cache_ttl_seconds
        self._link = link or RedisLink(settings)

    def get_many(self, event_ids: Sequence[int]) -> dict[int, bytes]:
        """Return what is there, which may be nothing: one MGET."""
        if not event_ids:
            return {}
        keys = [self._key(event_id) for event_id in event_ids]
        return self._link.ask(lambda client: _found(event_ids, client.mget(keys)), {})

    def put_many(self, serialized: Mapping[int, bytes]) -> None:
        """Keep these, or some of them, or none: one pipeline of SET with an end."""
        if serialized:
            self._link.ask(lambda client: self._put(client, serialized), None)

    def _put(self, client: redis.Redis, serialized: Mapping[int, bytes]) -> None:
        with client.pipeline(transaction=False) as pipeline:
            for event_id, entry in serialized.items():
                pipeline.set(self._key(event_id), entry, ex=self._ttl)
            pipeline.execute()

    def describe(self) -> str:
        """Return in words what the cache is and how it does."""
        return self._link.describe()

    def close(self) -> None:
        """Close every connection; idempotent."""
        self._link.close()

    def _key(self, event_id: int) -> str:
        return f"{self._prefix}event:{event_id}"


def _found(event_ids: Sequence[int], values: object) -> dict[int, bytes]:
    pairs = zip(event_ids, cast("list[Any]", values), strict=True)
    return {event_id: value for event_id, value in pairs if isinstance(value, bytes)}
