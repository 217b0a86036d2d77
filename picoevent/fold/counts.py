"""Counts and sets of users of a round, into every tier that must know of them; and the statement that adds them."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

from pyroaring import BitMap
from sqlalchemy import Connection

from picoevent.fold.columns import Key
from picoevent.fold.placing import count_places, pile_places
from picoevent.rollup.tiers import Calendar
from picoevent.store.fold_state import FoldState
from picoevent.store.rollup_tables import rollup
from picoevent.store.rows import insert_rows

ANY = 0
"""Any event type, any source."""

ADD_MYSQL = "ON DUPLICATE KEY UPDATE events = events + VALUES(events)"
ADD_SQLITE = "ON CONFLICT (tier, event_type_id, source_id, bucket) DO UPDATE SET events = events + excluded.events"


def add_up(groups: Mapping[Key, Sequence[int | None]], calendar: Calendar) -> Counter[tuple[int, int, int, int]]:
    """Return how many events to add to each row of `rollup`: (tier, event type, source, bucket)."""
    counts: Counter[tuple[int, int, int, int]] = Counter()
    for (tier, bucket, type_id, source_id), users in groups.items():
        events = len(users)
        for place_tier, place_bucket in count_places((tier, bucket), calendar):
            for counted_type, counted_source in combinations(type_id, source_id):
                counts[int(place_tier), counted_type, counted_source, place_bucket] += events
    return counts


def add_counts(connection: Connection, counts: Mapping[tuple[int, int, int, int], int]) -> None:
    """Add to rows of `rollup`, and make those that are not there."""
    # There is no AUTO_INCREMENT here that such a statement could burn, and no payload that it could change.
    add = ADD_SQLITE if connection.dialect.name == "sqlite" else ADD_MYSQL
    insert_rows(connection, rollup, [(*key, events) for key, events in sorted(counts.items())], behind=add)


def sets_of_users(
    groups: Mapping[Key, Sequence[int | None]], state: FoldState, calendar: Calendar
) -> dict[tuple[int, int, int, int], BitMap]:
    """Return the users to add to each bucket: (tier, event type, source, bucket)."""
    sets: defaultdict[tuple[int, int, int, int], list[BitMap]] = defaultdict(list)
    for (tier, bucket, type_id, source_id), users in groups.items():
        members = BitMap([user for user in users if user is not None])
        if not members:
            continue
        for place_tier, place_bucket in pile_places((tier, bucket), state, calendar):
            for counted_type, counted_source in combinations(type_id, source_id):
                sets[int(place_tier), counted_type, counted_source, place_bucket].append(members)
    return {key: found[0] if len(found) == 1 else BitMap.union(*found) for key, found in sets.items()}


def combinations(event_type_id: int, source_id: int) -> tuple[tuple[int, int], ...]:
    """Return the pairs of type and source that an event counts for."""
    return (event_type_id, source_id), (event_type_id, ANY), (ANY, source_id), (ANY, ANY)
