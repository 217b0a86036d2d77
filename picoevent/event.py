"""What an event is: as an application hands it in, as a person reads it, and as a page of several."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple

import msgspec

from picoevent.ids import id_time
from picoevent.payload import decode_payload


class NewEvent(msgspec.Struct, frozen=True):
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

    def __hash__(self) -> int:
        return hash(self.event_id)

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
SEAL_BYTES = 16
"""A cache is shared and may be restored, mixed up or written by others: what it gives back is believed by its seal."""


class Cached(NamedTuple):
    """An event as a cache takes it: the payload is bytes still."""

    event_id: int
    event_type: str
    source: str
    user_id: int | str | None
    payload: bytes | None


def to_event(cached: Cached) -> Event:
    """Return the event that people read; raise `msgspec.DecodeError` for a payload that is none."""
    return Event(*cached[:4], decode_payload(cached.payload))


def serialize(event: Cached, key: bytes) -> bytes:
    """Return the form in which a shared cache keeps an event, sealed with the installation's key."""
    raw = msgspec.Raw(event.payload or EMPTY_PAYLOAD)
    body = _serializer.encode(_Serialized(str(event.event_id), event.event_type, event.source, event.user_id, raw))
    return seal(body, key) + body


def deserialize(event_id: int, sealed: bytes, key: bytes) -> Event | None:
    """Return the event that a cache gave for this id, or None where this installation did not put it there."""
    body = sealed[SEAL_BYTES:]
    if not hmac.compare_digest(sealed[:SEAL_BYTES], seal(body, key)):
        return None
    found = _reader.decode(body)
    if found.id != str(event_id):
        return None
    return Event(event_id, found.type, found.source, found.user, decode_payload(bytes(found.data)))


def seal(body: bytes, key: bytes) -> bytes:
    """Return what only this installation can put before a body."""
    return hashlib.blake2b(body, digest_size=SEAL_BYTES, key=key).digest()
