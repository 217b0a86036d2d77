"""A program that logs and then simply ends, in one of three ways, and closes nothing: what a careless script does."""

from __future__ import annotations

import os
import signal
import sys
import time

from picoevent import EventLog
from torture.task import Task
from torture.worker import Trace

ENDINGS = ("return", "exit", "exception")
STOPS = "TORTURE_STOPS"
"""In the environment: stop before the first event."""


def main(task: Task, ending: str) -> None:
    """Log the events of a task one by one, write down when the last call returned, and end as told."""
    log = EventLog(task.url, **task.settings)
    if STOPS in os.environ:
        # What is to follow is watched from its first call on: whoever watches lets it go on.
        os.kill(os.getpid(), signal.SIGSTOP)
    trace = Trace(task.path("trace"))
    for number in range(task.events):
        name = f"{task.name}-{number}"
        trace.sent([name])
        trace.answered([name], [log.log("burst", {"uid": name}, durability=task.durability)])
    task.path("ended").write_text(repr(time.time()), "ascii")
    if ending == "exit":
        sys.exit(3)
    if ending == "exception":
        raise RuntimeError("as told")


if __name__ == "__main__":
    main(Task.from_line(sys.argv[1]), sys.argv[2])
