"""Ids of imported events: made of the event itself, so that an import can be repeated and stores nothing twice."""

from __future__ import annotations

import hashlib

import msgspec

from picoevent.accept import Draft
from picoevent.errors import Rejected, RejectReason
from picoevent.ids import SEQUENCES, TAGS, make_id

STRIDE = 1_976_335
"""Odd, so that it leads through all 2**21 places before it comes back; and such that an event which collided, and was
moved up to 64 ids further, stands in the place of none of its first 27,000 equals."""

_encode = msgspec.json.Encoder().encode


def imported_id(draft: Draft, occurrence: int) -> int:
    """Return the id of an accepted draft with a time of its own.

    Tag and sequence are 21 bits of a hash of source, event type, user and payload, plus a stride for `occurrence`,
    which numbers the equal events of one second from 0. Different events that meet in one id are told apart by their
    content when they are written; equal ones never meet, since the stride leads each of them elsewhere.
    """
    if draft.at_ms is None:
        raise Rejected(RejectReason.TIME_INVALID, "an imported event needs a time of its own")
    named = _encode((draft.source, draft.event_type, draft.user_id))
    digest = hashlib.blake2b(named + b"\n" + (draft.payload or b""), digest_size=8).digest()
    bits = int.from_bytes(digest, "big") + occurrence * STRIDE
    return make_id(draft.at_ms, bits // SEQUENCES % TAGS, bits % SEQUENCES)
