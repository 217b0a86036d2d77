"""Which key of an object or column of a table holds type, time, user, source and data; it reads no files."""

from __future__ import annotations

from datetime import datetime

from picoevent.event import NewEvent
from picoevent.importing.faults import BadLine, shown
from picoevent.importing.options import ImportOptions
from picoevent.importing.times import read_time

TYPE_KEYS = ("type", "event_type", "event")
TIME_KEYS = ("time", "at", "timestamp")
USER_KEYS = ("user_id", "user")


class EventFields:
    """Make events of objects.

    Without `event_type` in the options an object names its own type, user and source. Its data is what stands
    under `data`, or, where there is no such key, all that is left. With `event_type` all keys are data, but
    for the time's and that of `user_field`. Nothing is dropped silently: what has no place is a `BadLine`.
    Only the id of an exported event goes, since an import mints its own.
    """

    def __init__(self, options: ImportOptions) -> None:
        self._event_type = options.event_type
        self._source = options.source
        self._zone = options.zone
        self._time_keys: tuple[str, ...] = (options.time_field,) if options.time_field else TIME_KEYS
        self._user_keys: tuple[str, ...] = USER_KEYS if options.event_type is None else ()
        if options.user_field:
            self._user_keys = (options.user_field,)

    def event(self, found: dict[str, object]) -> NewEvent:
        """Return the event of an object, which is used up; raise `BadLine`."""
        at = self._take_time(found)
        user_id = self._take_user(found)
        if self._event_type is not None:
            return NewEvent(self._event_type, self.whole_data(found), user_id, self._source, at)
        event_type = _take_type(found)
        source = _take_source(found)
        return NewEvent(event_type, self._take_data(found), user_id, self._source or source, at)

    def missing_columns(self, columns: list[str]) -> str:
        """Return in words what a table with these columns lacks to hold events; empty if nothing."""
        if not set(self._time_keys) & set(columns):
            return f"no column for the time ({_either(self._time_keys)}); name it with --time-field"
        if self._event_type is None and not set(TYPE_KEYS) & set(columns):
            return f"no column for the event type ({_either(TYPE_KEYS)}); name one with --type"
        return ""

    def user(self, value: object) -> int | str | None:
        """Return a user as it is in an event."""
        if value is None or (isinstance(value, int | str) and not isinstance(value, bool)):
            return value
        raise BadLine(f"the user {shown(value)} is neither a number nor a text")

    def data(self, value: object) -> dict[str, object] | None:
        """Return the value of the key `data` as it is in an event."""
        if value is None or isinstance(value, dict):
            return value
        raise BadLine(f"the data {shown(value)} is not an object")

    def whole_data(self, found: dict[str, object]) -> dict[str, object]:
        """Return what is left of an object as the data of its event."""
        return found

    def _take_time(self, found: dict[str, object]) -> datetime:
        value = _take(found, self._time_keys)
        if value is None:
            raise BadLine(f"there is no time ({_either(self._time_keys)}), and an import needs each event's own")
        return read_time(value, self._zone)

    def _take_user(self, found: dict[str, object]) -> int | str | None:
        return self.user(_take(found, self._user_keys))

    def _take_data(self, found: dict[str, object]) -> dict[str, object] | None:
        if "data" not in found:
            return self.whole_data(found)
        data = self.data(found.pop("data"))
        found.pop("id", None)
        if found:
            key = next(iter(found))
            raise BadLine(f"the key {shown(key)} stands beside the data; put it inside, or leave the key data away")
        return data


def _take(found: dict[str, object], keys: tuple[str, ...]) -> object:
    for key in keys:
        if key in found:
            return found.pop(key)
    return None


def _take_type(found: dict[str, object]) -> str:
    event_type = _take(found, TYPE_KEYS)
    if isinstance(event_type, str):
        return event_type
    if event_type is None:
        raise BadLine(f"there is no event type ({_either(TYPE_KEYS)}); name one for all lines with --type")
    raise BadLine(f"the event type {shown(event_type)} is not a text")


def _take_source(found: dict[str, object]) -> str | None:
    source = found.pop("source", None)
    if source is None or isinstance(source, str):
        return source
    raise BadLine(f"the source {shown(source)} is not a text")


def _either(keys: tuple[str, ...]) -> str:
    return " or ".join(keys)
