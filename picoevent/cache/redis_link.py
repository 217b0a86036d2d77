"""How Redis is asked: no call raises or takes longer than it may, and a Redis that fails is left alone for a while."""

from __future__ import annotations

import logging
import math
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar
from urllib.parse import parse_qs, urlsplit

from picoevent.errors import SettingsError
from picoevent.settings import Settings
from picoevent.urls import ENCODE_HINT, check_address, check_argument, mask_url

try:
    import redis
    from redis.backoff import NoBackoff
    from redis.retry import Retry
except ImportError as error:
    raise SettingsError(
        "The setting cache_url needs the redis package.", hint="pip install 'picoevent[redis]'"
    ) from error

logger = logging.getLogger(__name__)

Answer = TypeVar("Answer")

ARGUMENTS = ("db", "username", "password", "client_name", "protocol", "max_connections")
TLS_ARGUMENTS = ("ssl_ca_certs", "ssl_certfile", "ssl_keyfile", "ssl_cert_reqs", "ssl_check_hostname")
ELSEWHERE = dict.fromkeys(("timeout", "socket_timeout", "socket_connect_timeout"), "Set PICOEVENT_CACHE_TIMEOUT_MS.")
"""Arguments that a URL may not have, and what to do instead."""


class Deadline(threading.local):
    """When the call of this thread has to be over, in seconds of the monotonic clock."""

    ends = math.inf

    def seconds_left(self) -> float:
        """Return how long the call may still take; raise `TimeoutError` where that is nothing."""
        left = self.ends - time.monotonic()
        if left <= 0:
            raise TimeoutError("The call's time is over")
        return left


class PunctualSocket:
    """A socket whose every step may take what is left of the call, so that many small ones take no longer."""

    def __init__(self, connected: socket.socket, deadline: Deadline) -> None:
        self._socket = connected
        self._deadline = deadline

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401  # the socket's own
        return getattr(self._socket, name)

    def recv(self, *arguments: Any) -> bytes:  # noqa: ANN401  # the socket's own
        """See `socket.recv`."""
        return self._timed().recv(*arguments)

    def recv_into(self, *arguments: Any) -> int:  # noqa: ANN401  # the socket's own
        """See `socket.recv_into`."""
        return self._timed().recv_into(*arguments)

    def sendall(self, data: bytes) -> None:
        """See `socket.sendall`."""
        self._timed().sendall(data)

    def _timed(self) -> socket.socket:
        # A timeout of 0 is not a time but a mode: the driver looks whether there is something to read.
        if self._socket.gettimeout() != 0:
            self._socket.settimeout(self._deadline.seconds_left())
        return self._socket


class RedisLink:
    """The way of one process to its Redis, shared by all that is cached there; safe under threads, not across a fork.

    No call raises, and none takes longer than `cache_timeout_ms`. A Redis that failed is left alone for
    `cache_pause_seconds`: until then calls give their default at once.
    """

    def __init__(self, settings: Settings, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._pause = settings.cache_pause_seconds
        self._timeout = settings.cache_timeout_ms / 1000
        self._where = mask_url(settings.cache_url)
        self._clock = clock
        self._skipped_until = 0.0
        self._deadline = Deadline()
        self._client = _client(settings, self._deadline)

    @property
    def rests(self) -> bool:
        """Whether Redis is being left alone now."""
        return self._clock() < self._skipped_until

    def ask(self, question: Callable[[redis.Redis], Answer], default: Answer) -> Answer:
        """Return what the question gives, or the default where Redis fails, or is left alone."""
        if self.rests:
            return default
        try:
            with self._in_time():
                return question(self._client)
        except Exception as error:  # noqa: BLE001  # on an answer that is no Redis's, the driver raises anything
            self._leave_alone(error)
            return default

    def describe(self) -> str:
        """Return in words where Redis is and how it does; asks it also while it is left alone."""
        try:
            with self._in_time():
                answers = bool(self._client.ping())
        except Exception as error:  # noqa: BLE001  # as above
            return f"{self._where} does not answer ({type(error).__name__}); events are read from the database"
        return f"{self._where} answers" if answers else f"{self._where} does not answer as a Redis does"

    def close(self) -> None:
        """Close every connection; idempotent."""
        self._client.close()

    @contextmanager
    def _in_time(self) -> Iterator[None]:
        self._deadline.ends = time.monotonic() + self._timeout
        try:
            yield
        finally:
            self._deadline.ends = math.inf

    def _leave_alone(self, error: Exception) -> None:
        self._skipped_until = self._clock() + self._pause
        # A connection that did not get through its greeting would be taken for a good one.
        self._client.connection_pool.disconnect(inuse_connections=False)
        # The text of a driver's error can hold the value that it failed on: only its kind is logged.
        kind = type(error).__name__
        logger.warning("The cache %s failed (%s); it is skipped for %d s", self._where, kind, self._pause)


def _client(settings: Settings, deadline: Deadline) -> redis.Redis:
    """Return a client that is not connected; raise `SettingsError` for whatever it would stumble over later."""
    _check_url(settings.cache_url)
    # Connecting and answering share the time that Redis may cost.
    half = settings.cache_timeout_ms / 2000
    options: dict[str, Any] = {
        "socket_connect_timeout": half,
        "socket_timeout": half,
        "retry": Retry(NoBackoff(), 0),
        "redis_connect_func": lambda connection: _greet(connection, deadline),
    }
    if settings.cache_password:
        options["password"] = settings.cache_password
    if settings.cache_tls_ca:
        options["ssl_ca_certs"] = settings.cache_tls_ca
    try:
        client = redis.Redis.from_url(settings.cache_url, **options)
        pool = client.connection_pool
        pool.connection_class(**pool.connection_kwargs)
    except (redis.RedisError, TypeError, ValueError):
        # Their words can hold a part of the password.
        raise SettingsError("The setting cache_url can't be read.", hint="redis://HOST:PORT/DB") from None
    return client


def _greet(connection: Any, deadline: Deadline) -> None:  # noqa: ANN401  # one of the driver's three kinds
    connection._sock = PunctualSocket(connection._sock, deadline)  # noqa: SLF001  # it has no other place for it
    connection.on_connect()


def _check_url(url: str) -> None:
    try:
        parts = urlsplit(url)
        arguments = parse_qs(parts.query, keep_blank_values=True)
        address = parts.hostname or "localhost", parts.port or 6379
    except ValueError:
        raise SettingsError("The setting cache_url can't be read.", hint=ENCODE_HINT) from None
    check_address("cache_url", *address)
    known = (*ARGUMENTS, *TLS_ARGUMENTS) if parts.scheme == "rediss" else ARGUMENTS
    for argument in arguments:
        check_argument("cache_url", argument, known, ELSEWHERE)
    database = parts.path.strip("/")
    if parts.fragment or (parts.scheme != "unix" and database and not database.isdecimal()):
        raise SettingsError("The setting cache_url has a database that is no number.", hint=ENCODE_HINT)
