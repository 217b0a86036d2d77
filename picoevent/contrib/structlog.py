"""`PicoEventProcessor`: structlog's event dicts as events. structlog itself is imported only to drop them."""

from __future__ import annotations

import logging
import re
import sys
import threading
from collections.abc import Mapping, MutableMapping
from contextlib import suppress
from datetime import datetime
from typing import Any

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
from picoevent.contrib.storable import Allowance, storable_mapping
from picoevent.errors import SettingsError
from picoevent.eventlog import EventLog
from picoevent.settings import Settings

logger = logging.getLogger("picoevent")

DEFAULT_EVENT_TYPE = "log.{level}"
EVENT_IS = ("dotted", "name", "message")

_DOTTED = re.compile(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+", re.ASCII)
_LEVELS = {"warn": "warning", "exception": "error", "fatal": "critical", "msg": "info", "log": "info"}
_formatter = logging.Formatter()


class PicoEventProcessor:
    """Log each event dict as an event, and pass it on unchanged. Raises nothing but structlog's DropEvent.

    `events` and `durability` are those of `picoevent.contrib.logging.PicoEventHandler`. Put it where the dict is
    complete and not yet rendered: behind `add_log_level`, `TimeStamper` and context variables, before the renderer.

    What becomes of structlog's "event": with `event_is="dotted"` a name such as `invoice.paid` is the event type, and
    any other text the `message` of an event of the type `log.LEVEL`, which `event_type` changes; {logger} stands for
    the key "logger". With "name" every text that can be one is the event type, with "message" none is. The default
    takes nobody's sentences for names: event types are few, and come into being by being logged.

    The keys `event_type`, `user_id` and `source` are those of the event, `timestamp` its time where it is one (UNIX
    seconds, ISO 8601 or a datetime; without an offset it is local), and all others its data, as `level` is. With
    `drop=True` a dict that was logged ends here; one that was refused, or is PicoEvent's own, is passed on.
    """

    def __init__(
        self,
        events: EventLog | Settings | str | None = None,
        *,
        event_is: str = "dotted",
        event_type: str = DEFAULT_EVENT_TYPE,
        durability: str | None = None,
        drop: bool = False,
    ) -> None:
        if event_is not in EVENT_IS:
            raise SettingsError(f"There is no event_is={event_is!r}.", hint="Write dotted, name or message.")
        self._sender = Sender(events, durability)
        self._event_is = event_is
        self._event_type = TypeTemplate(event_type)
        self._dropped = _drop_event() if drop else None

    def __call__(
        self, logger_: object, method_name: str, event_dict: MutableMapping[str, Any]
    ) -> MutableMapping[str, Any]:
        """Log the event dict as an event, and return it."""
        logged = False
        try:
            logged = self._log(logger_, method_name, event_dict)
        except Exception as error:  # noqa: BLE001  # nothing may reach the host
            with suppress(Exception):
                logger.warning("PicoEvent: a log call could not be logged as an event (%s)", type(error).__name__)
        if logged and self._dropped is not None:
            raise self._dropped
        return event_dict

    def close(self) -> None:
        """Close the event log that was made here; one that was given stays open."""
        self._sender.close()

    def _log(self, logger_: object, method_name: str, event_dict: Mapping[str, Any]) -> bool:
        name = _logger_name(logger_, event_dict)
        if is_own(name, threading.current_thread().name):
            return False
        with one_deeper() as may_be_taken:
            return may_be_taken and self._sender.send(self._entry(name, method_name, event_dict))

    def _entry(self, logger_name: str, method_name: str, event_dict: Mapping[str, Any]) -> Entry:
        # Keys with an underscore are structlog's own: they carry the record of `logging`.
        fields: dict[str, object] = {key: value for key, value in event_dict.items() if not str(key).startswith("_")}
        level = str(fields.get("level") or method_name).lower()
        level = _LEVELS.get(level, level)
        event_type = take_name(fields, "event_type") or self._named(fields) or self._event_type.fill(level, logger_name)
        exception = _exception(fields.pop("exc_info", None))
        entry = Entry(event_type, take_user(fields), take_name(fields, "source"), _take_time(fields), {})
        message = {"message": fields.pop("event")} if "event" in fields else {}
        fields["level"] = level
        entry.data = storable_mapping(beside(message | exception, fields), Allowance(self._sender.max_payload_bytes))
        return entry

    def _named(self, fields: dict[str, object]) -> str | None:
        """Take the event type out of the fields, where the event is the name of one."""
        event = fields.get("event")
        if self._event_is == "message" or not isinstance(event, str):
            return None
        return take_name(fields, "event") if self._event_is == "name" or _DOTTED.fullmatch(event) else None


def _drop_event() -> type[BaseException]:
    import structlog

    return structlog.DropEvent


def _logger_name(logger_: object, event_dict: Mapping[str, Any]) -> str:
    """Return the name of the logger, from the record of `logging` or the key, as far as there is one."""
    record = event_dict.get("_record")
    for name in (getattr(record, "name", None), event_dict.get("logger"), getattr(logger_, "name", None)):
        if isinstance(name, str):
            return name
    return ""


def _take_time(fields: dict[str, object]) -> datetime | None:
    """Take the time out of the fields; what is none, or one that no event can have, stays there."""
    stamp = fields.get("timestamp")
    try:
        if isinstance(stamp, str):
            stamp = datetime.fromisoformat(stamp)
        seconds = stamp.timestamp() if isinstance(stamp, datetime) else float(stamp)  # type: ignore[arg-type]  # tried
    except (TypeError, ValueError, OverflowError, OSError):
        return None
    moment = moment_of(seconds)
    if moment is not None:
        del fields["timestamp"]
    return moment


def _exception(found: Any) -> dict[str, object]:  # noqa: ANN401  # all that "exc_info" may be
    """Return the fields of an exception that is not a text yet."""
    if not found:
        return {}
    if isinstance(found, BaseException):
        found = (type(found), found, found.__traceback__)
    if not isinstance(found, tuple):
        found = sys.exc_info()
    if len(found) != 3 or found[0] is None:  # noqa: PLR2004  # as `sys.exc_info()` returns it
        return {}
    return {"exception_type": found[0].__qualname__, "exception": _formatter.formatException(found)}
