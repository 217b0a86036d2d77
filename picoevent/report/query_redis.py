"""Answers in a shared Redis: sealed, since others can write there, and computed by one process at a time."""

from __future__ import annotations

import hmac
import secrets

from picoevent.cache.redis_link import RedisLink
from picoevent.event import SEAL_BYTES, seal
from picoevent.settings import Settings

MAX_ENTRY_BYTES = 1_000_000
"""What is larger takes longer on its way than Redis may hold up a call."""
UNLOCK = "if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('del', KEYS[1]) else return 0 end"
"""A lock that has come to its end may be somebody else's now."""


class RedisEntries:
    """Implements `picoevent.report.query_cache.Entries`; safe under threads, not across a fork."""

    def __init__(self, settings: Settings, link: RedisLink) -> None:
        self._prefix = settings.cache_prefix
        self._link = link

    def get(self, name: str, key: bytes) -> bytes | None:
        """See `Entries.get`."""
        sealed = self._link.ask(lambda client: client.get(f"{self._prefix}answer:{name}"), None)
        if not isinstance(sealed, bytes):
            return None
        body = sealed[SEAL_BYTES:]
        return body if hmac.compare_digest(sealed[:SEAL_BYTES], _seal(name, body, key)) else None

    def put(self, name: str, body: bytes, seconds: int, key: bytes) -> None:
        """See `Entries.put`."""
        if len(body) <= MAX_ENTRY_BYTES:
            sealed = _seal(name, body, key) + body
            self._link.ask(lambda client: client.set(f"{self._prefix}answer:{name}", sealed, ex=seconds), None)

    def lock(self, name: str, seconds: int) -> str | None:
        """See `Entries.lock`; where Redis fails, everybody computes for themselves."""
        token = secrets.token_hex(16)
        name = self._lock_of(name)
        got = self._link.ask(lambda client: bool(client.set(name, token, nx=True, ex=seconds)), default=True)
        return token if got else None

    def unlock(self, name: str, token: str) -> None:
        """See `Entries.unlock`."""
        self._link.ask(lambda client: client.eval(UNLOCK, 1, self._lock_of(name), token), None)

    def describe(self) -> str:
        """See `Entries.describe`."""
        return self._link.describe()

    def _lock_of(self, name: str) -> str:
        return f"{self._prefix}computing:{name}"


def _seal(name: str, body: bytes, key: bytes) -> bytes:
    """Return the seal of a body under its name: under another one it is rubbish."""
    return seal(name.encode() + b"\0" + body, key)
