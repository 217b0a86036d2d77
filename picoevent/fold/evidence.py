"""What rollups must hold, counted anew from events, and what they do hold; on purpose not as the fold counts it."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field

from pyroaring import BitMap
from sqlalchemy import Connection, func, select

from picoevent.fold.columns import Columns
from picoevent.fold.counts import ANY
from picoevent.fold.piles import USERS, read_span
from picoevent.fold.users import FIRST_GIVEN, find_numbers
from picoevent.ids import EPOCH_UNIX, SECOND_SHIFT
from picoevent.rollup.members import unpack_members
from picoevent.rollup.samples import AnySet, take_in
from picoevent.rollup.tiers import MINUTE_SECONDS, QUARTER_SECONDS, Calendar, Tier, Window
from picoevent.store.fold_state import FOR_EVER
from picoevent.store.rollup_tables import rollup, rollup_users

REMEMBERED = 500_000
"""How many numbers of users are kept in memory."""

Windows = Mapping[Tier, Window]
BucketKey = tuple[Tier, int, int, int]
"""Tier, bucket, event type, source."""


@dataclass(slots=True)
class Evidence:
    """Events and users of buckets."""

    counts: Counter[BucketKey] = field(default_factory=Counter)
    users: defaultdict[BucketKey, AnySet] = field(default_factory=lambda: defaultdict(BitMap))


@dataclass(slots=True)
class _Group:
    events: int = 0
    users: BitMap = field(default_factory=BitMap)


class Numbers:
    """Dense numbers of users, looked up and never given; whoever has none is in `missing`."""

    def __init__(self) -> None:
        self._known: dict[int, int] = {}
        self.missing: set[int] = set()

    def number_all(self, connection: Connection, columns: Columns) -> None:
        """Replace each stored user by its dense number, and by None where it has none."""
        if len(self._known) > REMEMBERED:
            self._known = {}
        users = columns.users
        unknown = {user for user in users if user is not None and user >= FIRST_GIVEN} - self._known.keys()
        self._known |= find_numbers(connection, list(unknown))
        known = self._known
        self.missing |= unknown - known.keys()
        columns.users = [user if user is None or user < FIRST_GIVEN else known.get(user) for user in users]


class Tally:
    """Adds up events for all buckets of some tiers that they belong to, where the tier can answer."""

    def __init__(self, calendar: Calendar, count_windows: Windows, pile_windows: Windows) -> None:
        self._calendar = calendar
        self._count_windows = count_windows
        self._pile_windows = pile_windows
        minutes = count_windows.get(Tier.MINUTE)
        self._minutes_from = minutes.since if minutes else FOR_EVER
        self._groups: defaultdict[tuple[int, int, int], _Group] = defaultdict(_Group)

    def add(self, columns: Columns) -> None:
        """Add events, whose users are dense numbers."""
        users: defaultdict[tuple[int, int, int], list[int | None]] = defaultdict(list)
        # No finer than what will be compared.
        finest = (self._minutes_from - EPOCH_UNIX) // QUARTER_SECONDS
        for event_id, type_id, source_id, user in zip(
            columns.event_ids, columns.event_type_ids, columns.source_ids, columns.users, strict=True
        ):
            second = event_id >> SECOND_SHIFT
            width = MINUTE_SECONDS if second // QUARTER_SECONDS >= finest else QUARTER_SECONDS
            users[second - second % width, type_id, source_id].append(user)
        for key, found in users.items():
            group = self._groups[key]
            group.events += len(found)
            group.users.update([user for user in found if user is not None])

    def evidence(self) -> Evidence:
        """Return what was added, by bucket."""
        evidence = Evidence()
        for (second, type_id, source_id), group in self._groups.items():
            for tier in self._count_windows:
                bucket = self._calendar.bucket(tier, second + EPOCH_UNIX)
                pairs = [(tier, bucket, one, other) for one in (type_id, ANY) for other in (source_id, ANY)]
                if _answers(self._count_windows, tier, bucket):
                    for key in pairs:
                        evidence.counts[key] += group.events
                if group.users and _answers(self._pile_windows, tier, bucket):
                    for key in pairs:
                        evidence.users[key] = take_in(evidence.users[key], group.users)
        return evidence


def _answers(windows: Windows, tier: Tier, bucket: int) -> bool:
    return windows[tier].since <= bucket < windows[tier].until


def read_rollups(
    connection: Connection, span: tuple[int, int], count_windows: Windows, pile_windows: Windows
) -> Evidence:
    """Return what tiers hold of the buckets that begin in a span and that they can answer for."""
    evidence = Evidence()
    since, until = span
    for tier, window in count_windows.items():
        c = rollup.c
        mine = (c.tier == int(tier)) & (c.bucket >= max(since, window.since)) & (c.bucket < min(until, window.until))
        for type_id, source_id, bucket, events in connection.execute(
            select(c.event_type_id, c.source_id, c.bucket, c.events)
            .with_hint(rollup, "FORCE INDEX (bucket)", "mysql")
            .where(mine)
        ):
            evidence.counts[tier, bucket, type_id, source_id] = events
    for tier, window in pile_windows.items():
        for row in read_span(connection, rollup_users, tier, max(since, window.since), min(until, window.until)):
            if row.dimension_id == USERS:
                key = tier, row.bucket, row.event_type_id, row.source_id
                evidence.users[key] = take_in(evidence.users[key], unpack_members(row.packed))
    return evidence


def read_days(connection: Connection, month: int, end: int, windows: Windows) -> Evidence:
    """Return what the days of a month hold, put together as that month: users where it was closed."""
    evidence = Evidence()
    c = rollup.c
    mine = (c.tier == int(Tier.DAY)) & (c.bucket >= month) & (c.bucket < end)
    summed = select(c.event_type_id, c.source_id, func.sum(c.events)).where(mine)
    for type_id, source_id, events in connection.execute(summed.group_by(c.event_type_id, c.source_id)):
        evidence.counts[Tier.MONTH, month, type_id, source_id] = int(events)
    if _answers(windows, Tier.MONTH, month):
        for row in read_span(connection, rollup_users, Tier.DAY, month, end):
            if row.dimension_id == USERS:
                key = Tier.MONTH, month, row.event_type_id, row.source_id
                evidence.users[key] = take_in(evidence.users[key], unpack_members(row.packed))
    return evidence
