"""The events of one round, column by column, and cut into groups: a finest bucket, an event type, a source."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from picoevent.fold.placing import Place, finest_place
from picoevent.ids import EPOCH_UNIX, SECOND_SHIFT
from picoevent.rollup.tiers import MINUTE_SECONDS, Calendar, Tier
from picoevent.store.fold_state import FoldState
from picoevent.store.pending import PendingBatch

Key = tuple[Tier, int, int, int]
"""Tier, bucket, event type, source."""
_EPOCH_MINUTE = EPOCH_UNIX // MINUTE_SECONDS


@dataclass(slots=True)
class Columns:
    """Events side by side: ids, types, sources, and dense numbers of users (None for no user)."""

    event_ids: list[int] = field(default_factory=list)
    event_type_ids: list[int] = field(default_factory=list)
    source_ids: list[int] = field(default_factory=list)
    users: list[int | None] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.event_ids)


def gather(batches: Sequence[PendingBatch]) -> Columns:
    """Return the events of several batches; users as they are stored."""
    columns = Columns()
    for batch in batches:
        columns.event_ids += batch.event_ids
        columns.event_type_ids += batch.event_type_ids
        columns.source_ids += batch.source_ids
        columns.users += batch.user_numbers
    return columns


def group_users(columns: Columns, state: FoldState, calendar: Calendar) -> dict[Key, list[int | None]]:
    """Return the users of each group, one entry an event, so that the length is the number of events."""
    by_minute: dict[tuple[int, int, int], list[int | None]] = {}
    for event_id, type_id, source_id, user in zip(
        columns.event_ids, columns.event_type_ids, columns.source_ids, columns.users, strict=True
    ):
        key = ((event_id >> SECOND_SHIFT) // MINUTE_SECONDS, type_id, source_id)
        try:
            by_minute[key].append(user)
        except KeyError:
            by_minute[key] = [user]
    groups: dict[Key, list[int | None]] = {}
    places: dict[int, Place] = {}
    for (minute, type_id, source_id), users in by_minute.items():
        place = places.get(minute)
        if place is None:
            place = places[minute] = finest_place((minute + _EPOCH_MINUTE) * MINUTE_SECONDS, state, calendar)
        key_ = (*place, type_id, source_id)
        if key_ in groups:
            groups[key_] += users
        else:
            groups[key_] = users
    return groups
