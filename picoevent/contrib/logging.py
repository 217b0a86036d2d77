"""`PicoEventHandler`: records of Python's `logging` as events. It formats no text for people, and holds no lock."""

from __future__ import annotations

import logging
from contextlib import suppress
from types import TracebackType

from picoevent.contrib.sending import (
    Entry,
    Sender,
    TypeTemplate,
    beside,
    is_own,
    moment_of,
    one_deeper,
    take_name,
    take_user,
)
from picoevent.contrib.storable import Allowance, shown, storable_mapping
from picoevent.eventlog import EventLog
from picoevent.settings import Settings

DEFAULT_EVENT_TYPE = "log.{level}"
"""Five event types. Not the logger's name: an application has hundreds, and event types are few by design."""

_OWN_ATTRIBUTES = frozenset(logging.LogRecord("", 0, "", 0, "", (), None).__dict__) | {"message", "asctime", "taskName"}
_formatter = logging.Formatter()

ExcInfo = tuple[type[BaseException] | None, BaseException | None, TracebackType | None]


class PicoEventHandler(logging.Handler):
    """Log each record as an event. Never raises into its host; safe under threads, after `fork()`, in signal handlers.

    `events` is the `EventLog` of the application, which the handler does not close; or `Settings`, the URL of a
    database or nothing (then `PICOEVENT_...` variables count), from which it makes one at the first record, and closes
    it with itself: that is a thread and a connection more in each process that has one already. Wrong settings raise
    `SettingsError`. `event_type` may hold {level} and {logger}. `durability` is that of `EventLog.log()`: with "spool"
    a log call does not wait for the database.

    A call says more with `extra`: `event_type`, `user_id` and `source` are those of the event; any other key becomes a
    key of the data. Beside them the data has `message`, `logger`, `level`, `module`, `function`, `line`, and where
    there is one `exception` (the traceback), `exception_type` and `stack`. An extra key with one of these names gets
    `extra_` in front. What can't be the event's type, user or source stays in the data, values that JSON can't hold
    become their `repr()`, and long ones are cut: no record is refused for them. The event has the record's time.

    Records of the logger `picoevent`, of PicoEvent's threads, and of packages that it calls while it does, are dropped.
    A formatter is not asked.
    """

    def __init__(
        self,
        events: EventLog | Settings | str | None = None,
        level: int | str = logging.NOTSET,
        *,
        event_type: str = DEFAULT_EVENT_TYPE,
        source: str | None = None,
        durability: str | None = None,
    ) -> None:
        # First: what is wrong raises before `logging` has heard of this handler.
        self._sender = Sender(events, durability)
        self._event_type = TypeTemplate(event_type)
        self._source = source
        super().__init__(level)

    def createLock(self) -> None:  # noqa: N802  # logging's name
        """Have no lock: the event log is safe under threads, and callers side by side share its transactions."""
        self.lock = None

    def handle(self, record: logging.LogRecord) -> bool:
        """Log a record that passes the filters; return whether it did."""
        if is_own(record.name, record.threadName):
            return False
        try:
            passed: object = self.filter(record)
            if passed:
                self.emit(passed if isinstance(passed, logging.LogRecord) else record)
        except Exception:  # noqa: BLE001  # a filter's own code may raise anything
            self.handleError(record)
            return False
        return bool(passed)

    def emit(self, record: logging.LogRecord) -> None:
        """Log one record as an event."""
        with one_deeper() as may_be_taken:
            if may_be_taken:
                try:
                    self._sender.send(self._entry(record))
                except Exception:  # noqa: BLE001  # nothing may reach the host
                    self.handleError(record)

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802  # logging's name
        """Tell the error as `logging` does: on stderr, where `logging.raiseExceptions` is set."""
        with suppress(Exception):
            super().handleError(record)

    def close(self) -> None:
        """Close the handler, and the event log that it made itself; idempotent."""
        super().close()
        with suppress(Exception):
            self._sender.close()

    def _entry(self, record: logging.LogRecord) -> Entry:
        allowance = Allowance(self._sender.max_payload_bytes)
        extra = {name: value for name, value in record.__dict__.copy().items() if name not in _OWN_ATTRIBUTES}
        # Not `levelname`: formatters that colour it write into the record.
        level = logging.getLevelName(record.levelno)
        return Entry(
            event_type=take_name(extra, "event_type") or self._event_type.fill(level, record.name),
            user_id=take_user(extra),
            source=take_name(extra, "source") or self._source,
            at=moment_of(record.created),
            data=storable_mapping(beside(_own_fields(record, level, allowance), extra), allowance),
        )


def _own_fields(record: logging.LogRecord, level: str, allowance: Allowance) -> dict[str, object]:
    fields: dict[str, object] = {
        "message": _message(record, allowance),
        "logger": record.name,
        "level": level.lower(),
        "module": record.module,
        "function": record.funcName,
        "line": record.lineno,
    }
    return (
        fields
        | _exception(record.exc_info, record.exc_text)
        | ({"stack": record.stack_info} if record.stack_info else {})
    )


def _message(record: logging.LogRecord, allowance: Allowance) -> str:
    try:
        return record.getMessage()
    except Exception:  # noqa: BLE001  # wrong arguments, or a `__str__` that raises
        return f"{shown(record.msg, allowance)} {shown(record.args, allowance)}"


def _exception(exc_info: ExcInfo | None, exc_text: str | None) -> dict[str, object]:
    """Return the fields of an exception; one that came through a queue or a socket has its text only."""
    fields: dict[str, object] = {}
    if exc_info and exc_info[0] is not None:
        kind = exc_info[0]
        fields["exception_type"] = (
            kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
        )
        exc_text = exc_text or _formatter.formatException(exc_info)  # type: ignore[arg-type]  # the kind is there
    return fields | ({"exception": exc_text} if exc_text else {})
