"""What an event is: as an application hands it in, as a person reads it, and as a page of several."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import msgspec

from picoevent.ids import id_time
from picoevent.payload import decode_payload


@dataclass(frozen=True, slots=True)
class NewEvent:
    """An event that was not accepted yet; the fields are the arguments of `EventLog.log()`.

    `at` is aware; without it the event is of now.
    """

    event_type: str
    data: Mapping[str, object] | None = None
    user_id: int | str | None = None
    source: str | None = None
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Event:
    """A stored event. `data` is the payload; an event without one has an empty `data`."""

    event_id: int
    event_type: str
    source: str
    user_id: int | str | None
    data: dict[str, Any]

    @property
    def time(self) -> datetime:
        """When it happened: aware, in UTC, to the millisecond; the id holds it."""
        return id_time(self.event_id)

    def to_dict(self) -> dict[str, Any]:
        """Return what JSON shows: the id as a string, since it does not fit a JavaScript number."""
        return {
            "id": str(self.event_id),
            "time": format_time(self.time),
            "type": self.event_type,
            "source": self.source,
            "user_id": self.user_id,
            "data": self.data,
        }


@dataclass(frozen=True, slots=True)
class Page:
    """A page of events, sorted by time, and where the next one begins (None at the end).

    `complete` is False where the time for looking ran out before the page was full, which only a filter without
    an index of its own can cause: everything down to `searched_to` was looked at, and `next_cursor` goes on there.
    """

    events: tuple[Event, ...]
    next_cursor: str | None = None
    complete: bool = True
    searched_to: datetime | None = None


def format_time(moment: datetime) -> str:
    """Return an aware time as ISO 8601 in UTC with milliseconds and a Z."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


class _Serialized(msgspec.Struct):
    id: str
    type: str
    source: str
    user: int | str | None
    data: msgspec.Raw


_serializer = msgspec.json.Encoder()
_reader = msgspec.json.Decoder(_Serialized)
EMPTY_PAYLOAD = b"{}"


def serialize(event_id: int, names: tuple[str, str], user_id: int | str | None, payload: bytes | None) -> bytes:
    """Return the form in which a cache keeps an event; `names` are its type and its source."""
    raw = msgspec.Raw(payload or EMPTY_PAYLOAD)
    return _serializer.encode(_Serialized(str(event_id), names[0], names[1], user_id, raw))


def deserialize(event_id: int, serialized: bytes) -> Event | None:
    """Return the event that a cache gave for this id, or None where the bytes are not that event's."""
    try:
        found = _reader.decode(serialized)
        data = decode_payload(bytes(found.data))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    if found.id != str(event_id):
        return None
    return Event(event_id, found.type, found.source, found.user, data)
