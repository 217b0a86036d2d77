"""A script that logs, forks, and logs on both sides: by `multiprocessing`, or as a tree of plain `os.fork()`."""

from __future__ import annotations

import multiprocessing
import os
import sys

from picoevent import EventLog
from torture.task import Task
from torture.worker import Trace

CHILDREN, GRANDCHILDREN = 2, 2


class Script:
    """One event log, used in each process of the tree."""

    def __init__(self, task: Task) -> None:
        self._task = task
        self._events = EventLog(task.url, **task.settings)
        self._trace = Trace(task.path("trace"))

    def record(self, who: str, count: int) -> None:
        """Log so many events in the name of a process."""
        for number in range(count):
            name = f"{self._task.name}-{who}-{number}"
            self._trace.sent([name])
            self._trace.answered([name], [self._events.log("forked", {"uid": name}, user_id=who)])

    def by_multiprocessing(self) -> list[int | None]:
        """Fork four processes, and return how they ended."""
        fork = multiprocessing.get_context("fork")
        each = self._task.events // 4
        children = [fork.Process(target=self.record, args=(f"child{place}", each)) for place in range(4)]
        for child in children:
            child.start()
        for child in children:
            child.join()
        return [child.exitcode for child in children]

    def as_a_tree(self) -> list[int | None]:
        """Fork children that fork children, each logging before, between and after; return how the first ones ended."""
        each = self._task.events // (CHILDREN * (2 + GRANDCHILDREN))
        return self._branch("child", CHILDREN, each, deeper=True)

    def _branch(self, who: str, count: int, each: int, *, deeper: bool) -> list[int | None]:
        children = []
        for place in range(count):
            child = os.fork()
            if child == 0:
                name = f"{who}{place}"
                self.record(f"{name}-before", each)
                ends = self._branch(f"{name}-", GRANDCHILDREN, each, deeper=False) if deeper else []
                self.record(f"{name}-after", each if deeper else 0)
                os._exit(max((code or 0 for code in ends), default=0))
            children.append(child)
        return [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]


def main(task: Task, kind: str) -> int:
    """Log, fork as told, log once more, and return an exit code that says whether each child ended well."""
    script = Script(task)
    script.record("parent-first", 5)
    ends = script.by_multiprocessing() if kind == "multiprocessing" else script.as_a_tree()
    script.record("parent-last", 5)
    return 0 if set(ends) == {0} else 1


if __name__ == "__main__":
    sys.exit(main(Task.from_line(sys.argv[1]), sys.argv[2]))
