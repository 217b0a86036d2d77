"""Events of one plan, cut into groups of one source and one finest bucket, each in the order of time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from operator import itemgetter
from typing import Any

from picoevent.fold.placing import Place, finest_place
from picoevent.ids import EPOCH_UNIX, MILLISECOND_SHIFT, SECOND_SHIFT
from picoevent.rollup.tiers import MINUTE_SECONDS, Calendar
from picoevent.store.fold_state import FoldState

_EPOCH_MS = EPOCH_UNIX * 1000
_MILLISECOND = 1023

Pick = Callable[[Sequence[Any]], Sequence[Any]]
"""Takes the entries of a group out of a column."""


def moments_of(event_ids: Sequence[int]) -> list[int]:
    """Return the Unix milliseconds of events."""
    return [
        (event_id >> SECOND_SHIFT) * 1000 + (event_id >> MILLISECOND_SHIFT & _MILLISECOND) + _EPOCH_MS
        for event_id in event_ids
    ]


def cut_by_place(
    source_ids: Sequence[int], moments: Sequence[int], state: FoldState, calendar: Calendar
) -> Iterator[tuple[int, Place, Pick]]:
    """Yield the source and the finest bucket of each group, and what picks its events out of a column."""
    minute_ms = MINUTE_SECONDS * 1000
    by_minute: dict[tuple[int, int], list[int]] = {}
    for position in sorted(range(len(moments)), key=moments.__getitem__):
        key = source_ids[position], moments[position] // minute_ms
        try:
            by_minute[key].append(position)
        except KeyError:
            by_minute[key] = [position]
    groups: dict[tuple[int, Place], list[int]] = {}
    # Minutes come in the order of time, so the events of each group do, too.
    for (source_id, minute), positions in by_minute.items():
        place = finest_place(minute * MINUTE_SECONDS, state, calendar)
        groups.setdefault((source_id, place), []).extend(positions)
    for (source_id, place), positions in groups.items():
        yield source_id, place, _picker(positions)


def _picker(positions: Sequence[int]) -> Pick:
    if len(positions) == 1:
        only = positions[0]
        return lambda column: (column[only],)
    return itemgetter(*positions)
