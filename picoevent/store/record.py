"""What the store keeps of an event: the numbers of its narrow row, and its payload; and what each table row is."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec


class Record(msgspec.Struct, eq=False, gc=False):
    """One event on its way into the store, or as a store found it.

    `user_number` is the stored number; `user_key` is the text it stands for, where the user is a text. `payload` is
    None for an event without data. `repeated` says that it may have been sent before.
    """

    event_id: int
    event_type_id: int
    source_id: int
    user_number: int | None
    user_key: str | None
    payload: bytes | None
    repeated: bool = False

    @property
    def content(self) -> Content:
        """What makes two records of one id the same event."""
        return self.event_type_id, self.source_id, self.user_number, self.payload


Content = tuple[int, int, int | None, bytes | None]


@dataclass(frozen=True, slots=True)
class Name:
    """A row of a dictionary of names, as the write path needs it."""

    number: int
    blocked: bool


@dataclass(frozen=True, slots=True)
class EventType:
    """A row of `event_type`; `declared` is 1 where somebody declared it, 0 where it came into being by being logged."""

    event_type_id: int
    name: str
    description: str
    owner: str
    status: str
    declared: int


@dataclass(frozen=True, slots=True)
class Source:
    """A row of `source`; `declared` as with event types."""

    source_id: int
    name: str
    description: str
    owner: str
    status: str
    declared: int


@dataclass(frozen=True, slots=True)
class RejectedEvent:
    """A refused event, as it is kept to be looked at. `raw` is what came in, cut to 64 KB."""

    rejected_ms: int
    source: str
    reason: str
    detail: str
    raw: bytes
