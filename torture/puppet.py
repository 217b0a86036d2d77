"""A worker that does one call at a time, as it is told over a socket: for histories whose every step is chosen."""

from __future__ import annotations

import json
import resource
import signal
import socket
from collections.abc import Sequence

from picoevent import EventLog, NewEvent
from torture.task import Task
from torture.worker import Trace

NO_LIMIT = resource.RLIM_INFINITY


class Puppet:
    """The worker's side."""

    def __init__(self, task: Task) -> None:
        self._trace = Trace(task.path("trace"))
        self._log = EventLog(task.url, **task.settings)

    def obey(self, address: str) -> None:
        """Do what each line says, and answer with a line, until the other side closes."""
        # What a full disk is to everybody, a file that may not grow is to this process: an error instead of its end.
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        with socket.socket(socket.AF_UNIX) as line:
            line.connect(f"\0{address}")
            for order in line.makefile("r", encoding="ascii"):
                answer = self._do(**json.loads(order))
                line.sendall(json.dumps(answer).encode() + b"\n")

    def _do(
        self, log: Sequence[str] = (), pad: int = 0, durability: str | None = None, limit: int | None = None,
        close: float | None = None,
    ) -> object:  # fmt: skip
        if limit is not None:
            return resource.setrlimit(resource.RLIMIT_FSIZE, (limit, NO_LIMIT))
        if close is not None:
            return [self._log.close(close), self._log.counters()]
        self._trace.sent(log)
        events = [NewEvent(f"type-{len(log)}", {"uid": name, "pad": "x" * pad}, f"user-{pad % 3}") for name in log]
        ids = self._log.log_many(events, durability=durability)
        self._trace.answered(log, ids)
        return ids
