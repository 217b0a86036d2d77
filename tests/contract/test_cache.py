"""The cache: filled after the commit, read before the database, and never believed."""

from __future__ import annotations

import os
import socket
import threading
import time
from contextlib import closing, contextmanager
from functools import partial

import pytest
import redis
from sqlalchemy import event as sql_event

from picoevent import EventLog, EventNotFound, Settings, SettingsError
from picoevent.cache import open_cache
from picoevent.cache.memory import MemoryCache
from picoevent.cache.redis import RedisCache
from picoevent.cache.redis_link import RedisLink
from picoevent.event import Cached, deserialize, serialize
from picoevent.testing import FakeClock


@pytest.fixture(params=["memory", "redis"])
def cache_url(request):
    return "memory://" if request.param == "memory" else request.getfixturevalue("redis_url")


@pytest.fixture
def statements(events):
    """Every SQL statement that pages are read with, from now on."""
    seen = []
    sql_event.listen(
        events._parts.reading_store._engine,
        "before_cursor_execute",
        lambda _c, _cursor, statement, parameters, *_: seen.append(_without_zero_offset(statement, parameters)),
    )
    return seen


def _without_zero_offset(statement, parameters):
    """SQLAlchemy writes `OFFSET ?` for SQLite, always; with a 0 it skips nothing."""
    return statement.replace("OFFSET ?", "") if 0 in parameters else statement


def test_a_logged_event_is_read_without_the_database(ready_url, cache_url):
    with EventLog(ready_url, cache_url=cache_url) as events:
        event_id = events.log("order.paid", {"amount": 42}, user_id="ann")
        events._parts.reading_store.reading = None

        assert events.get(event_id).data == {"amount": 42}


def test_a_page_fills_the_cache_and_the_next_reads_it(events, statements):
    with EventLog(events.settings) as writer:
        writer.log_many({"event_type": "tick", "data": {"n": n}} for n in range(20))

    first = events.events(event_type="tick")
    read_first = [statement for statement in statements if "event_data" in statement]
    statements.clear()
    second = events.events(event_type="tick")

    assert len(read_first) == 1
    assert [statement for statement in statements if "event_data" in statement] == []
    assert first == second


def test_no_page_counts_skips_or_looks_for_distinct_values(events, statements):
    events.log_many({"event_type": f"tick-{n % 3}", "user_id": n % 5, "source": "api"} for n in range(50))
    page = events.events(limit=10)
    events.events(limit=10, cursor=page.next_cursor, event_type=["tick-1", "tick-2"], source="api")
    events.event_types()

    sql = " ".join(statements).upper()
    assert "SELECT" in sql
    assert [word for word in ("COUNT(", "OFFSET", "DISTINCT") if word in sql] == []


def test_in_redis_an_event_has_a_prefix_and_an_end(ready_url, redis_url):
    with EventLog(ready_url, cache_url=redis_url, cache_prefix="shop:", cache_ttl_seconds=60) as events:
        event_id = events.log("order.paid", {"amount": 42})

    client = redis.Redis.from_url(redis_url)
    assert client.keys() == [f"shop:event:{event_id}".encode()]
    assert 0 < client.ttl(f"shop:event:{event_id}") <= 60
    client.close()


def rubbish_for(event_id, sealed):
    """What may stand in the cache under an id, beside what was put there."""
    other = b'{"id":"%d","type":"order.paid","source":"default","user":null,"data":{"amount":999}}' % event_id
    return [
        b"",
        b"\xff\xfe",
        b"null",
        other,
        sealed[:16] + other,
        sealed[:-1],
        sealed.replace(b"42", b"43"),
        b"[" * 5000,
    ]


def test_rubbish_in_redis_is_shown_nowhere(ready_url, redis_url):
    with EventLog(ready_url, cache_url=redis_url) as events, redis.Redis.from_url(redis_url) as client:
        event_id = events.log("order.paid", {"amount": 42}, user_id="ann")
        key = f"picoevent:event:{event_id}"
        good = events.get(event_id)
        for rubbish in rubbish_for(event_id, client.get(key)):
            client.set(key, rubbish)
            assert events.get(event_id) == good
            client.set(key, rubbish)
            assert events.events().events == (good,)


