"""A Celery application with forked workers: its event log is made, and used, before they are.

TORTURE_TASK and TORTURE_BROKER in the environment say what to log to, and where tasks come from.
"""

from __future__ import annotations

import os

from celery import Celery
from celery.signals import worker_shutdown

from picoevent import EventLog
from torture.task import Task
from torture.worker import Trace

TASK = Task.from_line(os.environ["TORTURE_TASK"])
EVENTS = EventLog(TASK.url, **TASK.settings)
TRACE = Trace(TASK.path("trace"))

app = Celery("torture", broker=os.environ["TORTURE_BROKER"])
app.conf.update(worker_prefetch_multiplier=1, broker_connection_retry_on_startup=True, task_ignore_result=True)


def record(name: str) -> None:
    """Log one event with this payload id."""
    TRACE.sent([name])
    TRACE.answered([name], [EVENTS.log("task", {"uid": name}, user_id=name)])


@app.task
def work(name: str, events: int) -> None:
    """Log so many events."""
    for number in range(events):
        record(f"{name}-{number}")


@worker_shutdown.connect
def at_the_end(**_: object) -> None:
    """Log once more in the process that has forked the workers."""
    record("parent-at-the-end")


# Whoever sends tasks imports this file too, and logs nothing.
if "TORTURE_SENDS" not in os.environ:
    record("parent-before-the-fork")
