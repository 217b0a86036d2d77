"""A WSGI application for `gunicorn --preload`: its event log is made, and used, before the workers are forked.

TORTURE_TASK in the environment says what to log to, and where to write down what was acknowledged.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable

from picoevent import EventLog
from torture.task import Task
from torture.worker import Trace

TASK = Task.from_line(os.environ["TORTURE_TASK"])
EVENTS = EventLog(TASK.url, **TASK.settings)
TRACE = Trace(TASK.path("trace"))


def record(name: str) -> int | None:
    """Log one event with this payload id."""
    TRACE.sent([name])
    event_id = EVENTS.log("request", {"uid": name}, user_id=name)
    TRACE.answered([name], [event_id])
    return event_id


def application(environ: dict[str, str], start_response: Callable[..., object]) -> Iterable[bytes]:
    """Log the path of a request, and answer with the id of the event."""
    event_id = record(environ["PATH_INFO"].strip("/"))
    start_response("200 OK" if event_id else "503 Service Unavailable", [("Content-Type", "text/plain")])
    return [b"%d\n" % (event_id or 0)]


def on_exit(_server: object) -> None:
    """Log once more in the process that has forked the workers; gunicorn calls this as its last."""
    record("parent-at-the-end")


record("parent-before-the-fork")
