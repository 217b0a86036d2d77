"""R21: Redis is down, frozen, flushed, too small, or holds rubbish: nothing wrong is read, `log()` hardly slower."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

from redis import Redis

from picoevent import EventLog
from picoevent.testing.servers import RedisServer
from torture.account import Traces, judge
from torture.frame import Scenario, Size, Verdict
from torture.measure import percentile_ms
from torture.site import Site

TIMES_SLOWER = 2.0
TIMEOUT_MS, GRACE_MS = 50, 50
HARM_EVERY_SECONDS = 0.01
SPAN = 20
"""Events that are read again after each one: by then some were dropped, or replaced."""


@contextmanager
def _nothing(_: RedisServer) -> Iterator[None]:
    yield


@contextmanager
def _down(server: RedisServer) -> Iterator[None]:
    server.kill()
    yield
    server.start()


@contextmanager
def _frozen(server: RedisServer) -> Iterator[None]:
    server.pause()
    yield
    server.resume()


@contextmanager
def _all_the_time(step: Callable[[Redis], object], server: RedisServer) -> Iterator[None]:
    """Do something to Redis again and again meanwhile."""
    over = threading.Event()

    def go_on() -> None:
        with Redis.from_url(server.url()) as redis:
            while not over.wait(HARM_EVERY_SECONDS):
                step(redis)

    thread = threading.Thread(target=go_on)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _flush(redis: Redis) -> None:
    redis.flushall()


def _make_small(redis: Redis) -> None:
    redis.config_set("maxmemory", redis.info("memory")["used_memory"] - 50_000)


def _some_keys(redis: Redis) -> list[bytes]:
    """Return keys of events, without asking for all of them: that would hold up Redis, and everybody with it."""
    keys = {redis.randomkey() for _ in range(SPAN)}
    return [key for key in keys if key and key.startswith(b"picoevent:event:")]


def _change_type(redis: Redis) -> None:
    for key in _some_keys(redis):
        redis.delete(key)
        redis.lpush(key, "a list")


def _poison(redis: Redis) -> None:
    """Put rubbish under some keys, and the value of another event, seal and all, under others."""
    keys = _some_keys(redis)
    values = [redis.get(key) for key in keys if redis.type(key) == b"string"]
    for place, key in enumerate(keys):
        redis.set(key, b"\xff" * 50 if place % 2 else values[place - 1] if place < len(values) else b"{}")


class Dump:
    """Keep what Redis held at first, and put it back later, over what is there: an old backup that is restored."""

    def __init__(self) -> None:
        self._kept: dict[bytes, bytes] = {}

    def __call__(self, redis: Redis) -> None:
        """Keep, or restore."""
        if len(self._kept) < SPAN:
            self._kept |= {key: redis.dump(key) or b"" for key in _some_keys(redis)}
        for key, value in self._kept.items():
            if value:
                redis.restore(key, 0, value, replace=True)


HARMS = {
    "healthy": _nothing,
    "down": _down,
    "frozen": _frozen,
    "flushed all the time": partial(_all_the_time, _flush),
    "too small": partial(_all_the_time, _make_small),
    "keys of another type": partial(_all_the_time, _change_type),
    "poisoned": partial(_all_the_time, _poison),
    "an old dump restored": partial(_all_the_time, Dump()),
}


def run(site: Site, size: Size) -> Verdict:
    """Log and read under each harm; compare every answer, and times with those of a healthy Redis."""
    verdict = Verdict()
    database = site.database()
    server = site.redis()
    traces = Traces()
    settings = {"spool_dir": str(database.spool_dir), "cache_url": server.url(), "max_auto_event_types": 65_535}
    healthy: list[float] = []
    for name, harm in HARMS.items():
        with EventLog(database.url, **settings) as log:
            log.log("warm up")
            with harm(server):
                took = sorted(_log_and_read(verdict, log, traces, name, size.events))
        healthy = healthy or took
        p99, bound = percentile_ms(took, 0.99), percentile_ms(healthy, 0.99) * TIMES_SLOWER
        longest = percentile_ms(took, 1)
        verdict.trials += 1
        verdict.note(f"{name}: p99 of log() {p99:.2f} ms, longest {longest:.0f} ms")
        verdict.require_in_time(p99 <= site.bound(bound), f"{name}: p99 of log() {p99:.2f} ms, allowed {bound:.2f}")
        longest_allowed = site.bound(TIMEOUT_MS + GRACE_MS)
        verdict.require_in_time(longest <= longest_allowed, f"{name}: a call took {longest:.0f} ms")
    judge(verdict, database.account(traces))
    return verdict


def _log_and_read(verdict: Verdict, log: EventLog, traces: Traces, harm: str, events: int) -> list[float]:
    """Log events of changing types and users, and read the latest ones back each time; return what log() took."""
    took: list[float] = []
    ids: list[tuple[int, str, str, str]] = []
    for number in range(events):
        uid = f"{harm}-{number}".replace(" ", "_")
        event_type, user = f"type-{number % 7}", f"user-{number % 5}"
        traces.sent.add(uid)
        begin = time.perf_counter()
        event_id = log.log(event_type, {"uid": uid}, user_id=user)
        took.append(time.perf_counter() - begin)
        if event_id is None:
            verdict.fail(f"{harm}: refused, {log.counters()}")
            continue
        traces.acked[uid] = event_id
        ids.append((event_id, event_type, user, uid))
        old_id, *expected = ids[max(0, len(ids) - 1 - number % SPAN)]
        found = log.get(old_id)
        same = [found.event_type, found.user_id, found.data["uid"]] == expected
        verdict.require(same, f"{harm}: {expected} was read as {found!r}")
    return took


REDIS_FAULTS = Scenario(
    "R21",
    "Redis down, frozen, flushed, too small, poisoned, restored",
    run,
    full=Size(events=5000),
    short=Size(events=120),
)
