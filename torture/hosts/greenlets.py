"""A gevent program: everything is patched before PicoEvent is imported, and greenlets share one event log."""

from __future__ import annotations

import sys

import gevent
import gevent.monkey

gevent.monkey.patch_all()

import time  # noqa: E402  # patched, as in a host that patches first

from picoevent import EventLog  # noqa: E402
from torture.task import Task  # noqa: E402
from torture.worker import Trace  # noqa: E402

GREENLETS = 32


def log_on(task: Task, log: EventLog, trace: Trace, number: int) -> None:
    """Log until the time is over, and let the others go on in between."""
    until = time.monotonic() + task.seconds
    turn = 0
    while time.monotonic() < until:
        name = f"{task.name}-{number}-{turn}"
        trace.sent([name])
        trace.answered([name], [log.log("greenlet", {"uid": name}, user_id=name)])
        gevent.sleep(0)
        turn += 1


def main(task: Task) -> None:
    """Run the greenlets side by side, then close."""
    trace = Trace(task.path("trace"))
    with EventLog(task.url, **task.settings) as log:
        gevent.joinall(
            [gevent.spawn(log_on, task, log, trace, number) for number in range(GREENLETS)], raise_error=True
        )


if __name__ == "__main__":
    main(Task.from_line(sys.argv[1]))
