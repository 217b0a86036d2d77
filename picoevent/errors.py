"""Error kinds, each with a hint for the person who has to act; callers choose by kind, never by message."""

from __future__ import annotations

from enum import StrEnum


class RejectReason(StrEnum):
    """Why an event was refused: a closed list, counted per reason and shown to people as it is."""

    EVENT_TYPE_INVALID = "event_type_invalid"
    """The name is not a text of 1 to 100 characters that UTF-8 can hold."""
    EVENT_TYPE_BLOCKED = "event_type_blocked"
    """An operator has blocked this event type."""
    TOO_MANY_EVENT_TYPES = "too_many_event_types"
    """The guard against runaway names: `max_auto_event_types` were created without being declared."""
    EVENT_TYPES_EXHAUSTED = "event_types_exhausted"
    """All 65,535 two-byte event type ids are in use."""
    SOURCE_INVALID = "source_invalid"
    """The name is not a text of 1 to 100 characters that UTF-8 can hold."""
    SOURCE_BLOCKED = "source_blocked"
    """An operator has blocked this source."""
    TOO_MANY_SOURCES = "too_many_sources"
    """`max_auto_sources` were created without being declared."""
    SOURCES_EXHAUSTED = "sources_exhausted"
    """All 65,535 two-byte source ids are in use."""
    USER_ID_INVALID = "user_id_invalid"
    """Neither an integer from 0 to 2**62 - 1 nor a text of 1 to 255 characters."""
    USER_KEY_COLLISION = "user_key_collision"
    """Two different text users have the same 62-bit hash; about 1 in 10 at a billion text users."""
    TIME_INVALID = "time_invalid"
    """The time is not an aware datetime between 2000-01-01 and 2136 UTC."""
    TIME_IN_FUTURE = "time_in_future"
    """The time is more than 24 hours ahead of this machine's clock."""
    DATA_NOT_A_MAPPING = "data_not_a_mapping"
    """The payload is not a mapping."""
    KEY_NOT_TEXT = "key_not_text"
    """A key in the payload is not a text."""
    NUMBER_NOT_FINITE = "number_not_finite"
    """The payload holds NaN or an infinity, which JSON cannot say."""
    NUMBER_TOO_LARGE = "number_too_large"
    """An integer does not fit 64 bits; send it as text."""
    VALUE_NOT_ENCODABLE = "value_not_encodable"
    """A value has no documented encoding."""
    DATA_TOO_DEEP = "data_too_deep"
    """The payload is nested more than 100 levels deep, or contains itself."""
    DATA_TOO_LARGE = "data_too_large"
    """The encoded payload is larger than `max_payload_bytes`."""
    SECOND_FULL = "second_full"
    """All ids of the event's second are taken."""
    STORE_UNAVAILABLE = "store_unavailable"
    """The database did not answer within the deadline."""
    STORE_NOT_READY = "store_not_ready"
    """The database has no PicoEvent schema yet."""
    SPOOL_FULL = "spool_full"
    """The database is away, and the spool has reached `spool_max_mb`, or its disk is full."""
    SPOOL_UNAVAILABLE = "spool_unavailable"
    """The database is away, and the spool can't be written, or its disk did not answer within the deadline."""
    CLOSED = "closed"
    """The event log was closed."""
    UNREADABLE = "unreadable"
    """The event's own code raised while it was read."""


class PicoEventError(Exception):
    """The root of all errors: one line that says what happened, and a hint that says what to do now."""

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        """Return the message and, behind it, the hint."""
        return f"{self.message} {self.hint}".strip()


class SettingsError(PicoEventError):
    """A setting is wrong; raised at construction, before anything is touched."""


class Rejected(PicoEventError):
    """An event is refused; `reason` is the kind, `detail` says which part of it and why."""

    def __init__(self, reason: RejectReason, detail: str) -> None:
        # Whoever logs or stores the detail needs text that UTF-8 can hold, whatever the event was made of.
        self.detail = detail.encode("utf-8", "backslashreplace").decode()
        self.reason = reason
        super().__init__(f"Event refused ({reason}): {self.detail}")

    def __reduce__(self) -> tuple[type[Rejected], tuple[RejectReason, str]]:
        """Pickle by the two arguments of the constructor."""
        return type(self), (self.reason, self.detail)


class StoreUnavailable(PicoEventError):
    """The database does not answer, or not in time. Whether a statement in flight took effect is unknown."""


class StoreNotReady(PicoEventError):
    """The database answers but has no schema, or one of another version."""


class StoreCorrupt(PicoEventError):
    """The database holds something that this code never writes."""


class SpoolUnavailable(PicoEventError):
    """The spool can't be written: its folder, its disk, or its disk's answer in time."""


class SpoolFull(SpoolUnavailable):
    """The spool has reached its size, or its disk is full; nothing of the call was kept."""


class EventNotFound(PicoEventError, LookupError):
    """No event has this id (in the cache, on the replica, or where the setting allows it on the primary)."""


class InvalidQuery(PicoEventError, ValueError):
    """A filter, order, limit or cursor is not one that can be answered."""


class QueryTooCostly(PicoEventError):
    """A question would read more raw rows, or take longer, than the settings allow; the hint says how to narrow it."""
