"""Filters on values that the fold has indexed: instead of reading payloads, the index of values is walked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from picoevent.report.dimensions import value_numbers
from picoevent.report.frame import Desk
from picoevent.rollup.shown_values import stored_values
from picoevent.store.declarations import Dimension
from picoevent.store.packed_rows import Walk

INDEX_AGE_MS = 10_000
"""The index has what was folded: beyond this age of the fold's last round, payloads are read instead."""


def find_indexed(desk: Desk, walk: Walk, filters: Mapping[str, tuple[str, ...]]) -> list[Walk] | None:
    """Return the walks along the index that find what passes, in whatever order; None where it can't answer.

    It can where there is one filter, which does not ask for "(none)", and each of the event types has declared the
    dimension as searchable since the beginning of the range.
    """
    if len(filters) != 1 or desk.now_ms - desk.state.heartbeat_ms > INDEX_AGE_MS:
        return None
    ((path, values),) = filters.items()
    wanted = stored_values(values)
    found = _dimensions(desk, walk.event_type_ids or (), path)
    since = walk.since_ms // 1000
    if None in wanted or not found or any(one.searchable_from > since for one in found):
        return None
    dimension_id = found[0].dimension_id
    numbers = value_numbers(desk.connection, dimension_id, wanted)
    return [replace(walk, value=(dimension_id, number)) for number in sorted(set(numbers.values()))]


def _dimensions(desk: Desk, type_ids: Sequence[int], path: str) -> list[Dimension]:
    """Return the dimension as each of these types declares it; none where one does not declare it as searchable."""
    declared = desk.names.declarations.of(desk.connection, desk.state.declarations)
    found = [declared[type_id].dimension(path) for type_id in type_ids if type_id in declared]
    searchable = [one for one in found if one is not None and one.searchable]
    return searchable if len(searchable) == len(type_ids) else []