def test_two_installations_on_one_redis_do_not_see_each_others_events(ready_url, redis_url, tmp_path):
    with (
        EventLog(ready_url, cache_url=redis_url) as events,
        EventLog(f"sqlite:///{tmp_path / 'other.db'}", cache_url=redis_url) as other,
    ):
        event_id = events.log("order.paid", {"amount": 42})

        with pytest.raises(EventNotFound):
            other.get(event_id)
        assert events.get(event_id).data == {"amount": 42}


def test_a_key_of_another_kind_in_redis_costs_nothing(ready_url, redis_url):
    with EventLog(ready_url, cache_url=redis_url) as events:
        event_id = events.log("order.paid", {"amount": 42})
        client = redis.Redis.from_url(redis_url)
        client.delete(f"picoevent:event:{event_id}")
        client.lpush(f"picoevent:event:{event_id}", "a list")
        client.close()

        assert events.get(event_id).data == {"amount": 42}


def test_what_was_rolled_back_is_never_cached(ready_url, redis_url):
    with EventLog(ready_url, cache_url=redis_url) as events:
        events.log("first")
        taken = events._parts.writing.intake._rules.minter
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(type(taken), "mint", lambda _: 5)
            first, second = events.log("tick", {"n": 1}), events.log("tick", {"n": 2})

        assert first == 5
        assert second != 5
        assert (events.get(first).data, events.get(second).data) == ({"n": 1}, {"n": 2})


def test_the_memory_cache_keeps_what_was_used_last_within_its_bytes():
    cache = MemoryCache(3600)
    small, large = b'{"text":"%s"}' % (b"x" * 780), b'{"text":"%s"}' % (b"x" * 5000)

    cache.put([Cached(event_id, "tick", "shop", None, small) for event_id in range(3)], b"key")
    cache.get([0], b"key")
    cache.put([Cached(3, "tick", "shop", None, small), Cached(4, "tick", "shop", None, large)], b"key")

    assert sorted(cache.get(range(5), b"key")) == [0, 2, 3]


def test_a_serialized_event_comes_back_equal_under_its_own_id_and_key_only():
    sealed = serialize(Cached(7, "order.paid", "shop", "ann", b'{"amount":42}'), b"key")

    assert deserialize(7, sealed, b"key").data == {"amount": 42}
    assert deserialize(8, sealed, b"key") is None
    assert deserialize(7, sealed, b"other") is None


class TestARedisThatFails:
    """It costs at most 50 ms once, and is left alone for a while then; no call fails."""

    def cost(self, call):
        begin = time.perf_counter()
        call()
        return time.perf_counter() - begin

    def test_when_it_is_absent(self, ready_url):
        with EventLog(ready_url, cache_url="redis://127.0.0.1:1/0") as events:
            event_id = events.log("order.paid", {"amount": 42})

            assert events.get(event_id).data == {"amount": 42}
            assert len(events.events().events) == 1

    def test_when_it_freezes(self, own_redis, ready_url, caplog):
        server = own_redis()
        with EventLog(ready_url, cache_url=server.url(0)) as events:
            event_id = events.log("order.paid", {"amount": 42})
            server.pause()
            cache = events._parts.cache
            first, *later = (self.cost(lambda: cache.get([event_id], b"key")) for _ in range(6))

            assert events.get(event_id).data == {"amount": 42}
            assert events.log("order.paid") is not None
            assert first < 0.05 + 0.05
            assert min(later) < 0.005
            assert caplog.text.count("is skipped for 5 s") == 1
            server.resume()

    def test_when_a_new_connection_meets_a_frozen_server(self, own_redis):
        server = own_redis()
        server.pause()
        caches = [RedisCache(Settings(cache_url=server.url(0))) for _ in range(3)]

        costs = [self.cost(partial(cache.put_many, {1: b"x"})) for cache in caches]

        assert min(costs) < 0.05 + 0.03
        server.resume()

    def test_when_it_is_flushed(self, own_redis, ready_url):
        server = own_redis()
        with EventLog(ready_url, cache_url=server.url(0)) as events:
            event_id = events.log("order.paid", {"amount": 42})
            client = redis.Redis.from_url(server.url(0))
            client.flushall()
            client.close()

            assert events.get(event_id).data == {"amount": 42}

    def test_when_it_is_back_it_is_used_again(self, own_redis):
        server, clock = own_redis(), FakeClock()
        settings = Settings(cache_url=server.url(0))
        cache = RedisCache(settings, RedisLink(settings, clock=clock))
        server.pause()
        cache.put_many({1: b"lost"})
        server.resume()

        cache.put_many({2: b"skipped"})
        clock.advance(5)
        cache.put_many({3: b"kept"})

        assert cache.get_many([2, 3]) == {3: b"kept"}
        cache.close()


