"""How often a sign-in may be tried: a few times per account and address, and per address; in Redis where there is one.

Without Redis each process counts for itself, so that `workers` processes allow so many times as much.
"""

from __future__ import annotations

import hashlib
import ipaddress
import logging
import math
import time
from collections.abc import Callable
from typing import Any, TypeVar

from limits import RateLimitItem, RateLimitItemPerMinute
from limits.errors import StorageError
from limits.storage import MemoryStorage, RedisStorage
from limits.strategies import MovingWindowRateLimiter

from picoevent import Settings

WINDOW_MINUTES = 5
PER_ACCOUNT_AND_ADDRESS = RateLimitItemPerMinute(10, WINDOW_MINUTES, namespace="sign-in")
PER_ADDRESS = RateLimitItemPerMinute(50, WINDOW_MINUTES, namespace="sign-in")
IPV6_NETWORK_BITS = 64
"""Who has one IPv6 address usually has the whole network."""

Answer = TypeVar("Answer")
logger = logging.getLogger(__name__)


class Throttle:
    """Count tries to sign in; safe under threads. A Redis that is away costs one short wait, then is left alone."""

    def __init__(self, settings: Settings, clock: Callable[[], float] = time.monotonic) -> None:
        self._local = MovingWindowRateLimiter(MemoryStorage())
        self._shared = _shared_limiter(settings)
        self._pause = settings.cache_pause_seconds
        self._clock = clock
        self._skipped_until = 0.0

    def seconds_to_wait(self, name: str, address: str) -> int:
        """Count one try; return 0 where it may go on, else after how many seconds the next one may."""
        tries = ((PER_ADDRESS, _address_key(address)), (PER_ACCOUNT_AND_ADDRESS, _account_key(name, address)))
        return self._ask(lambda limiter: _count(limiter, tries))

    def forget(self, name: str, address: str) -> None:
        """Forget the tries of an account from an address, after one that succeeded."""
        self._ask(lambda limiter: limiter.clear(PER_ACCOUNT_AND_ADDRESS, _account_key(name, address)))

    def _ask(self, ask: Callable[[MovingWindowRateLimiter], Answer]) -> Answer:
        if self._shared is not None and self._clock() >= self._skipped_until:
            try:
                return ask(self._shared)
            except StorageError as error:
                self._skipped_until = self._clock() + self._pause
                # Only the kind: a driver's text can hold the value that it failed on.
                kind = type(error.storage_error).__name__
                logger.warning("Redis does not count sign-ins (%s); this process counts for itself", kind)
        return ask(self._local)


def _shared_limiter(settings: Settings) -> MovingWindowRateLimiter | None:
    scheme, _, rest = settings.cache_url.partition("://")
    if scheme not in ("redis", "rediss", "unix"):
        return None
    # Connecting and answering share the time that Redis may cost.
    half = settings.cache_timeout_ms / 2000
    options: dict[str, Any] = {"socket_connect_timeout": half, "socket_timeout": half}
    if settings.cache_password:
        options["password"] = settings.cache_password
    if settings.cache_tls_ca:
        options["ssl_ca_certs"] = settings.cache_tls_ca
    url = f"redis+unix://{rest}" if scheme == "unix" else settings.cache_url
    prefix = f"{settings.cache_prefix}throttle"
    return MovingWindowRateLimiter(RedisStorage(url, key_prefix=prefix, wrap_exceptions=True, **options))


def _count(limiter: MovingWindowRateLimiter, tries: tuple[tuple[RateLimitItem, str], ...]) -> int:
    for limit, key in tries:
        if not limiter.hit(limit, key):
            until = limiter.get_window_stats(limit, key).reset_time
            return max(1, math.ceil(until - time.time()))
    return 0


def _address_key(address: str) -> str:
    try:
        known = ipaddress.ip_address(address)
    except ValueError:
        return address
    if known.version == 4:  # noqa: PLR2004  # the older of the two protocols
        return address
    return str(ipaddress.ip_network((known, IPV6_NETWORK_BITS), strict=False))


def _account_key(name: str, address: str) -> str:
    # Anything can be sent as a name: its hash is short, and holds nothing that a key must not.
    account = hashlib.sha256(name.strip().casefold().encode("utf-8", "surrogatepass")).hexdigest()[:32]
    return f"{account}@{_address_key(address)}"
