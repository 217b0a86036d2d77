"""What `fork()` must not meet: an open transaction of another thread, or any open SQLite connection at all.

A child inherits SQLite's own list of the locks that its process holds, and would believe that it holds the parent's.
So stores let the calls under way come to their end, and close what may not be inherited, before the process forks.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Generic, Protocol, TypeVar, cast
from weakref import WeakSet

Owner = TypeVar("Owner")
Value = TypeVar("Value")


class HeldAtFork(Protocol):
    """Something that is told before this process forks, and on both sides after it."""

    def before_fork(self) -> None:
        """Bring what is under way to its end, and begin nothing new."""

    def after_fork(self, *, in_child: bool) -> None:
        """Go on."""


# The one state of the process itself: the operating system forks all of it at once.
_held: WeakSet[HeldAtFork] = WeakSet()
_generation = 0
_pid = os.getpid()


def generation() -> int:
    """Return how many forks lie between this process and the one that imported picoevent.

    A fork that does not run Python's hooks (a C extension, uWSGI) is noticed here.
    """
    if os.getpid() != _pid:
        _after_in_child()
    return _generation


def hold_at_fork(holder: HeldAtFork) -> None:
    """Tell this object of every fork from now on, for as long as somebody else keeps it."""
    _held.add(holder)


def _before() -> None:
    for holder in list(_held):
        holder.before_fork()


def _after_in_parent() -> None:
    for holder in list(_held):
        holder.after_fork(in_child=False)


def _after_in_child() -> None:
    global _generation, _pid  # noqa: PLW0603  # a child is another generation of the whole process
    _generation += 1
    _pid = os.getpid()
    for holder in list(_held):
        holder.after_fork(in_child=True)


os.register_at_fork(before=_before, after_in_parent=_after_in_parent, after_in_child=_after_in_child)


class CallGate:
    """Let calls through side by side, and none while the process forks; safe in signal handlers."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._inside = 0
        self._shut = False

    @contextmanager
    def inside(self) -> Iterator[None]:
        """Count as a call under way."""
        with self._changed:
            while self._shut:
                self._changed.wait()
            self._inside += 1
        try:
            yield
        finally:
            with self._changed:
                self._inside -= 1
                self._changed.notify_all()

    def shut(self, seconds: float) -> bool:
        """Wait until no call is under way, this long at most, and let none begin; return whether none is."""
        with self._changed:
            self._shut = True
            return self._changed.wait_for(lambda: self._inside == 0, seconds)

    def open(self) -> None:
        """Let calls through again."""
        with self._changed:
            self._shut = False
            self._changed.notify_all()


class opened_once(Generic[Owner, Value]):  # noqa: N801  # reads as a decorator
    """An attribute that is made when it is first read, like `functools.cached_property` but without its lock.

    In Python 3.11 that lock belongs to the class: a child that was forked while another thread held it waits for ever.
    Two threads may both make the value here; one of them is kept for both.
    """

    def __init__(self, make: Callable[[Owner], Value]) -> None:
        self._make = make
        self.__doc__ = make.__doc__

    def __set_name__(self, owner: type[Owner], name: str) -> None:
        self._name = name

    def __get__(self, instance: Owner, owner: type[Owner]) -> Value:
        return cast("Value", instance.__dict__.setdefault(self._name, self._make(instance)))