def test_a_cache_url_that_can_not_be_read_is_a_setting_error():
    with pytest.raises(SettingsError, match="cache_url"):
        open_cache(Settings(cache_url="redis://host:notaport/0"))


def test_a_child_of_fork_uses_a_connection_of_its_own(ready_url, redis_url):
    with EventLog(ready_url, cache_url=redis_url) as events:
        event_id = events.log("order.paid", {"from": "parent"})
        child = os.fork()
        if child == 0:
            same = events.get(event_id).data == {"from": "parent"}
            os._exit(0 if same and events.log("order.paid", {"from": "child"}) else 1)
        answers = {events.get(event_id).data["from"] for _ in range(200)}
        _, status = os.waitpid(child, 0)

        assert status == 0
        assert answers == {"parent"}
        assert events.count() == 2


def test_a_missing_event_is_missing_with_any_cache(ready_url, cache_url):
    with EventLog(ready_url, cache_url=cache_url) as events, pytest.raises(EventNotFound):
        events.get(1)


@contextmanager
def impostor(answer):
    """A server that is no Redis; `answer(connection, asked)` for all that it is asked. Yields its URL."""
    with closing(socket.create_server(("127.0.0.1", 0))) as server:

        def serve():
            while True:
                try:
                    connection = server.accept()[0]
                except OSError:
                    return
                with connection:
                    answer_all(connection)

        def answer_all(connection):
            try:
                while asked := connection.recv(65_536):
                    answer(connection, asked)
            except OSError:
                return

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield f"redis://127.0.0.1:{server.getsockname()[1]}/0"
        finally:
            server.shutdown(socket.SHUT_RDWR)
            thread.join()


@pytest.mark.parametrize("protocol", [2, 3])
@pytest.mark.parametrize(
    "rubbish", [b"+OK", b":1", b"*-1", b"$x", b":abc", b"$-1", b"*1", b"\xff", b"%1", b"-ERR", b""]
)
def test_a_server_that_answers_rubbish_costs_nothing(rubbish, protocol):
    with impostor(lambda connection, _: connection.sendall(rubbish + b"\r\n")) as url:
        cache = RedisCache(Settings(cache_url=f"{url}?protocol={protocol}", cache_pause_seconds=0))
        for _ in range(2):
            cache.put_many({1: b"x", 2: b"y"})

            assert cache.get_many([1, 2]) == {}
        assert "not answer" in cache.describe()
        cache.close()


def test_a_server_that_drips_holds_a_call_no_longer_than_its_time():
    def drip(connection, _):
        for byte in b"$100\r\n" + b"x" * 94:
            time.sleep(0.018)
            connection.sendall(bytes([byte]))

    with impostor(drip) as url:
        cache = RedisCache(Settings(cache_url=f"{url}?protocol=2", cache_timeout_ms=50, cache_pause_seconds=0))
        for call in (lambda: cache.get_many([1]), lambda: cache.put_many({1: b"x"}), cache.describe):
            begin = time.perf_counter()
            call()

            assert time.perf_counter() - begin < 0.05 + 0.05
        cache.close()


@pytest.mark.parametrize(
    "url",
    [
        "redis://h/0?foo=1",
        "redis://h/0?encoding=foo",
        "redis://h/0?socket_timeout=9",
        "redis://h/0?protocol=x",
        "redis://h/0?protocol=9",
        "redis://h/0?ssl_ca_certs=/ca.pem",
        "rediss://h/0?ssl_cert_reqs=perhaps",
        "redis://h/zero",
        "redis://:12#geheim@h/0",
        "redis://:geheim/x@h/0",
        "redis://a..b/0",
        f"redis://{'a' * 64}/0",
        "redis://h:99999/0",
    ],
)
def test_a_wrong_cache_url_is_named_at_construction(sqlite_url, url):
    with pytest.raises(SettingsError, match="cache_url") as caught:
        EventLog(sqlite_url, cache_url=url)

    assert "geheim" not in str(caught.value)
