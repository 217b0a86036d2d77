"""How a scenario holds a puppet: orders go out, answers come back, and it can be killed in between."""

from __future__ import annotations

import json
import signal
import socket
from collections.abc import Callable
from dataclasses import dataclass

from torture.nursery import Running
from torture.task import Task

PATIENCE_SECONDS = 20.0


class BrokenWorker(AssertionError):
    """A worker that should have answered is gone."""


@dataclass(slots=True)
class Strings:
    """The other side: a puppet that was started, and the line to it."""

    running: Running
    line: socket.socket

    def send(self, **order: object) -> None:
        """Give an order, and do not wait."""
        self.line.sendall(json.dumps(order).encode() + b"\n")

    def ask(self, **order: object) -> object:
        """Give an order, and return the answer to it."""
        self.send(**order)
        with self.line.makefile("r", encoding="ascii") as answers:
            answer = answers.readline()
        if not answer:
            code = self.running.wait()
            said = self.running.task.path("errors").read_text("utf-8", "replace")
            raise BrokenWorker(f"{self.running.task.name} has ended with {code} at {order}; it says: {said[-2000:]}")
        return json.loads(answer)

    def kill(self) -> None:
        """End it as it stands."""
        self.running.send(signal.SIGKILL)
        self.running.wait()
        self.line.close()


def start_puppet(start: Callable[[Task], Running], task: Task) -> Strings:
    """Start a puppet by its task, and return when it listens."""
    with socket.socket(socket.AF_UNIX) as listener:
        # Of no file, as the paths of temporary folders may be longer than a socket's can be.
        listener.bind(f"\0{task.control}")
        listener.listen(1)
        listener.settimeout(PATIENCE_SECONDS)
        running = start(task)
        line, _ = listener.accept()
    line.settimeout(PATIENCE_SECONDS)
    return Strings(running, line)
