"""A TCP proxy that harms what passes through it, as told: cut replies, silence, delay; its choices follow from a seed.

It knows nothing of MySQL or Redis, only that a client sent something and that the server answered.
"""

from __future__ import annotations

import contextlib
import select
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from random import Random
from typing import Self

HOST = "127.0.0.1"
POLL_SECONDS = 0.02
CHUNK = 65_536


class Cut(Enum):
    """Where in an exchange both sides lose their connection."""

    BEFORE = "before the server gets what the client sent"
    MIDDLE = "within the server's answer"
    AFTER = "after the server has answered, before the client gets any of it"


@dataclass(frozen=True, slots=True)
class Plan:
    """Which exchanges are cut, counted from now on: the nth, every so many, or a share of them drawn by the seed.

    With `where` only those count in which the client sent something that it is true for.
    """

    cut: Cut
    nth: int = 0
    every: int = 0
    share: float = 0.0
    where: Callable[[bytes], bool] | None = None


class FaultyProxy:
    """Stand between clients and a server on this machine; a link has a thread of its own. `with` starts and closes it.

    What it does can be changed at any time. `counts` says what it did: connections, exchanges, cut, swallowed (bytes).
    """

    def __init__(self, server_port: int, *, seed: int = 0) -> None:
        self.counts: Counter[str] = Counter()
        self.server_port = server_port
        self.silent = False
        self.refusing = False
        self.delay_seconds = 0.0
        self.drip_bytes_per_second = 0
        self._random = Random(seed)
        self._plan: Plan | None = None
        self._matching = 0
        self._lock = threading.Lock()
        self._door = threading.Lock()
        self._links: set[_Link] = set()
        self._fillers: list[socket.socket] = []
        self._closed = False
        self._listener = socket.create_server((HOST, 0), backlog=128)
        self.port = int(self._listener.getsockname()[1])

    def cut(self, plan: Plan | None) -> None:
        """Cut the exchanges of a plan from now on, in place of the one before; None cuts nothing."""
        with self._lock:
            self._plan, self._matching = plan, 0

    def freeze(self) -> None:
        """Swallow everything from now on, on old links and new ones: connections stay open, and nothing is answered."""
        self.silent = True

    def blackhole(self) -> None:
        """Freeze, and let no new connection come about: its SYN gets no answer, as behind a dead router."""
        self.freeze()
        with self._door:
            # Linux drops SYNs while the queue of connections that wait to be accepted is full.
            self._listener.listen(0)
            while not self._fillers or select.select([], self._fillers[-1:], [], 0.1)[1]:
                filler = socket.socket()
                filler.settimeout(0)
                filler.connect_ex((HOST, self.port))
                self._fillers.append(filler)

    def refuse(self) -> None:
        """Close every link from now on, old ones and new ones, as where the server is not there."""
        self.refusing = True
        self.drop_links()

    def pass_on(self) -> None:
        """End all harm. Links that have swallowed something are closed: they could never be right again."""
        self.cut(None)
        self.silent = self.refusing = False
        self.delay_seconds, self.drip_bytes_per_second = 0.0, 0
        for filler in self._fillers:
            filler.close()
        self._fillers = []
        self._listener.listen(128)
        for link in list(self._links):
            if link.swallowed:
                link.close()

    def drop_links(self) -> None:
        """Close every link there is; new ones come about."""
        for link in list(self._links):
            link.close()

    def close(self) -> None:
        """End every link, and listen no more; calling it twice is fine."""
        if self._closed:
            return
        self._closed = True
        self.pass_on()
        # Before close(): that alone leaves it listening as long as the thread that accepts still looks at it.
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.drop_links()

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, name="faulty-proxy", daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def plan_for(self, sent: bytes, *, begins: bool) -> Cut | None:
        """Return where the exchange is to be cut in which a client has sent these bytes; for links."""
        with self._lock:
            plan = self._plan
            if plan is None or not (plan.where(sent) if plan.where else begins):
                return None
            self._matching += 1
            chosen = self._matching == plan.nth or (plan.every and self._matching % plan.every == 0)
            return plan.cut if chosen or self._random.random() < plan.share else None

    def _accept(self) -> None:
        # A proxy that is closed at once has no listener any more.
        with contextlib.suppress(OSError):
            self._listener.settimeout(0)
        while not self._closed:
            with contextlib.suppress(OSError, ValueError):
                select.select([self._listener], [], [], POLL_SECONDS)
                with self._door:
                    # While the queue must stay full, nothing is taken out of it.
                    client = None if self._fillers else self._listener.accept()[0]
                if client is None:
                    time.sleep(POLL_SECONDS)
                    continue
                client.settimeout(None)
                client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self.counts["connections"] += 1
                threading.Thread(target=self._serve, args=(client,), name="faulty-link", daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        # A new link of a silent proxy has nobody behind it: the server may be away, and the client must not see that.
        nobody, server = socket.socketpair()
        with client, nobody, contextlib.suppress(OSError):
            silent = self.silent
            if not silent:
                server.close()
                server = socket.create_connection((HOST, self.server_port))
                server.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with server:
                link = _Link(self, client, server, swallowed=silent)
                self._links.add(link)
                try:
                    # Looked at behind the list of links, so that none slips through between `refuse` and here.
                    if not self.refusing:
                        link.run()
                finally:
                    self._links.discard(link)


class _Link:
    """One connection of a client, and the one to the server behind it."""

    def __init__(self, proxy: FaultyProxy, client: socket.socket, server: socket.socket, *, swallowed: bool) -> None:
        self.swallowed = swallowed
        self._proxy = proxy
        self._client = client
        self._server = server
        self._cut: Cut | None = None
        self._answered = True

    def run(self) -> None:
        """Hand bytes on until one side ends the connection, or the plan does."""
        poll = select.poll()
        poll.register(self._client, select.POLLIN)
        poll.register(self._server, select.POLLIN)
        while True:
            ready = {fd for fd, _ in poll.poll()}
            # The client first: what it sends begins an exchange, and what the server says answers it.
            for source, handle in ((self._client, self._from_client), (self._server, self._from_server)):
                if source.fileno() in ready and not self._step(source, handle):
                    return

    def close(self) -> None:
        """End both connections; the thread of the link sees it."""
        for side in (self._client, self._server):
            with contextlib.suppress(OSError):
                side.shutdown(socket.SHUT_RDWR)

    def _step(self, source: socket.socket, handle: Callable[[bytes], bool]) -> bool:
        data = source.recv(CHUNK)
        if not data:
            return False
        if self._proxy.silent:
            self.swallowed = True
            self._proxy.counts["swallowed"] += len(data)
            return True
        return handle(data)

    def _from_client(self, data: bytes) -> bool:
        begins = self._answered
        if begins:
            self._answered, self._cut = False, None
            self._proxy.counts["exchanges"] += 1
        self._cut = self._cut or self._proxy.plan_for(data, begins=begins)
        if self._cut is Cut.BEFORE:
            return self._count_cut()
        self._server.sendall(data)
        return True

    def _from_server(self, data: bytes) -> bool:
        asked = not self._answered
        self._answered = True
        if self._proxy.delay_seconds:
            time.sleep(self._proxy.delay_seconds)
        if asked and self._cut is not None:
            if self._cut is Cut.MIDDLE:
                self._client.sendall(data[: len(data) // 2])
            return self._count_cut()
        rate = self._proxy.drip_bytes_per_second
        for at in range(len(data) if rate else 0):
            self._client.sendall(data[at : at + 1])
            time.sleep(1 / rate)
        if not rate:
            self._client.sendall(data)
        return True

    def _count_cut(self) -> bool:
        self._proxy.counts["cut"] += 1
        return False
