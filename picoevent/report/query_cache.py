"""The cache of answers: fresh ones at once, stale ones at once while one refresh runs, the rest computed once.

It may lose anything at any time: then answers are computed. Which key a question has is not its business.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from picoevent.errors import StoreUnavailable
from picoevent.report.flights import Flight, Flights
from picoevent.report.frame import Answer
from picoevent.report.kept import STALE_TIMES, CacheKey, Kept, pack_kept, read_kept
from picoevent.report.refreshing import Refresher
from picoevent.settings import Settings

if TYPE_CHECKING:
    from picoevent.cache.redis_link import RedisLink

logger = logging.getLogger("picoevent")

SPARE_SECONDS = 3600
"""How much longer it is kept for the time when the database does not answer."""
COMPUTING_SECONDS = 15
"""How long a process that was killed can keep others from computing: longer than a report may take."""
PATIENCE_SECONDS = 5.0
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.005, 0.1

Compute = Callable[[], Answer[Any]]
Result = TypeVar("Result", Answer[Any], Answer[Any] | None)

_counted: ContextVar[bool] = ContextVar("counted", default=True)


@contextmanager
def not_counted() -> Iterator[None]:
    """Count computations alone within this block: who asks there is nobody who looks at answers."""
    token = _counted.set(False)
    try:
        yield
    finally:
        _counted.reset(token)


class Entries(Protocol):
    """Where answers are kept, as bytes. No call raises, and none takes longer than `cache_timeout_ms`.

    `key` is the installation's: what others could have put there is left out.
    """

    def get(self, name: str, key: bytes) -> bytes | None:
        """Return what is kept under a name."""

    def put(self, name: str, body: bytes, seconds: int, key: bytes) -> None:
        """Keep it for so many seconds, or less long, or not at all."""

    def lock(self, name: str, seconds: int) -> str | None:
        """Return a token for computing this name, for so many seconds; None where another process has one."""

    def unlock(self, name: str, token: str) -> None:
        """Give the token back; nothing where its time is over."""

    def describe(self) -> str:
        """Return in words what it is and how it does."""


class QueryCache:
    """Give answers from the cache where that is possible; safe under threads, not across a fork.

    `count` is told each of `hits`, `stale`, `misses`, `computations` and `waits`.
    """

    def __init__(
        self,
        entries: Entries,
        count: Callable[[str], None],
        *,
        clock: Callable[[], float] = time.time,
        patience_seconds: float = PATIENCE_SECONDS,
    ) -> None:
        self._entries = entries
        self._count = count
        self._clock = clock
        self._patience = patience_seconds
        self._flights: Flights[Answer[Any]] = Flights()
        self._refresher = Refresher()

    def get_or_compute(self, key: CacheKey, ttl_seconds: int, compute: Compute, *, rescue: bool = True) -> Answer[Any]:
        """Return an answer: a fresh one, or a stale one that is being refreshed, or one that is computed now.

        `cached_seconds` says how old a kept one is, and is None for one that was computed by this call. Where the
        database does not answer, an older one that is still there is given with a note, unless `rescue` is unset.
        Raises what `compute` raises.
        """
        kept = self._look(key, ttl_seconds)
        if kept is not None and kept.is_fresh:
            self._tell("hits")
            return kept.given()
        if kept is not None and kept.is_stale:
            self._tell("stale")
            self._refresher.submit(key.name, partial(self._refresh, key, ttl_seconds, compute))
            return kept.given()
        self._tell("misses")
        try:
            return self._compute_once(key, ttl_seconds, compute)
        except StoreUnavailable:
            if kept is None or not rescue:
                raise
            self._tell("stale")
            return replace(kept.given(), notes=(*kept.answer.notes, "The database does not answer: this is older."))

    def describe(self) -> str:
        """Return in words where answers are kept, and how that does."""
        return self._entries.describe()

    def close(self, timeout: float = 0) -> None:
        """Refresh nothing more, and wait so many seconds for what is under way; idempotent."""
        self._refresher.close(timeout)

    def _tell(self, how: str) -> None:
        if _counted.get():
            self._count(how)

    def _look(self, key: CacheKey, ttl_seconds: int) -> Kept | None:
        body = self._entries.get(key.name, key.seal)
        return None if body is None else read_kept(body, key.kind, self._clock(), ttl_seconds)

    def _compute_once(self, key: CacheKey, ttl_seconds: int, compute: Compute) -> Answer[Any]:
        """Compute, or wait for whoever is doing it already, here or in another process, as long as patience lasts."""
        give_up, waited = time.monotonic() + self._patience, False
        while True:
            flight, leads = self._flights.board(key.name)
            if leads:
                return self._lead(flight, key, partial(self._compute_or_wait, key, ttl_seconds, compute))
            if not waited:
                self._tell("waits")
                waited = True
            found = flight.wait(give_up - time.monotonic())
            if found is not None:
                return replace(found, cached_seconds=0.0)
            if time.monotonic() >= give_up:
                return self._compute(key, ttl_seconds, compute)

    def _refresh(self, key: CacheKey, ttl_seconds: int, compute: Compute) -> None:
        """Compute in the background, unless somebody does it, or has done it."""
        flight, leads = self._flights.board(key.name)
        if leads:
            self._lead(flight, key, partial(self._compute_if_stale, key, ttl_seconds, compute))

    def _lead(self, flight: Flight[Answer[Any]], key: CacheKey, work: Callable[[], Result]) -> Result:
        """Do the work of a flight, and hand out what comes of it."""
        answer, error = None, None
        try:
            answer = work()
            return answer
        except Exception as raised:
            error = raised
            raise
        finally:
            self._flights.leave(key.name)
            flight.land(answer, error)

    def _compute_or_wait(self, key: CacheKey, ttl_seconds: int, compute: Compute) -> Answer[Any]:
        token = self._entries.lock(key.name, COMPUTING_SECONDS)
        if token is None:
            self._tell("waits")
        give_up, pause = time.monotonic() + self._patience, FIRST_PAUSE_SECONDS
        while True:
            # Also with the lock: somebody may have finished since this caller looked.
            found = self._fresh(key, ttl_seconds)
            if found is not None:
                self._unlock(key, token)
                return found.given()
            if token is not None or time.monotonic() >= give_up:
                return self._compute_locked(key, ttl_seconds, compute, token)
            time.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE_SECONDS)
            token = self._entries.lock(key.name, COMPUTING_SECONDS)

    def _compute_if_stale(self, key: CacheKey, ttl_seconds: int, compute: Compute) -> Answer[Any] | None:
        token = self._entries.lock(key.name, COMPUTING_SECONDS)
        if token is None:
            return None
        if self._fresh(key, ttl_seconds):
            self._unlock(key, token)
            return None
        return self._compute_locked(key, ttl_seconds, compute, token)

    def _fresh(self, key: CacheKey, ttl_seconds: int) -> Kept | None:
        kept = self._look(key, ttl_seconds)
        return kept if kept is not None and kept.is_fresh else None

    def _compute_locked(self, key: CacheKey, ttl_seconds: int, compute: Compute, token: str | None) -> Answer[Any]:
        try:
            return self._compute(key, ttl_seconds, compute)
        finally:
            self._unlock(key, token)

    def _compute(self, key: CacheKey, ttl_seconds: int, compute: Compute) -> Answer[Any]:
        self._count("computations")
        # The answer is as old as the moment when its reading began.
        began = self._clock()
        answer = compute()
        try:
            entry = pack_kept(answer, began, ttl_seconds)
        except (TypeError, ValueError, OverflowError) as error:
            logger.warning("An answer of the report %s can't be kept: %s", answer.report, error)
        else:
            self._entries.put(key.name, entry, ttl_seconds * STALE_TIMES + SPARE_SECONDS, key.seal)
        return answer

    def _unlock(self, key: CacheKey, token: str | None) -> None:
        if token is not None:
            self._entries.unlock(key.name, token)


def keeps_answers(settings: Settings) -> bool:
    """Return whether these settings ask for a cache of answers."""
    return settings.report_cache and not settings.cache_url.startswith("none:")


def open_query_cache(settings: Settings, link: RedisLink | None, count: Callable[[str], None]) -> QueryCache | None:
    """Return the cache of answers that these settings ask for, None where none are kept; `link` leads to Redis."""
    if not keeps_answers(settings):
        return None
    from picoevent.report.query_memory import MemoryEntries

    near = MemoryEntries(settings.report_cache_mb * 1_000_000)
    if link is None:
        return QueryCache(near, count)
    from picoevent.report.query_near import NearEntries
    from picoevent.report.query_redis import RedisEntries

    return QueryCache(NearEntries(near, RedisEntries(settings, link)), count)
