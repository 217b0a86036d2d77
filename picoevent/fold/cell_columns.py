"""Values of events side by side, made into cells side by side; by the means of C, since each event passes here."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from picoevent.rollup.cells import CellColumns
from picoevent.rollup.set_columns import SetColumns

MEMBER_BITS = 32
_MEMBER = (1 << MEMBER_BITS) - 1


def cell_columns(
    value_ids: Sequence[int],
    moments: Sequence[int],
    members: Mapping[int, Sequence[int | None]],
    *,
    with_events: bool = True,
) -> CellColumns:
    """Return the cells of events: the value of each, its Unix millisecond (rising), and by counted id its member.

    Without events the cells only add members to others of the same values.
    """
    events = Counter(value_ids)
    order = sorted(events)
    # The last one of equal keys stays in a dict.
    first = dict(zip(reversed(value_ids), reversed(moments), strict=True))
    last = dict(zip(value_ids, moments, strict=True))
    return CellColumns(
        order,
        [events[value_id] for value_id in order] if with_events else [0] * len(order),
        [first[value_id] for value_id in order],
        [last[value_id] for value_id in order],
        {counted_id: _set_columns(value_ids, of_events, order) for counted_id, of_events in members.items()},
    )


def _set_columns(value_ids: Sequence[int], members: Sequence[int | None], order: Sequence[int]) -> SetColumns:
    pairs = sorted(
        {
            value_id << MEMBER_BITS | member
            for value_id, member in zip(value_ids, members, strict=True)
            if member is not None
        }
    )
    counts = Counter([pair >> MEMBER_BITS for pair in pairs])
    return SetColumns([counts[value_id] for value_id in order], [pair & _MEMBER for pair in pairs])
