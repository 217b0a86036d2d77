"""The shared cache in Redis, meant to run with `allkeys-lru`; a Redis that fails is left alone for a while."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

from picoevent.errors import SettingsError
from picoevent.settings import Settings, mask_url

try:
    import redis
    from redis.backoff import NoBackoff
    from redis.retry import Retry
except ImportError as error:
    raise SettingsError(
        "The setting cache_url needs the redis package.", hint="pip install 'picoevent[redis]'"
    ) from error

logger = logging.getLogger(__name__)


class RedisCache:
    """Implements `picoevent.cache.Cache` on a Redis server; safe under threads, not across a fork."""

    def __init__(self, settings: Settings, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._prefix = settings.cache_prefix
        self._ttl = settings.cache_ttl_seconds
        self._pause = settings.cache_pause_seconds
        self._where = mask_url(settings.cache_url)
        self._clock = clock
        self._skipped_until = 0.0
        self._client = _connect(settings)

    def get_many(self, event_ids: Sequence[int]) -> dict[int, bytes]:
        """See `Cache.get_many`: one MGET."""
        if not event_ids or self._paused():
            return {}
        try:
            values = cast("list[Any]", self._client.mget([self._key(event_id) for event_id in event_ids]))
        except (redis.RedisError, OSError) as error:
            self._leave_alone(error)
            return {}
        pairs = zip(event_ids, values, strict=True)
        return {event_id: value for event_id, value in pairs if isinstance(value, bytes)}

    def put_many(self, serialized: Mapping[int, bytes]) -> None:
        """See `Cache.put_many`: one pipeline of SET with an end."""
        if not serialized or self._paused():
            return
        try:
            with self._client.pipeline(transaction=False) as pipeline:
                for event_id, entry in serialized.items():
                    pipeline.set(self._key(event_id), entry, ex=self._ttl)
                pipeline.execute()
        except (redis.RedisError, OSError) as error:
            self._leave_alone(error)

    def describe(self) -> str:
        """See `Cache.describe`."""
        try:
            self._client.ping()
        except (redis.RedisError, OSError) as error:
            return f"{self._where} does not answer ({type(error).__name__}); events are read from the database"
        return f"{self._where} answers"

    def close(self) -> None:
        """See `Cache.close`."""
        self._client.close()

    def _key(self, event_id: int) -> str:
        return f"{self._prefix}event:{event_id}"

    def _paused(self) -> bool:
        return self._clock() < self._skipped_until

    def _leave_alone(self, error: Exception) -> None:
        self._skipped_until = self._clock() + self._pause
        # The text of a driver's error can hold the value that it failed on: only its kind is logged.
        kind = type(error).__name__
        logger.warning("The cache %s failed (%s); it is skipped for %d s", self._where, kind, self._pause)


def _connect(settings: Settings) -> redis.Redis:
    # Connecting and answering share the time that Redis may cost.
    half = settings.cache_timeout_ms / 2000
    options: dict[str, Any] = {
        "socket_connect_timeout": half,
        "socket_timeout": half,
        "retry": Retry(NoBackoff(), 0),
    }
    if settings.cache_password:
        options["password"] = settings.cache_password
    if settings.cache_tls_ca:
        options["ssl_ca_certs"] = settings.cache_tls_ca
    try:
        return redis.Redis.from_url(settings.cache_url, **options)
    except ValueError as error:
        raise SettingsError(f"The setting cache_url can't be read ({error}).", hint="redis://HOST:PORT/DB") from error
