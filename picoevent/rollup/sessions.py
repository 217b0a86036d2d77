"""Sessions: visits that end where nothing happens for half an hour; from events in the order of time, and their sums.

An event begins a session where its user had none within the 30 minutes before it. All that follow, each at most 30
minutes behind the last one, belong to it, up to the end of the day behind the one that it began in (reporting zone).
What somebody who never rests does beyond that is in no session: so a day's sessions are known two days later.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import msgspec

from picoevent.errors import StoreCorrupt
from picoevent.rollup.tiers import DAY_SECONDS, QUARTER_SECONDS, Calendar, Tier

GAP_MS = 30 * 60 * 1000
"""A longer time than this between two events of a user parts two sessions."""


@dataclass(slots=True)
class SessionSums:
    """What is known of some sessions together; lengths are in whole seconds, rounded down."""

    sessions: int = 0
    bounced: int = 0
    """Sessions of one event."""
    events: int = 0
    milliseconds: int = 0
    entries: Counter[int] = field(default_factory=Counter)
    """Sessions by the type of their first event."""
    exits: Counter[int] = field(default_factory=Counter)
    lengths: Counter[int] = field(default_factory=Counter)

    def add(self, session: OpenSession) -> None:
        """Count a session that has ended."""
        self.sessions += 1
        self.bounced += session.events == 1
        self.events += session.events
        length_ms = session.last_ms - session.first_ms
        self.milliseconds += length_ms
        self.entries[session.entry] += 1
        self.exits[session.exit] += 1
        self.lengths[length_ms // 1000] += 1

    def merge(self, other: SessionSums) -> None:
        """Count the sessions of others, too."""
        self.sessions += other.sessions
        self.bounced += other.bounced
        self.events += other.events
        self.milliseconds += other.milliseconds
        self.entries.update(other.entries)
        self.exits.update(other.exits)
        self.lengths.update(other.lengths)

    def median_seconds(self) -> float | None:
        """Return the length in the middle; None where there is no session."""
        if not self.sessions:
            return None
        low, high = (self.sessions - 1) // 2, self.sessions // 2
        return (self._length_at(low) + self._length_at(high)) / 2

    def _length_at(self, place: int) -> int:
        for length in sorted(self.lengths):
            place -= self.lengths[length]
            if place < 0:
                return length
        raise StoreCorrupt("A day of sessions has fewer lengths than sessions.", hint="Run: picoevent rollups rebuild")


class _Packed(msgspec.Struct, array_like=True):
    version: int
    entries: dict[int, int]
    exits: dict[int, int]
    lengths: dict[int, int]


_decode = msgspec.msgpack.Decoder(_Packed).decode


def pack_sums(sums: SessionSums, version: int) -> bytes:
    """Return what has no column of its own, and the version of the rollups at which it was computed."""
    return msgspec.msgpack.encode(_Packed(version, sums.entries, sums.exits, sums.lengths))


def unpack_sums(row: Any) -> tuple[SessionSums, int]:  # noqa: ANN401  # a row of rollup_session
    """Return the sums of a row of `rollup_session`, and the version at which they were computed."""
    try:
        packed = _decode(row.packed)
    except msgspec.DecodeError as error:
        message = f"The sessions of {row.bucket} can't be read ({error})."
        raise StoreCorrupt(message, hint="Run: picoevent rollups rebuild") from error
    counters = Counter(packed.entries), Counter(packed.exits), Counter(packed.lengths)
    sums = SessionSums(row.sessions, row.bounced, row.events, row.milliseconds, *counters)
    return sums, packed.version


@dataclass(slots=True)
class OpenSession:
    """A session that may still go on; `chain_ms` is the last event behind it, also of those beyond its last day."""

    first_ms: int
    last_ms: int
    chain_ms: int
    until_ms: int
    events: int
    entry: int
    exit: int
    counts: bool
    """Whether it began in the range."""


Moment = tuple[int, int, int, Any]
"""An event: its Unix time in milliseconds, its id, its type, and whose it is."""


Take = Callable[[Any, OpenSession], None]
"""Gets whose session has ended, and the session."""


class SessionWalk:
    """Walk through events in the order of time, from `GAP_MS` before the range on, and hand in sessions that end.

    Sessions that began in the range count, `[since_ms, until_ms)`. `take` gets each of them. Call `end` at the end.
    """

    def __init__(self, since_ms: int, until_ms: int, calendar: Calendar, take: Take) -> None:
        self._since_ms = since_ms
        self._until_ms = until_ms
        self._calendar = calendar
        self._take = take
        self._open: dict[Any, OpenSession] = {}
        self.now_ms = 0

    def feed(self, moments: Iterable[Moment]) -> None:
        """Walk through some events; then let go of sessions that have ended."""
        known = self._open
        now_ms = self.now_ms
        for now_ms, _, type_id, who in moments:
            session = known.get(who)
            if session is None or now_ms - session.chain_ms > GAP_MS:
                if session is not None and session.counts:
                    self._take(who, session)
                known[who] = self._begin(now_ms, type_id)
                continue
            session.chain_ms = now_ms
            if now_ms < session.until_ms:
                session.last_ms = now_ms
                session.events += 1
                session.exit = type_id
        self.now_ms = now_ms
        self._let_go(now_ms)

    def may_change(self, now_ms: int) -> bool:
        """Say whether an event from this time on could still belong to a session that counts."""
        return any(
            session.counts and now_ms <= session.chain_ms + GAP_MS and now_ms < session.until_ms
            for session in self._open.values()
        )

    def end(self) -> None:
        """Hand in all that is open."""
        for who, session in self._open.items():
            if session.counts:
                self._take(who, session)
        self._open.clear()

    def _begin(self, now_ms: int, type_id: int) -> OpenSession:
        counts = self._since_ms <= now_ms < self._until_ms
        until_ms = followed_until(self._calendar, now_ms // 1000) * 1000 if counts else 0
        return OpenSession(now_ms, now_ms, now_ms, until_ms, 1, type_id, type_id, counts)

    def _let_go(self, now_ms: int) -> None:
        ended = [who for who, session in self._open.items() if now_ms - session.chain_ms > GAP_MS]
        for who in ended:
            session = self._open.pop(who)
            if session.counts:
                self._take(who, session)


def followed_until(calendar: Calendar, second: int) -> int:
    """Return the Unix second up to which a session that began at another one is followed."""
    # Asked for each session: each quarter of an hour lies in one day, which is remembered.
    return _behind_the_next(calendar, calendar.bucket(Tier.DAY, second - second % QUARTER_SECONDS))


@lru_cache(maxsize=1000)
def _behind_the_next(calendar: Calendar, day: int) -> int:
    return calendar.following(Tier.DAY, calendar.following(Tier.DAY, day))


class InTime:
    """Put events, which come in the order of their ids, into the order of time; whole seconds at once."""

    def __init__(self) -> None:
        self._held: list[Moment] = []

    def push(self, moments: Iterable[Moment]) -> list[Moment]:
        """Return those that no later one can come before."""
        known = [*self._held, *moments]
        last_second = known[-1][0] // 1000 if known else 0
        place = len(known)
        while place and known[place - 1][0] // 1000 == last_second:
            place -= 1
        self._held = known[place:]
        return sorted(known[:place])

    def rest(self) -> list[Moment]:
        """Return the others, at the end."""
        rest, self._held = sorted(self._held), []
        return rest


def utc_days_of(calendar: Calendar, bucket: int) -> range:
    """Return the starts of the UTC days whose events can change the sessions of a day."""
    first = bucket - GAP_MS // 1000
    last = followed_until(calendar, bucket) - 1
    return range(first - first % DAY_SECONDS, last - last % DAY_SECONDS + 1, DAY_SECONDS)


def days_touched_by(calendar: Calendar, utc_day: int) -> list[int]:
    """Return the days whose sessions events of a UTC day can change; the other way round."""
    days = []
    bucket = calendar.bucket(Tier.DAY, calendar.bucket(Tier.DAY, utc_day) - 1)
    while bucket - GAP_MS // 1000 < utc_day + DAY_SECONDS:
        if followed_until(calendar, bucket) > utc_day:
            days.append(bucket)
        bucket = calendar.following(Tier.DAY, bucket)
    return days
