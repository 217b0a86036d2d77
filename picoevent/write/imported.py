"""Events of an import made ready to be stored: accepted, numbered, and with ids that are made of the events themselves.

An import can so be repeated and stores nothing twice. What has to be quick here is the usual event, with names that
this batch has met before; every other one takes the steps of `picoevent.accept`, one by one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b
from operator import itemgetter
from typing import Protocol

import msgspec

from picoevent.accept import CHECK_STEPS, MAX_AHEAD_MS, MAX_INTEGER_USER, Draft, Rules, accept
from picoevent.errors import Rejected, RejectReason
from picoevent.event import NewEvent
from picoevent.ids import (
    EPOCH,
    EPOCH_UNIX,
    MAX_UNIX_MS,
    MILLISECOND_SHIFT,
    SECOND_SHIFT,
    SEQUENCES,
    TAG_SHIFT,
    TAGS,
    id_time,
)
from picoevent.payload import decode_payload, encode_payload
from picoevent.store.base import Row
from picoevent.store.record import Record

STRIDE = 1_976_335
"""Odd, so that it leads through all 2**21 places before it comes back; and such that an event which collided, and was
moved up to 64 ids further, stands in the place of none of its first 27,000 equals."""

MAX_TEXT_USERS = 100_000
"""How many texts of users a process remembers the numbers of; beyond that it starts anew."""

_SEQUENCE_BITS = SEQUENCES.bit_length() - 1
_KEYS = 1 << 64
_MILLISECOND_STRIDE = 0x9E3779B97F4A7C15
"""Odd: the same content in two milliseconds of a second is counted apart."""

_encode = msgspec.json.Encoder().encode

Count = Callable[[int, int], int]
"""Is given a second and a key of an event (64 bits, signed), and returns how many equal ones were before it."""


class Importable(Protocol):
    """An event as a file holds it: the fields of a `NewEvent`."""

    @property
    def event_type(self) -> str: ...  # noqa: D102  # the fields of an event

    @property
    def data(self) -> object: ...  # noqa: D102

    @property
    def user_id(self) -> int | str | None: ...  # noqa: D102

    @property
    def source(self) -> str | None: ...  # noqa: D102

    @property
    def at(self) -> datetime | None: ...  # noqa: D102


@dataclass(frozen=True, slots=True)
class ReadyBatch:
    """Events that were accepted, in the order of their ids, and the others.

    What an event was read as does not live longer than the event is looked at: a few thousand mappings at a time would
    have Python's garbage collector go through all of them again and again.
    """

    rows: list[Row]
    texts: dict[int, str]
    """The texts of the users in this batch, by their numbers."""
    names: dict[tuple[int, int], tuple[str, str]]
    """The names of event types and sources, by their numbers."""
    refused: dict[int, tuple[NewEvent, Rejected]]
    """Events that were refused, and why, by their place in the batch."""

    def records(self) -> list[Record]:
        """Return the rows as the one rule takes them: each may have been sent before."""
        return [
            Record(
                event_id,
                type_id,
                source_id,
                user,
                None if user is None else self.texts.get(user),
                payload,
                repeated=True,
            )
            for event_id, type_id, source_id, user, payload, _ in self.rows
        ]

    def event_of(self, row: Row) -> NewEvent:
        """Return the event that a row was made of."""
        event_id, type_id, source_id, user, payload, _ = row
        event_type, source = self.names[type_id, source_id]
        user_id = None if user is None else self.texts.get(user, user)
        return NewEvent(event_type, decode_payload(payload), user_id, source, id_time(event_id))


Named = tuple[int, int, bytes]
"""The numbers of an event type and a source, and the beginning of what an id is made of."""
Checked = tuple[int, int, int | None, bytes, int, int, bytes | None]
"""An accepted event: numbers of type, source and user, the names as text, second since 2000, millisecond, payload."""


class Importer:
    """Make batches of events ready; for one thread at a time."""

    def __init__(self, rules: Rules, resolve: Callable[[Draft], Record | Rejected]) -> None:
        self._rules = rules
        self._resolve = resolve
        self._named: dict[tuple[str, str | None], Named] = {}
        self._names: dict[tuple[int, int], tuple[str, str]] = {}
        self._text_users: dict[str, int] = {}
        self._latest_ms = 0

    def make_ready(self, events: Iterable[Importable], count: Count) -> ReadyBatch:
        """Accept events, ask for the count of each that is accepted, and give it its id.

        Tag and sequence are 21 bits of a hash of source, event type, user and payload, plus a stride for each equal
        event of the millisecond before. Different events that meet in one id are told apart by their content when they
        are written; equal ones never meet, since the stride leads each of them elsewhere.
        """
        self._forget()
        rows: list[Row] = []
        texts: dict[int, str] = {}
        refused: dict[int, tuple[NewEvent, Rejected]] = {}
        for place, event in enumerate(events):
            try:
                type_id, source_id, user, names, second, ms, payload = self._check(event)
            except Rejected as rejected:
                refused[place] = _new_event(event), rejected
                continue
            digest = int.from_bytes(blake2b(names + (payload or b""), digest_size=8).digest(), "big")
            before = count(second, (digest + ms * _MILLISECOND_STRIDE) % _KEYS - _KEYS // 2)
            bits = digest + before * STRIDE
            tag = (bits >> _SEQUENCE_BITS) % TAGS
            event_id = second << SECOND_SHIFT | tag << TAG_SHIFT | ms << MILLISECOND_SHIFT | bits % SEQUENCES
            if isinstance(event.user_id, str) and user is not None:
                texts[user] = str.__str__(event.user_id)
            rows.append((event_id, type_id, source_id, user, payload, place))
        rows.sort(key=itemgetter(0))
        return ReadyBatch(rows, texts, self._names, refused)

    def _forget(self) -> None:
        """Ask for every name again, once a batch: a type may have been blocked meanwhile."""
        self._named, self._names = {}, {}
        if len(self._text_users) > MAX_TEXT_USERS:
            self._text_users = {}
        self._latest_ms = min(self._rules.clock_ms() + MAX_AHEAD_MS, MAX_UNIX_MS) - EPOCH_UNIX * 1000

    def _check(self, event: Importable) -> Checked:
        """Take the short way where it is sure to end as the steps would, and the steps themselves else."""
        try:
            checked = self._check_usual(event)
        except Rejected:
            raise
        except Exception:  # noqa: BLE001  # whatever this is, the steps have a word for it
            checked = None
        return checked or self._check_by_steps(event)

    def _check_usual(self, event: Importable) -> Checked | None:
        named = self._named.get((event.event_type, event.source))
        user, at, data = event.user_id, event.at, event.data
        kind = type(data)
        if named is None or type(at) is not datetime or not (kind is dict or data is None):
            return None
        since = at - EPOCH
        second, ms = since.days * 86_400 + since.seconds, since.microseconds // 1000
        if second < 0 or second * 1000 + ms > self._latest_ms:
            return None
        if user is None:
            number, names = None, named[2] + b"null]\n"
        elif type(user) is int and 0 <= user <= MAX_INTEGER_USER:
            number, names = user, b"%b%d]\n" % (named[2], user)
        else:
            number, names = self._text_users[user], named[2] + _encode(user) + b"]\n"  # type: ignore[index]  # caught
        payload = encode_payload(data, self._rules.settings.max_payload_bytes) if data else None  # type: ignore[arg-type]
        return named[0], named[1], number, names, second, ms, payload

    def _check_by_steps(self, event: Importable) -> Checked:
        draft = accept(_new_event(event), self._rules, CHECK_STEPS)
        if draft.at_ms is None:
            raise Rejected(RejectReason.TIME_INVALID, "an imported event needs a time of its own")
        found = self._resolve(draft)
        if isinstance(found, Rejected):
            raise found
        type_id, source_id, number = found.event_type_id, found.source_id, found.user_number
        names = _encode((draft.source, draft.event_type, draft.user_id)) + b"\n"
        self._names[type_id, source_id] = draft.event_type, draft.source
        if type(event.event_type) is str:
            head = _encode((draft.source, draft.event_type, None)).removesuffix(b"null]")
            self._named[event.event_type, event.source] = type_id, source_id, head
        if type(event.user_id) is str and number is not None:
            self._text_users[event.user_id] = number
        second, ms = divmod(draft.at_ms - EPOCH_UNIX * 1000, 1000)
        return type_id, source_id, number, names, second, ms, draft.payload


def _new_event(event: Importable) -> NewEvent:
    if isinstance(event, NewEvent):
        return event
    return NewEvent(event.event_type, event.data, event.user_id, event.source, event.at)  # type: ignore[arg-type]  # checked
