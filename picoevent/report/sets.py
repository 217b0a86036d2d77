"""Sets of users from the rollups and, at the edges of a range, from raw rows; by event type and interval."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator
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
    """Members of a type in a bucket, or in a span of raw rows, that begins at a Unix second."""

    type_id: int
    second: int
    packed: bytes | None
    members: AnySet | None


def read_users(desk: Desk, source: Source, selection: Selection) -> Iterator[Members]:
    """Yield sets of users whose union is asked for; each in several parts."""
    yield from read_sets(desk.connection, source, selection, USERS)
    yield from _raw_users(desk, source, selection)


def read_sets(connection: Connection, source: Source, selection: Selection, number: int) -> Iterator[Members]:
    """Yield what the rollups have of the sets of one number."""
    table = rollup_users
    if source.tiers:
        conditions = [in_tiers(table, source.tiers, selection), table.c.dimension_id == number]
        for type_id, bucket, packed in fetch_parts(connection, table, ("event_type_id", "bucket"), conditions):
            yield Members(type_id, bucket, packed, None)


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
            yield Members(type_id, span.since_ms // 1000, None, BitMap(members))


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
    packed: defaultdict[Key, list[bytes]] = defaultdict(list)
    loose: defaultdict[Key, list[AnySet]] = defaultdict(list)
    for members in found:
        if members.packed is not None:
            packed[key_of(members)].append(members.packed)
        elif members.members is not None:
            loose[key_of(members)].append(members.members)
    return {key: _union(packed.get(key, []), loose.get(key, [])) for key in {**packed, **loose}}


def _union(packed: list[bytes], loose: list[AnySet]) -> AnySet:
    if len(packed) == 1 and not loose:
        return unpack_members(packed[0])
    whole = union_members(packed)
    return union_of((whole, *loose)) if loose else whole
