"""The proxy that harms connections does what it is told, counts it, and chooses by its seed alone."""

from __future__ import annotations

import contextlib
import socket
import threading
import time

import pytest

from picoevent.testing.proxy import Cut, FaultyProxy, Plan


@pytest.fixture
def heard():
    return []


@pytest.fixture
def server_port(heard):
    """A server that answers each message with the same one, and keeps it in `heard`."""
    listener = socket.create_server(("127.0.0.1", 0))

    def answer(connection):
        with connection, contextlib.suppress(OSError):
            while message := connection.recv(65_536):
                heard.append(message)
                connection.sendall(message)

    def serve():
        with contextlib.suppress(OSError):
            while True:
                threading.Thread(target=answer, args=(listener.accept()[0],), daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()
    yield listener.getsockname()[1]
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()


@pytest.fixture
def proxy(server_port):
    with FaultyProxy(server_port, seed=7) as proxy:
        yield proxy


@contextlib.contextmanager
def client_of(proxy, timeout=5):
    with socket.create_connection(("127.0.0.1", proxy.port), timeout=timeout) as client:
        yield client


def ask(client, message=b"what"):
    """Send, and return what comes back before the connection ends or is whole."""
    client.sendall(message)
    received = b""
    with contextlib.suppress(ConnectionError):
        while len(received) < len(message) and (part := client.recv(65_536)):
            received += part
    return received


def outcomes(proxy, count):
    """Ask so often, each time on a connection of its own; return whether there was an answer."""
    answers = []
    for _ in range(count):
        with client_of(proxy) as client:
            answers.append(ask(client) == b"what")
    return answers


def test_without_a_plan_everything_passes(proxy):
    with client_of(proxy) as client:
        assert ask(client, b"x" * 1_000_000) == b"x" * 1_000_000


@pytest.mark.parametrize(
    ("cut", "received", "reached"),
    [(Cut.BEFORE, b"", []), (Cut.MIDDLE, b"wh", [b"what"]), (Cut.AFTER, b"", [b"what"])],
    ids=["before", "middle", "after"],
)
def test_a_cut_is_where_it_was_asked_for(proxy, heard, cut, received, reached):
    proxy.cut(Plan(cut, nth=1))

    with client_of(proxy) as client:
        assert ask(client) == received
    assert heard == reached
    assert proxy.counts["cut"] == 1


def test_every_third_exchange_is_cut(proxy):
    proxy.cut(Plan(Cut.AFTER, every=3))

    assert outcomes(proxy, 7) == [True, True, False, True, True, False, True]


def test_a_share_is_drawn_by_the_seed(server_port):
    drawn = []
    for _ in range(2):
        with FaultyProxy(server_port, seed=7) as proxy:
            proxy.cut(Plan(Cut.AFTER, share=0.5))
            drawn.append(outcomes(proxy, 20))

    assert drawn[0] == drawn[1]
    assert 3 < sum(drawn[0]) < 17


def test_a_predicate_says_what_counts(proxy):
    proxy.cut(Plan(Cut.AFTER, nth=2, where=lambda sent: b"COMMIT" in sent))

    with client_of(proxy) as client:
        assert [ask(client, word) for word in (b"COMMIT", b"other", b"COMMIT")] == [b"COMMIT", b"other", b""]


def test_a_frozen_proxy_swallows_everything_and_closes_those_links_later(proxy):
    with client_of(proxy, timeout=0.1) as old:
        assert ask(old) == b"what"
        proxy.freeze()
        with client_of(proxy, timeout=0.1) as new:
            for client in (old, new):
                with pytest.raises(TimeoutError):
                    ask(client)
        proxy.pass_on()

        assert old.recv(1) == b""
    assert proxy.counts["swallowed"] == 8
    assert outcomes(proxy, 1) == [True]


def test_behind_a_blackhole_no_connection_comes_about_until_it_passes_on_again(proxy):
    proxy.blackhole()
    with pytest.raises(TimeoutError), client_of(proxy, timeout=0.2):
        pass

    proxy.pass_on()

    assert outcomes(proxy, 1) == [True]


def test_a_proxy_that_refuses_closes_old_links_and_new_ones(proxy):
    with client_of(proxy) as old:
        assert ask(old) == b"what"
        proxy.refuse()
        assert old.recv(1) == b""
    assert outcomes(proxy, 2) == [False, False]

    proxy.pass_on()

    assert outcomes(proxy, 1) == [True]


def test_delay_and_drip_cost_the_client_time(proxy):
    costs = []
    for proxy.delay_seconds, proxy.drip_bytes_per_second in ((0, 0), (0.1, 0), (0, 30)):
        with client_of(proxy) as client:
            begin = time.perf_counter()
            ask(client)
            costs.append(time.perf_counter() - begin)

    assert costs[0] < 0.1 <= costs[1]
    assert costs[2] >= 0.1


def test_a_server_that_is_not_there_is_a_closed_connection():
    with FaultyProxy(1) as proxy, client_of(proxy) as client, contextlib.suppress(ConnectionError):
        assert client.recv(1) == b""


def test_closing_twice_is_fine(proxy):
    proxy.close()
    proxy.close()

    with pytest.raises(ConnectionRefusedError), client_of(proxy):
        pass
