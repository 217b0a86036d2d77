"""How a log call of another package becomes an event: its fields, whose calls are left out, and the event log."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from picoevent.accept import MAX_AHEAD_MS, MAX_INTEGER_USER, MAX_NAME_CHARACTERS, MAX_USER_CHARACTERS
from picoevent.errors import SettingsError
from picoevent.eventlog import EventLog
from picoevent.ids import EPOCH_UNIX, unix_ms, wall_clock_ms
from picoevent.settings import DURABILITIES, Settings

OWN_LOGGER = "picoevent"
OWN_THREADS = "picoevent-"
"""What the name of each thread of PicoEvent begins with; what packages below it log there is its own."""
LIBRARIES = frozenset({"sqlalchemy", "pymysql", "redis"})
"""Packages that PicoEvent calls: what they log within a call of ours comes from that call."""
MAX_NESTED = 4
"""How many log calls may stand within each other in a thread: a signal handler, a `__repr__` that logs."""

_here = threading.local()


def is_own(logger: str | None, thread: str | None) -> bool:
    """Say whether a record is of PicoEvent itself: to log it would make the next one. Takes no lock."""
    logger = logger or ""
    if logger == OWN_LOGGER or logger.startswith("picoevent."):
        return True
    if thread and thread.startswith(OWN_THREADS):
        return True
    return bool(_depth()) and logger.partition(".")[0] in LIBRARIES


def _depth() -> int:
    return getattr(_here, "depth", 0)


@contextmanager
def one_deeper() -> Iterator[bool]:
    """Count the log calls within each other in this thread; yield whether this one may still be taken."""
    depth = _depth()
    _here.depth = depth + 1
    try:
        yield depth < MAX_NESTED
    finally:
        _here.depth = depth


@dataclass(slots=True)
class Entry:
    """What a log call becomes: the arguments of `EventLog.log()`."""

    event_type: str
    user_id: int | str | None
    source: str | None
    at: datetime | None
    data: dict[str, object]


class TypeTemplate:
    """How the event type comes about: a text in which {level} and {logger} stand for the record's own.

    Raises `SettingsError` for any other field.
    """

    def __init__(self, template: str) -> None:
        try:
            made = template.format(level="info", logger="app")
        except (LookupError, ValueError, AttributeError, TypeError):
            made = ""
        if not made:
            message = f"The event type {template!r} is no text with the fields {{level}} and {{logger}} at most."
            raise SettingsError(message, hint="Write it like log.{level}, app.log or {logger}.")
        self._template = template

    def fill(self, level: str, logger: str) -> str:
        """Return the event type, cut to the length of one."""
        word = re.sub(r"[^a-z0-9_.-]+", "_", level.lower())
        return self._template.format(level=word, logger=logger)[:MAX_NAME_CHARACTERS] or word


def take_name(fields: dict[str, object], key: str) -> str | None:
    """Take an event type or a source out of the fields; what can't be one stays there."""
    found = _text(fields.get(key), MAX_NAME_CHARACTERS)
    if found is not None or fields.get(key, ...) is None:
        del fields[key]
    return found


def take_user(fields: dict[str, object], key: str = "user_id") -> int | str | None:
    """Take the user out of the fields; what can't be one stays there."""
    value = fields.get(key)
    found: int | str | None = _text(value, MAX_USER_CHARACTERS)
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MAX_INTEGER_USER:
        found = int(value)
    if found is not None or fields.get(key, ...) is None:
        del fields[key]
    return found


def _text(value: object, longest: int) -> str | None:
    if not isinstance(value, str) or not 1 <= len(value) <= longest:
        return None
    text = str.__str__(value)
    return text if text.isascii() or text.encode("utf-8", "replace") == text.encode("utf-8", "surrogatepass") else None


def beside(fields: dict[str, object], extra: dict[str, object]) -> dict[str, object]:
    """Return both in one; an extra key that is there already gets `extra_` in front."""
    for name, value in extra.items():
        free = name
        while free in fields:
            free = f"extra_{free}"
        fields[free] = value
    return fields


def moment_of(unix_seconds: float) -> datetime | None:
    """Return a time as an event has it, or None where no event can have this one."""
    if not EPOCH_UNIX <= unix_seconds <= time.time() + MAX_AHEAD_MS / 1000:
        return None
    return datetime.fromtimestamp(unix_seconds, UTC)


def _unless_now(at: datetime | None) -> datetime | None:
    """Return a time of its own only where it is not this very millisecond: ids of now rise, and seldom collide."""
    return None if at is None or unix_ms(at) == wall_clock_ms() else at


class Sender:
    """Hand entries to an event log: a given one, or one of its own that is made when the first entry comes.

    Raises `SettingsError` at construction for wrong settings.
    """

    def __init__(self, events: EventLog | Settings | str | None, durability: str | None) -> None:
        if durability is not None and durability not in DURABILITIES:
            raise SettingsError(f"The durability {durability!r} is wrong.", hint="Write commit or spool.")
        self._options: dict[str, Any] = {} if durability is None else {"durability": durability}
        self._settings: Settings | None = None
        self._events: EventLog | None = None
        if events is None or isinstance(events, str):
            self._settings = Settings.from_env(url=events)
        elif isinstance(events, Settings):
            self._settings = events
        else:
            self._events = events
        self._made: dict[str, EventLog] = {}
        self._closed = False

    @property
    def max_payload_bytes(self) -> int:
        """How large a payload may be."""
        settings = self._settings if self._events is None else self._events.settings
        return settings.max_payload_bytes if settings else 0

    def send(self, entry: Entry) -> bool:
        """Log the entry, and return whether it was taken; raises what the event log raises: nothing unless strict."""
        events = self._own() if self._events is None else self._events
        if events is None:
            return False
        event_id = events.log(
            entry.event_type,
            entry.data,
            user_id=entry.user_id,
            source=entry.source,
            at=_unless_now(entry.at),
            **self._options,
        )
        return event_id is not None

    def _own(self) -> EventLog | None:
        """Return the event log made here; without a lock: of two that two threads make, both take the first."""
        made = self._made.get("events")
        if made is None and not self._closed:
            made = self._made.setdefault("events", EventLog(self._settings))
        return made

    def close(self) -> None:
        """Close the event log that was made here, if there is one; idempotent."""
        self._closed = True
        made = self._made.get("events")
        if made is not None:
            made.close()
