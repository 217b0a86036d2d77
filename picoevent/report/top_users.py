"""The report `top_users`: who has the most events, on how many days, and of which types."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import partial

from sqlalchemy import func, select

from picoevent.ids import EPOCH_UNIX, SECOND_SHIFT
from picoevent.read.names import users_of
from picoevent.report.frame import Answer, Arguments, Desk, Report
from picoevent.report.intervals import calendar_of
from picoevent.report.raw import answer_of, chosen_rows, raw_rows, walk_of
from picoevent.rollup.tiers import QUARTER_SECONDS, Calendar, Tier
from picoevent.store.packed_rows import RowReader, Walk
from picoevent.store.tables import event_log

NAME = "top_users"


@dataclass(frozen=True, slots=True)
class TopUser:
    """A user's events within the range; days are those of the answer's zone."""

    user_id: int | str
    events: int
    active_days: int
    distinct_types: int
    by_type: Mapping[str, int]
    """Events by type, most events first."""


def answer(desk: Desk, arguments: Arguments) -> Answer[TopUser]:
    """Return the users with the most events, and in the totals how many users and events there are."""
    walk = replace(walk_of(desk, arguments), users_only=True)
    calendar = calendar_of(arguments.zone)
    with raw_rows(desk, NAME, walk) as reader:
        top, totals = _top(desk, reader, walk, arguments)
        users = users_of(desk.connection, top)
        describe = partial(_describe, desk, calendar)
        rows = [
            describe(users[number], _rows_of(desk, reader, replace(walk, user_number=number), arguments))
            for number in top
        ]
    return answer_of(desk, NAME, arguments, rows, totals)


def _top(desk: Desk, reader: RowReader, walk: Walk, arguments: Arguments) -> tuple[list[int], dict[str, int]]:
    """Return the numbers of the users with the most events; of equal ones the smaller numbers first."""
    if arguments.filters:
        counts: Counter[int] = Counter()
        for rows in chosen_rows(desk, reader, walk, arguments.filters, ("event_id", "user_id")):
            counts.update(row[1] for row in rows)
        ordered = sorted(counts, key=lambda number: (-counts[number], number))
        return ordered[: arguments.limit], {"users": len(counts), "events": counts.total()}
    user, events = event_log.c.user_id, func.count().label("events")
    counted = select(user, events).where(*walk.conditions()).group_by(user)
    by_user = counted.with_hint(event_log, f"FORCE INDEX ({walk.index})", "mysql").subquery()
    # One pass over the rows: the totals come with each row.
    ranked = select(by_user.c.user_id, func.count().over(), func.sum(by_user.c.events).over())
    rows = reader.execute(ranked.order_by(by_user.c.events.desc(), by_user.c.user_id).limit(arguments.limit)).all()
    users, total = (int(rows[0][1]), int(rows[0][2])) if rows else (0, 0)
    return [row[0] for row in rows], {"users": users, "events": total}


def _rows_of(desk: Desk, reader: RowReader, own: Walk, arguments: Arguments) -> Iterable[tuple[int, int]]:
    for rows in chosen_rows(desk, reader, own, arguments.filters, ("event_id", "event_type_id")):
        yield from rows


def _describe(desk: Desk, calendar: Calendar, user: int | str, rows: Iterable[tuple[int, int]]) -> TopUser:
    by_type: Counter[int] = Counter()
    quarters: set[int] = set()
    for event_id, type_id in rows:
        by_type[type_id] += 1
        quarters.add((event_id >> SECOND_SHIFT) // QUARTER_SECONDS)
    # Each day begins with a quarter of an hour, in any zone; the epoch of ids does, too.
    days = {calendar.bucket(Tier.DAY, quarter * QUARTER_SECONDS + EPOCH_UNIX) for quarter in quarters}
    named = [(desk.names.event_types.name_of(desk.connection, type_id), by_type[type_id]) for type_id in by_type]
    named.sort(key=lambda pair: (-pair[1], pair[0]))
    return TopUser(user, by_type.total(), len(days), len(named), dict(named))


TOP_USERS = Report(
    name=NAME,
    summary="The users with the most events, their active days and event types",
    answer=answer,
    takes=("types", "sources", "filters", "limit"),
    row=TopUser,
)
