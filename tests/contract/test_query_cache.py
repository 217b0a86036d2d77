"""The cache of answers: what is given at once, who computes, and what is never believed; in both places."""

from __future__ import annotations

import os
import threading
import time
from collections import Counter
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import pytest
import redis

from picoevent import InvalidQuery, Settings, StoreUnavailable
from picoevent.cache import open_link
from picoevent.report.frame import Answer
from picoevent.report.kept import CacheKey
from picoevent.report.query_cache import COMPUTING_SECONDS, SPARE_SECONDS, QueryCache
from picoevent.report.query_memory import MemoryEntries
from picoevent.report.query_redis import MAX_ENTRY_BYTES, RedisEntries
from picoevent.testing import FakeClock

AT = datetime(2026, 3, 18, 14, 30, 20, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Figure:
    name: str
    events: int


KEY = CacheKey("a" * 32, Answer[Figure], b"the installation's key")


def answer(events=1, name="tick"):
    return Answer("figures", (Figure(name, events),), "rollup: day", AT, AT, AT, totals={"events": events})


class Work:
    """Computes: each time one more; `gate` holds it up, `error` makes it fail."""

    def __init__(self):
        self.times = 0
        self.begun, self.gate = threading.Event(), threading.Event()
        self.gate.set()
        self.error = None

    def __call__(self):
        self.times += 1
        self.begun.set()
        assert self.gate.wait(30)
        if self.error:
            raise self.error
        return answer(self.times)


@pytest.fixture
def clock():
    return FakeClock(1_800_000_000)


@pytest.fixture
def work():
    return Work()


@pytest.fixture
def told():
    return []


@pytest.fixture
def counted(told):
    """`counted()` is how often the cache has counted what."""
    return lambda: Counter(told)


@pytest.fixture(params=["memory", "redis"])
def make_cache(request, clock, told):
    """`make_cache()` is a cache as another process has it, or this one where answers are kept in the process."""
    caches, links, memory = [], [], MemoryEntries(10_000_000, clock=clock)

    def make_cache(**options):
        entries = memory
        if request.param == "redis":
            settings = Settings(cache_url=request.getfixturevalue("redis_url"), cache_timeout_ms=1000)
            links.append(open_link(settings))
            entries = RedisEntries(settings, links[-1])
        caches.append(QueryCache(entries, told.append, **{"clock": clock, "patience_seconds": 30} | options))
        return caches[-1]

    yield make_cache
    for cache in caches:
        cache.close(5)
    for link in links:
        link.close()


@pytest.fixture
def cache(make_cache):
    return make_cache()


def in_threads(number, call):
    """Call in so many threads at once; return what they gave, or raised."""
    results = []

    def run():
        try:
            results.append(call())
        except Exception as error:  # noqa: BLE001  # it is the result
            results.append(error)

    threads = [threading.Thread(target=run) for _ in range(number)]
    for thread in threads:
        thread.start()
    return threads, results


def join(threads):
    for thread in threads:
        thread.join(30)
        assert not thread.is_alive()


def until(condition):
    """Wait until something holds that another thread brings about."""
    give_up = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < give_up
        time.sleep(0.002)


def test_an_answer_is_computed_once_while_it_is_fresh(cache, clock, work, counted):
    first = cache.get_or_compute(KEY, 30, work)
    clock.advance(30)
    second = cache.get_or_compute(KEY, 30, work)

    assert (first, first.cached_seconds) == (answer(1), None)
    assert second == replace(answer(1), cached_seconds=30)
    assert work.times == 1
    assert counted() == {"misses": 1, "computations": 1, "hits": 1}


def test_a_stale_answer_is_given_at_once_and_refreshed_behind_it(cache, clock, work, counted):
    cache.get_or_compute(KEY, 30, work)
    clock.advance(31)
    work.gate.clear()

    stale = [cache.get_or_compute(KEY, 30, work) for _ in range(5)]
    work.gate.set()
    until(lambda: cache.get_or_compute(KEY, 30, work).rows[0].events == 2)

    assert [given.rows[0].events for given in stale] == [1] * 5
    assert stale[0].cached_seconds == 31
    assert work.times == 2
    assert counted()["computations"] == 2


def test_an_answer_that_is_too_old_is_not_given(cache, clock, work):
    cache.get_or_compute(KEY, 30, work)
    clock.advance(61)

    assert cache.get_or_compute(KEY, 30, work) == answer(2)


def test_an_answer_is_as_old_as_the_beginning_of_its_computation(cache, clock, work):
    def slow():
        clock.advance(10)
        return work()

    cache.get_or_compute(KEY, 30, slow)

    assert cache.get_or_compute(KEY, 30, work).cached_seconds == 10


def test_an_answer_stays_fresh_no_longer_than_it_was_meant_to_when_it_was_computed(cache, clock, work):
    cache.get_or_compute(KEY, 30, work)
    clock.advance(70)

    # The day that it is about is over now, and its last minute is not in it.
    assert cache.get_or_compute(KEY, 3600, work) == answer(2)


def test_who_waits_for_a_refresh_that_fails_is_told(cache, clock, work, counted):
    cache.get_or_compute(KEY, 30, work)
    clock.advance(40)
    work.gate.clear()
    work.begun.clear()
    work.error = InvalidQuery("Too much.")
    cache.get_or_compute(KEY, 30, work)
    assert work.begun.wait(10)
    clock.advance(60)
    threads, raised = in_threads(3, lambda: cache.get_or_compute(KEY, 30, work))
    until(lambda: counted()["waits"] == 3)
    work.gate.set()
    join(threads)

    assert [str(error) for error in raised] == ["Too much."] * 3
    assert work.times == 2


def test_another_key_is_another_answer(cache, work):
    cache.get_or_compute(KEY, 30, work)

    assert cache.get_or_compute(replace(KEY, name="b" * 32), 30, work) == answer(2)


def test_twenty_who_ask_at_once_cost_one_computation(cache, work, counted):
    work.gate.clear()
    threads, answers = in_threads(20, lambda: cache.get_or_compute(KEY, 30, work))
    until(lambda: counted()["misses"] == 20)
    work.gate.set()
    join(threads)

    assert work.times == counted()["computations"] == 1
    assert {given.rows for given in answers} == {answer(1).rows}


def test_who_has_waited_long_enough_computes_alone(make_cache, work):
    cache = make_cache(patience_seconds=0.01)
    work.gate.clear()
    threads, _ = in_threads(1, lambda: cache.get_or_compute(KEY, 30, work))
    assert work.begun.wait(10)

    assert cache.get_or_compute(KEY, 30, lambda: answer(99)) == answer(99)
    work.gate.set()
    join(threads)


def test_what_a_computation_raises_is_raised_for_all_and_kept_for_nobody(cache, work, counted):
    work.gate.clear()
    work.error = InvalidQuery("Too much.", hint="Ask for less.")
    threads, raised = in_threads(5, lambda: cache.get_or_compute(KEY, 30, work))
    until(lambda: counted()["waits"] == 4)
    work.gate.set()
    join(threads)
    work.error = None

    assert [str(error) for error in raised] == ["Too much. Ask for less."] * 5
    assert cache.get_or_compute(KEY, 30, work) == answer(2)


def test_where_the_database_is_away_an_old_answer_is_given_and_says_so(cache, clock, work):
    cache.get_or_compute(KEY, 30, work)
    clock.advance(900)
    work.error = StoreUnavailable("MySQL does not answer.")

    old = cache.get_or_compute(KEY, 30, work)

    assert (old.rows, old.cached_seconds) == (answer(1).rows, 900)
    assert old.notes == ("The database does not answer: this is older.",)
    with pytest.raises(StoreUnavailable):
        cache.get_or_compute(replace(KEY, name="b" * 32), 30, work)


def test_a_refresh_that_fails_leaves_the_stale_answer(cache, clock, work, caplog):
    cache.get_or_compute(KEY, 30, work)
    clock.advance(40)
    work.error = StoreUnavailable("MySQL does not answer.")

    stale = cache.get_or_compute(KEY, 30, work)
    until(lambda: "could not be refreshed" in caplog.text)

    assert stale.rows == cache.get_or_compute(KEY, 30, work).rows == answer(1).rows


def test_an_answer_of_a_clock_that_is_ahead_is_not_believed(cache, clock, work):
    cache.get_or_compute(KEY, 30, work)

    clock.advance(-61)

    assert cache.get_or_compute(KEY, 30, work) == answer(2)


def test_an_answer_that_can_not_be_packed_is_given_all_the_same(cache, caplog):
    odd = replace(answer(), totals={"huge": 2**80})

    assert cache.get_or_compute(KEY, 30, lambda: odd) == odd
    assert "An answer of the report figures can't be kept" in caplog.text


def test_the_memory_keeps_what_was_used_last_within_its_bytes(clock):
    entries = MemoryEntries(4 * 5000, clock=clock)
    for number in range(4):
        entries.put(f"{number}", b"x" * 4600, 60, b"")
    entries.get("0", b"")

    entries.put("4", b"x" * 4600, 60, b"")
    entries.put("large", b"x" * 5000, 60, b"")

    assert [name for name in ("0", "1", "2", "3", "4", "large") if entries.get(name, b"")] == ["0", "2", "3", "4"]


def test_the_memory_forgets_what_is_over(clock):
    entries = MemoryEntries(1_000_000, clock=clock)
    entries.put("a", b"x", 60, b"")

    clock.advance(60)

    assert entries.get("a", b"") is None
    assert entries.describe() == "in-process, 0.0 of 1 MB, 0 answers"


@pytest.fixture
def entries(redis_url):
    settings = Settings(cache_url=redis_url, cache_prefix="shop:", cache_timeout_ms=1000)
    link = open_link(settings)
    yield RedisEntries(settings, link)
    link.close()


@pytest.fixture
def client(redis_url):
    with redis.Redis.from_url(redis_url) as client:
        yield client


def test_in_redis_answers_and_locks_have_a_prefix_and_an_end(entries, client):
    cache = QueryCache(entries, lambda _: None)
    cache.get_or_compute(KEY, 30, lambda: client.ttl(f"shop:computing:{KEY.name}") and answer())
    entries.lock("b", COMPUTING_SECONDS)

    assert sorted(client.keys()) == [f"shop:answer:{KEY.name}".encode(), b"shop:computing:b"]
    assert 60 < client.ttl(f"shop:answer:{KEY.name}") <= 60 + SPARE_SECONDS
    assert 0 < client.ttl("shop:computing:b") <= COMPUTING_SECONDS


def test_nobody_gives_back_the_lock_of_another(entries, client):
    late = entries.lock("a", 5)
    client.delete("shop:computing:a")
    token = entries.lock("a", 5)

    entries.unlock("a", late)

    assert entries.lock("a", 5) is None
    entries.unlock("a", token)
    assert entries.lock("a", 5) is not None


def test_rubbish_in_redis_is_given_to_nobody(entries, client, work):
    cache = QueryCache(entries, lambda _: None)
    cache.get_or_compute(KEY, 30, work)
    place = f"shop:answer:{KEY.name}"
    sealed = client.get(place)
    rubbish = [b"", b"\xc1", sealed[:-1], sealed[16:], sealed.replace(b"tick", b"tock"), b"\x91" * 5000]

    for number, entry in enumerate(rubbish, start=2):
        client.set(place, entry)
        assert cache.get_or_compute(KEY, 30, work) == answer(number)


def test_an_entry_is_believed_under_its_own_name_and_key_only(entries, client, work):
    cache = QueryCache(entries, lambda _: None)
    cache.get_or_compute(KEY, 30, work)
    client.copy(f"shop:answer:{KEY.name}", "shop:answer:other")

    assert cache.get_or_compute(replace(KEY, name="other"), 30, work) == answer(2)
    assert cache.get_or_compute(replace(KEY, seal=b"another installation's"), 30, work) == answer(3)


def test_an_entry_of_another_kind_of_rows_is_computed_anew(entries, work):
    @dataclass(frozen=True, slots=True)
    class Other:
        users: int

    cache = QueryCache(entries, lambda _: None)
    cache.get_or_compute(KEY, 30, work)

    assert cache.get_or_compute(replace(KEY, kind=Answer[Other]), 30, work) == answer(2)


def test_what_is_too_large_for_redis_is_not_sent(entries, client):
    entries.put("a", b"x" * (MAX_ENTRY_BYTES + 1), 60, b"key")

    assert client.keys() == []


def test_who_has_waited_long_enough_for_another_process_computes_alone(entries, work):
    token = entries.lock(KEY.name, COMPUTING_SECONDS)
    cache = QueryCache(entries, lambda _: None, patience_seconds=0.01)

    assert cache.get_or_compute(KEY, 30, work) == answer(1)
    assert entries.lock(KEY.name, COMPUTING_SECONDS) is None
    entries.unlock(KEY.name, token)


def test_a_lock_of_a_process_that_was_killed_ends(entries, client, work):
    entries.lock(KEY.name, COMPUTING_SECONDS)
    client.pexpire(f"shop:computing:{KEY.name}", 50)

    assert QueryCache(entries, lambda _: None, patience_seconds=30).get_or_compute(KEY, 30, work) == answer(1)


def compute_in_children(number, entries_of, counter):
    """Ask in so many processes at once; return their exit codes, 0 where each got the answer."""
    children = []
    for _ in range(number):
        child = os.fork()
        if child == 0:
            os._exit(ask_in_child(entries_of, counter))
        children.append(child)
    return [os.waitpid(child, 0)[1] for child in children]


def ask_in_child(entries_of, counter):
    def compute():
        with counter.open("a") as file:
            file.write("once\n")
        # Long enough that all of the others come while it lasts.
        time.sleep(0.3)
        return answer(7)

    given = QueryCache(entries_of(), lambda _: None).get_or_compute(KEY, 30, compute)
    return 0 if given.rows == answer(7).rows else 1


def test_of_several_processes_one_computes(redis_url, tmp_path):
    settings = Settings(cache_url=redis_url, cache_timeout_ms=2000)

    codes = compute_in_children(6, lambda: RedisEntries(settings, open_link(settings)), tmp_path / "computed")

    assert codes == [0] * 6
    assert (tmp_path / "computed").read_text() == "once\n"


class TestARedisThatFails:
    """Answers are computed, and a call is held up once."""

    def timed(self, cache, work):
        begin = time.perf_counter()
        given = cache.get_or_compute(KEY, 30, work)
        return time.perf_counter() - begin, given.rows[0].events

    @pytest.fixture
    def timeout_ms(self):
        """How long Redis is waited for; a busy machine may take a while."""
        return 5000

    @pytest.fixture
    def own_cache(self, own_redis, timeout_ms):
        server = own_redis()
        settings = Settings(cache_url=server.url(0), cache_timeout_ms=timeout_ms)
        link = open_link(settings)
        yield server, QueryCache(RedisEntries(settings, link), lambda _: None)
        link.close()

    def test_when_it_is_absent(self, work):
        settings = Settings(cache_url="redis://127.0.0.1:1/0")
        cache = QueryCache(RedisEntries(settings, open_link(settings)), lambda _: None)

        assert [self.timed(cache, work)[1] for _ in range(3)] == [1, 2, 3]

    @pytest.mark.parametrize("timeout_ms", [50])
    def test_when_it_freezes(self, own_cache, work, caplog):
        server, cache = own_cache
        cache.get_or_compute(KEY, 30, work)
        server.pause()

        (first, _), *later = [self.timed(cache, work) for _ in range(6)]
        server.resume()

        assert first < 0.05 + 0.05
        assert min(seconds for seconds, _ in later) < 0.005
        assert caplog.text.count("is skipped for 5 s") == 1

    def test_when_it_is_flushed(self, own_cache, work):
        server, cache = own_cache
        cache.get_or_compute(KEY, 30, work)
        with redis.Redis.from_url(server.url(0)) as client:
            client.flushall()

        assert cache.get_or_compute(KEY, 30, work) == answer(2)
        assert cache.get_or_compute(KEY, 30, work).rows == answer(2).rows
