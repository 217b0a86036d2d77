"""The BI under gunicorn: a port, worker processes, and threads that make partitions and fold. No process manager."""

from __future__ import annotations

import errno
import http.client
import logging
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from flask import Flask
from gunicorn.app.base import BaseApplication

from picoevent import PicoEventError, Settings, SettingsError
from picoevent.fold.worker import Folder
from picoevent.store import open_store
from picoevent.store.base import AdminStore, Purpose
from picoevent_admin.app import check_secret_key, create_app
from picoevent_admin.bi import EXTENSION

PORTS_TRIED = 20
BACKLOG = 512
ANSWER_SECONDS = 60
"""After this long without a sign of life a worker is replaced."""
LAST_REQUESTS_SECONDS = 10
KEEP_ALIVE_SECONDS = 15
MEMORY_FOLDER = Path("/dev/shm")  # noqa: S108  # holds a sign of life of each worker, which must not wait for a disk

PARTITIONS_EVERY_SECONDS = 3600.0
# The workers are forked in the first moment: what this process has open then would be in them too.
PARTITIONS_FIRST_SECONDS = FOLD_FIRST_SECONDS = 3.0
FOLD_LAST_SECONDS = 2.0

ENDING_SIGNALS = (signal.SIGINT, signal.SIGQUIT, signal.SIGTERM)
READY_TRIES, READY_PAUSE_SECONDS = 300, 0.1

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Address:
    """Where the BI listens."""

    host: str
    port: int

    @property
    def url(self) -> str:
        """The address for a browser on this machine."""
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host)  # noqa: S104  # all of them: name one
        return f"http://[{host}]:{self.port}" if ":" in host else f"http://{host}:{self.port}"


def serve(
    settings: Settings,
    *,
    host: str | None = None,
    port: int | None = None,
    try_next_ports: bool = False,
    on_ready: Callable[[str], None] | None = None,
) -> None:
    """Serve the BI until SIGINT or SIGTERM, then return; host and port are the settings' where they are not given.

    Call it in the main thread. `on_ready(url)` is called once, in a thread, when the first page can be had. Raises
    `SettingsError` without a secret key, and where the port is taken (with `try_next_ports`: and the 19 behind it).
    """
    check_secret_key(settings)
    listener = listen(host or settings.host, settings.port if port is None else port, try_next_ports=try_next_ports)
    address = Address(*listener.getsockname()[:2])
    stop = threading.Event()
    with ExitStack() as stack:
        stack.enter_context(_signals_restored())
        folding = _thread(fold, settings, stop)
        # It ends its transaction, and lets the next one lead at once.
        stack.callback(folding.join, FOLD_LAST_SECONDS)
        stack.callback(stop.set)
        folding.start()
        _thread(keep_partitions, settings, stop).start()
        if on_ready is not None:
            _thread(announce, address, on_ready, stop).start()
        _run(_Server(settings, listener.detach()))


def listen(host: str, port: int, *, try_next_ports: bool = False) -> socket.socket:
    """Return a socket that listens on a port, or on the first free one behind it; raise `SettingsError`."""
    tried = range(port, min(port + (PORTS_TRIED if try_next_ports and port else 1), 65_536))
    for number in tried:
        try:
            return _listener(host, number)
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                message = f"{host}:{number} can't be listened on ({error.strerror or error})."
                hint = "Choose another PICOEVENT_HOST or PICOEVENT_PORT; ports below 1024 are for root."
                raise SettingsError(message, hint=hint) from error
    taken = f"Port {port} on {host} is" if len(tried) == 1 else f"Ports {tried[0]} to {tried[-1]} on {host} are"
    raise SettingsError(f"{taken} taken by another program.", hint="Stop it, or set PICOEVENT_PORT to another one.")


def _listener(host: str, port: int) -> socket.socket:
    family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(BACKLOG)
    except OSError:
        listener.close()
        raise
    return listener


def keep_partitions(settings: Settings, stop: threading.Event) -> None:
    """Make partitions ahead, each hour until it is told to stop; what fails is logged and tried again."""
    wait = PARTITIONS_FIRST_SECONDS
    while not stop.wait(wait):
        wait = PARTITIONS_EVERY_SECONDS
        make_partitions(settings, datetime.now(UTC))


def make_partitions(settings: Settings, now: datetime) -> None:
    """Make the partitions that are due; a store without them has nothing to do."""
    store: AdminStore = open_store(settings.url, settings, Purpose.ADMIN)
    try:
        for name in store.ensure_partitions(now):
            logger.info("Made partition %s ahead", name)
    except PicoEventError as error:
        logger.warning(
            "Partitions could not be made ahead: %s Run `picoevent init` as a user that may ALTER the event tables, "
            "at least once in three partitions' time",
            error,
        )
    finally:
        store.close()


