"""Sets of users from the rollups and, at the edges of a range, from raw rows; by event type and interval."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator
from itertools import chain
from typing import NamedTuple, TypeVar

from pyroaring import BitMap
from sqlalchemy import Connection, select

from picoevent.fold.users import FIRST_GIVEN, find_numbers
from picoevent.report.counting import ANY, Selection, in_span, in_tiers
from picoevent.report.frame import Desk
from picoevent.report.planner import Source
from picoevent.rollup.members import union_members, unpack_members
from picoevent.rollup.samples import AnySet, union_of
from picoevent.store.packed_parts import fetch_parts
from picoevent.store.rollup_tables import rollup_users
from picoevent.store.tables import event_log

USERS = 0
"""The number of the sets of users; other numbers are those of dimensions that are counted distinct."""
NOT_YET_GIVEN = 0xFFFF_FFFE
"""Users who have no dense number yet are numbered from here downward, for one question."""

Key = TypeVar("Key", bound=Hashable)


class Members(NamedTuple):
    """Members of a type in a bucket, or in a span of raw rows, that begins at a Unix second; packed or not."""

    type_id: int
    second: int
    members: bytes | AnySet


def read_users(desk: Desk, source: Source, selection: Selection) -> Iterator[Members]:
    """Return sets of users whose union is asked for; each in several parts."""
    # There are thousands of them: each generator that they pass through counts.
    return chain(read_sets(desk.connection, source, selection, USERS), _raw_users(desk, source, selection))


def read_sets(connection: Connection, source: Source, selection: Selection, number: int) -> Iterator[Members]:
    """Return what the rollups have of the sets of one number."""
    if not source.tiers:
        return iter(())
    conditions = [in_tiers(rollup_users, source.tiers, selection), rollup_users.c.dimension_id == number]
    return map(Members._make, fetch_parts(connection, rollup_users, ("event_type_id", "bucket"), conditions))


def _raw_users(desk: Desk, source: Source, selection: Selection) -> Iterator[Members]:
    together = selection.type_ids == (ANY,)
    columns = (event_log.c.user_id,) if together else (event_log.c.user_id, event_log.c.event_type_id)
    for span in source.raw:
        conditions = [*in_span(span), *selection.raw_conditions(), event_log.c.user_id.is_not(None)]
        found = desk.connection.execute(select(*columns).where(*conditions).distinct()).all()
        numbers = number_users(desk, {row[0] for row in found})
        by_type: defaultdict[int, list[int]] = defaultdict(list)
        for row in found:
            by_type[ANY if together else row[1]].append(numbers[row[0]])
        for type_id, members in by_type.items():
            yield Members(type_id, span.since_ms // 1000, BitMap(members))


def number_users(desk: Desk, users: Iterable[int]) -> dict[int, int]:
    """Return the dense numbers of stored users, and of others; one without gets one for this question alone."""
    numbers = desk.users
    unknown = [user for user in users if user not in numbers]
    numbers.update((user, user) for user in unknown if user < FIRST_GIVEN)
    large = [user for user in unknown if user >= FIRST_GIVEN]
    numbers.update(find_numbers(desk.connection, large))
    for user in large:
        if user not in numbers:
            numbers[user] = NOT_YET_GIVEN - len(numbers)
    return numbers


def unite(found: Iterable[Members], key_of: Callable[[Members], Key]) -> dict[Key, AnySet]:
    """Return the union of all members that have the same key."""
    parts: defaultdict[Key, list[bytes | AnySet]] = defaultdict(list)
    for members in found:
        parts[key_of(members)].append(members.members)
    return {key: _union(some) for key, some in parts.items()}


def _union(parts: list[bytes | AnySet]) -> AnySet:
    packed = [part for part in parts if isinstance(part, bytes)]
    if len(packed) == len(parts):
        return unpack_members(packed[0]) if len(packed) == 1 else union_members(packed)
    return union_of((union_members(packed), *(part for part in parts if not isinstance(part, bytes))))
