"""The report `types_seen`: which event types are new, which have fallen silent, and which nobody declared."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import and_, func, or_, select

from picoevent.report.asking import Asked, ask, to_moment
from picoevent.report.counting import NOTHING, Selection, count_in_all
from picoevent.report.frame import Answer, Arguments, Desk, Report
from picoevent.rollup.tiers import Tier
from picoevent.store.names import list_event_types
from picoevent.store.packed_parts import BY_KEY
from picoevent.store.rollup_tables import rollup


@dataclass(frozen=True, slots=True)
class TypesSeenRow:
    """One event type.

    `state` is new (its first event lies in the range), active, silent (it had events before, and none in the range)
    or never (nothing was ever counted); `declared` says whether somebody declared it; `events` are those of the range.
    `first_seen` is the day of its first event, `last_seen` the time of its last one, to a quarter of an hour where it
    is at most 90 days ago, else to the day; both to the month where days are no longer kept.
    """

    event_type: str
    state: str
    declared: bool
    events: int
    first_seen: datetime | None
    last_seen: datetime | None


ORDER = ("new", "silent", "active", "never")
Ends = dict[int, tuple[int, int]]
"""The first and the last bucket of each type, Unix seconds."""


def answer(desk: Desk, arguments: Arguments) -> Answer[TypesSeenRow]:
    """Return every type that was asked for: the new ones first, then the silent ones."""
    asked = ask(desk, arguments, by_type=True)
    source = asked.plan_counts()
    events = count_in_all(desk.connection, source, asked.selection)
    months = first_and_last(desk, asked.selection, Tier.MONTH, 0)
    old = _with_events_before(asked, months, source.since_ms)
    states = {number: _state(events.get(number, 0), number in months, number in old) for number in asked.type_names}
    declared = {row.event_type_id for row in list_event_types(desk.connection) if row.declared}
    ranked = sorted(states, key=lambda key: (ORDER.index(states[key]), -events.get(key, 0), asked.type_names[key]))
    shown = ranked[: arguments.limit]
    ends = _refined(desk, replace(asked.selection, type_ids=tuple(shown) or (NOTHING,), every_type=False), months)
    rows = [
        TypesSeenRow(asked.type_names[key], states[key], key in declared, events.get(key, 0), *_moments(ends.get(key)))
        for key in shown
    ]
    totals: dict[str, object] = {state: sum(found == state for found in states.values()) for state in ORDER}
    totals["undeclared"] = len(states.keys() - declared)
    return asked.answer("types_seen", rows, source, totals=totals)


def _state(events: int, ever: bool, old: bool) -> str:  # noqa: FBT001  # three facts of one type
    if events:
        return "active" if old else "new"
    return "silent" if ever else "never"


def _with_events_before(asked: Asked, months: Ends, since_ms: int) -> set[int]:
    """Return the types that have events before the range; a count, where it begins within a month."""
    month = asked.desk.calendar.bucket(Tier.MONTH, since_ms // 1000)
    old = {number for number, (first, _) in months.items() if first < month}
    if month * 1000 < since_ms:
        before = asked.moved(month * 1000, since_ms)
        found = count_in_all(asked.desk.connection, before.plan_counts(), asked.selection)
        old |= {number for number, events in found.items() if events}
    return old


def first_and_last(desk: Desk, selection: Selection, tier: Tier, kept: int) -> Ends:
    """Return where the first and the last bucket of a tier begin, of each type."""
    table = rollup.c
    # All columns before the bucket are named, so that the server skips from one group to the next.
    group = (table.tier, table.event_type_id, table.source_id)
    ends = select(table.event_type_id, func.min(table.bucket), func.max(table.bucket)).group_by(*group)
    found: Ends = {}
    rows = ends.where(table.tier == int(tier), table.bucket >= kept, *selection.conditions(rollup))
    for type_id, first, last in desk.connection.execute(rows):
        before = found.get(type_id, (first, last))
        found[type_id] = min(first, before[0]), max(last, before[1])
    return found


def _refined(desk: Desk, selection: Selection, months: Ends) -> Ends:
    """Return the ends by the finest tiers that are kept: a day for the first, a quarter of an hour for the last."""
    days = first_and_last(desk, selection, Tier.DAY, desk.state.kept_day)
    quarters = _last_quarters(desk, selection, {number: last for number, (_, last) in days.items()})
    found = {}
    for number, (first, last) in months.items():
        day = days.get(number, (first, last))
        # Where days are no longer kept for the first month, what they know is not the first.
        begin = day[0] if first >= desk.state.kept_day else first
        found[number] = begin, max(last, day[1], quarters.get(number, 0))
    return found


def _last_quarters(desk: Desk, selection: Selection, last_days: Mapping[int, int]) -> dict[int, int]:
    """Return the last quarter of an hour of each type whose last day has quarters; only that day is looked at."""
    kept = {number: day for number, day in last_days.items() if day >= desk.state.kept_quarter}
    if not kept:
        return {}
    table = rollup.c
    places = or_(*[and_(table.event_type_id == number, table.bucket >= day) for number, day in kept.items()])
    sources = replace(selection, type_ids=tuple(kept)).conditions(rollup)
    rows = select(table.event_type_id, func.max(table.bucket)).where(table.tier == int(Tier.QUARTER), *sources, places)
    rows = rows.with_hint(rollup, BY_KEY, "mysql").group_by(table.event_type_id)
    return {number: last for number, last in desk.connection.execute(rows)}  # noqa: C416  # of rows, not of pairs


def _moments(ends: tuple[int, int] | None) -> tuple[datetime | None, datetime | None]:
    return (None, None) if ends is None else (to_moment(ends[0] * 1000), to_moment(ends[1] * 1000))


TYPES_SEEN = Report(
    "types_seen",
    "Which event types are new, which have fallen silent, and which nobody declared",
    answer,
    takes=("types", "sources", "limit"),
    row=TypesSeenRow,
    reads_before=math.inf,
)