def fold(settings: Settings, stop: threading.Event) -> None:
    """Count events into the rollups until it is told to stop; stands by where a `picoevent worker` does."""
    if stop.wait(FOLD_FIRST_SECONDS):
        return
    folder = Folder(settings)
    try:
        folder.run(stop)
    finally:
        folder.close()


def announce(address: Address, on_ready: Callable[[str], None], stop: threading.Event) -> None:
    """Call `on_ready` when a page can be had."""
    for _ in range(READY_TRIES):
        if _answers(address):
            on_ready(address.url)
            return
        if stop.wait(READY_PAUSE_SECONDS):
            return


def _answers(address: Address) -> bool:
    connection = http.client.HTTPConnection(address.host, address.port, timeout=5)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _thread(target: Callable[..., None], *arguments: object) -> threading.Thread:
    return threading.Thread(target=target, args=arguments, name=f"picoevent {target.__name__}", daemon=True)


def _run(server: _Server) -> None:
    process = os.getpid()
    # What is not written yet would be written by each worker once more.
    _flush()
    try:
        server.run()
    except SystemExit as end:
        if os.getpid() != process:
            # A worker, forked within the call above: what the caller does after serving is not for it to do.
            _flush()
            os._exit(end.code if isinstance(end.code, int) else 1)
        # Gunicorn leaves by SystemExit in any case.
        if end.code:
            raise PicoEventError("The server has stopped: no worker could start.", hint="Its log says why.") from end


def _flush() -> None:
    sys.stdout.flush()
    sys.stderr.flush()


@contextmanager
def _signals_restored() -> Iterator[None]:
    kept = {number: signal.getsignal(number) for number in signal.valid_signals() if number < signal.NSIG}
    try:
        yield
    finally:
        for number, handler in kept.items():
            if handler is not None and signal.getsignal(number) is not handler:
                signal.signal(number, handler)


class _Server(BaseApplication):
    """Gunicorn with our settings and nothing from files, command lines or its own environment variables."""

    def __init__(self, settings: Settings, listening_fd: int) -> None:
        self._settings = settings
        self._listening_fd = listening_fd
        super().__init__()

    def load_config(self) -> None:
        for name, value in self._options().items():
            # An older gunicorn has fewer settings.
            if name in self.cfg.settings:
                self.cfg.set(name, value)

    def _options(self) -> dict[str, Any]:
        options: dict[str, Any] = {
            "bind": f"fd://{self._listening_fd}",
            "worker_class": "gthread",
            "workers": self._settings.workers,
            "threads": self._settings.threads,
            "timeout": ANSWER_SECONDS,
            "graceful_timeout": LAST_REQUESTS_SECONDS,
            "keepalive": KEEP_ALIVE_SECONDS,
            "loglevel": "warning",
            "accesslog": None,
            "proc_name": "picoevent",
            "control_socket_disable": True,
            # Whom to believe about the visitor is decided by `trusted_proxies`, in one place.
            "secure_scheme_headers": {},
            "forwarder_headers": "",
            "limit_request_line": 8190,
            "when_ready": _end_with_the_terminal,
            "post_fork": _hold_signals,
            "post_worker_init": _let_signals_in,
            "worker_exit": _close_worker,
        }
        if MEMORY_FOLDER.is_dir():
            options["worker_tmp_dir"] = str(MEMORY_FOLDER)
        return options

    def load(self) -> Flask:
        """Make the application, in each worker: its connections are of that process."""
        return create_app(self._settings, warms=True)


def _hold_signals(_arbiter: object, _worker: object) -> None:
    """Let a worker end only once it has started: gunicorn takes an earlier end for a fault of the application."""
    signal.pthread_sigmask(signal.SIG_BLOCK, ENDING_SIGNALS)


def _let_signals_in(_worker: object) -> None:
    signal.pthread_sigmask(signal.SIG_UNBLOCK, ENDING_SIGNALS)


def _end_with_the_terminal(arbiter: Any) -> None:  # noqa: ANN401  # gunicorn publishes no types
    # Gunicorn would reload at SIGHUP, and live on without the terminal that was closed.
    signal.signal(signal.SIGHUP, lambda *_: arbiter.signal(signal.SIGTERM, None))


def _close_worker(_arbiter: object, worker: Any) -> None:  # noqa: ANN401  # as above
    app = getattr(worker, "wsgi", None)
    if app is not None:
        app.extensions[EXTENSION].close()
