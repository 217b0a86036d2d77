"""The steps that an event passes to be accepted, in order; each stamps the draft or refuses it with a reason.

Nothing here asks the database: whether an event type or a source may come into being is decided where it is written.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

import msgspec

from picoevent.errors import Rejected, RejectReason
from picoevent.event import NewEvent
from picoevent.ids import EPOCH, MAX_UNIX_MS, IdMinter, unix_ms, wall_clock_ms
from picoevent.payload import encode_payload
from picoevent.settings import Settings

MAX_NAME_CHARACTERS = 100
MAX_USER_CHARACTERS = 255
MAX_INTEGER_USER = (1 << 62) - 1
MAX_AHEAD_MS = 24 * 3600 * 1000


class Draft(msgspec.Struct):
    """An event on its way through the steps: what came in, and what the steps have made of it."""

    event: NewEvent
    event_type: str = ""
    source: str = ""
    user_id: int | str | None = None
    at_ms: int | None = None
    payload: bytes | None = None
    event_id: int = 0


@dataclass(frozen=True, slots=True)
class Rules:
    """What the steps go by."""

    settings: Settings
    minter: IdMinter
    clock_ms: Callable[[], int] = wall_clock_ms


Step = Callable[[Draft, Rules], None]


def check_event_type(draft: Draft, _rules: Rules) -> None:
    """Take the name as it is written, 1 to 100 characters."""
    draft.event_type = check_name(draft.event.event_type, RejectReason.EVENT_TYPE_INVALID, "the event type")


def check_source(draft: Draft, rules: Rules) -> None:
    """Take the source, or the setting's where none is named."""
    if draft.event.source is None:
        draft.source = rules.settings.source
    else:
        draft.source = check_name(draft.event.source, RejectReason.SOURCE_INVALID, "the source")


def check_name(name: object, reason: RejectReason, what: str) -> str:
    """Return a name of 1 to 100 characters; raise `Rejected` for anything else."""
    if not isinstance(name, str):
        raise Rejected(reason, f"{what} is of type {type(name).__name__}, not a text")
    if not 1 <= len(name) <= MAX_NAME_CHARACTERS:
        raise Rejected(reason, f"{what} has {len(name):,} characters; 1 to {MAX_NAME_CHARACTERS} are possible")
    if not name.isascii() and _has_surrogate(name):
        raise Rejected(reason, f"{what} holds a lone surrogate, which UTF-8 can't hold")
    return str.__str__(name)


def check_user(draft: Draft, _rules: Rules) -> None:
    """Take no user, an integer from 0 to 2**62 - 1, or a text of 1 to 255 characters."""
    user_id: object = draft.event.user_id
    if user_id is None:
        return
    if isinstance(user_id, str):
        draft.user_id = _check_user_key(user_id)
    elif isinstance(user_id, int) and not isinstance(user_id, bool):
        if not 0 <= user_id <= MAX_INTEGER_USER:
            raise Rejected(RejectReason.USER_ID_INVALID, "the user is a number below 0 or above 2**62 - 1")
        draft.user_id = int(user_id)
    else:
        kind = type(user_id).__name__
        raise Rejected(RejectReason.USER_ID_INVALID, f"the user is of type {kind}, neither an integer nor a text")


def _check_user_key(user_key: str) -> str:
    if not 1 <= len(user_key) <= MAX_USER_CHARACTERS:
        detail = f"the user has {len(user_key):,} characters; 1 to {MAX_USER_CHARACTERS} are possible"
        raise Rejected(RejectReason.USER_ID_INVALID, detail)
    if not user_key.isascii() and _has_surrogate(user_key):
        raise Rejected(RejectReason.USER_ID_INVALID, "the user holds a lone surrogate, which UTF-8 can't hold")
    return str.__str__(user_key)


def _has_surrogate(text: str) -> bool:
    return any("\ud800" <= character <= "\udfff" for character in text)


def check_time(draft: Draft, rules: Rules) -> None:
    """Take the event's own time: aware, since 2000, at most 24 hours ahead of this machine's clock."""
    at: object = draft.event.at
    if at is None:
        return
    if not isinstance(at, datetime) or at.tzinfo is None or at.utcoffset() is None:
        raise Rejected(RejectReason.TIME_INVALID, "the time is not a datetime with a time zone")
    at_ms = unix_ms(at)
    if at < EPOCH or at_ms > MAX_UNIX_MS:
        raise Rejected(RejectReason.TIME_INVALID, f"the time {at:%Y-%m-%d} is not between 2000-01-01 and 2136")
    if at_ms > rules.clock_ms() + MAX_AHEAD_MS:
        raise Rejected(RejectReason.TIME_IN_FUTURE, "the time is more than 24 hours ahead of this machine's clock")
    draft.at_ms = at_ms


def encode_data(draft: Draft, rules: Rules) -> None:
    """Encode the payload, once; these bytes are measured, stored, cached and compared from here on."""
    data = draft.event.data
    if data is None:
        return
    if type(data) is not dict and not isinstance(data, Mapping):
        raise Rejected(RejectReason.DATA_NOT_A_MAPPING, f"the data is of type {type(data).__name__}, not a mapping")
    payload = encode_payload(data, rules.settings.max_payload_bytes)
    # An empty payload and none are the same, and need no row.
    draft.payload = payload if data else None


def stamp_event_id(draft: Draft, rules: Rules) -> None:
    """Mint the id, last: a refused event uses none."""
    draft.event_id = rules.minter.mint() if draft.at_ms is None else rules.minter.mint_at(draft.at_ms)


CHECK_STEPS: tuple[Step, ...] = (check_event_type, check_source, check_user, check_time, encode_data)
ACCEPT_STEPS: tuple[Step, ...] = (*CHECK_STEPS, stamp_event_id)


def accept(event: NewEvent, rules: Rules, steps: tuple[Step, ...] = ACCEPT_STEPS) -> Draft:
    """Return the accepted draft of an event; raise `Rejected`, also where the event's own code raises."""
    draft = Draft(event)
    try:
        for step in steps:
            step(draft, rules)
    except Rejected:
        raise
    except Exception as error:  # A hostile __str__ or a dict that changes meanwhile must not reach the host.
        raise Rejected(RejectReason.UNREADABLE, f"reading the event raised {type(error).__name__}") from error
    return draft
