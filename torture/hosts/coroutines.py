"""An asyncio program whose tasks share one event log: some hand the call to a thread, some call it in the loop."""

from __future__ import annotations

import asyncio
import sys
import time

from picoevent import EventLog
from torture.task import Task
from torture.worker import Trace

TASKS = 32


async def log_on(task: Task, log: EventLog, trace: Trace, number: int, until: float) -> None:
    """Log until the time is over."""
    turn = 0
    while time.monotonic() < until:
        name = f"{task.name}-{number}-{turn}"
        trace.sent([name])
        if number % 2:
            event_id = await asyncio.to_thread(log.log, "coroutine", {"uid": name}, user_id=name)
        else:
            event_id = log.log("coroutine", {"uid": name}, user_id=name)
        trace.answered([name], [event_id])
        await asyncio.sleep(0)
        turn += 1


async def main(task: Task) -> None:
    """Run the tasks of one loop side by side, then close."""
    trace = Trace(task.path("trace"))
    with EventLog(task.url, **task.settings) as log:
        until = time.monotonic() + task.seconds
        await asyncio.gather(*(log_on(task, log, trace, number, until) for number in range(TASKS)))


if __name__ == "__main__":
    asyncio.run(main(Task.from_line(sys.argv[1])))
