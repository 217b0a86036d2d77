"""The report `history`: everything about one object, that is, all events with one value of a searchable dimension."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from sqlalchemy import Select, func, select

from picoevent.errors import InvalidQuery
from picoevent.read.loading import Row
from picoevent.report.asking import as_of
from picoevent.report.dimensions import value_numbers
from picoevent.report.event_pages import PageEvent, read_page
from picoevent.report.frame import ALL_DAYS, Answer, Arguments, Desk, Report
from picoevent.report.intervals import calendar_of
from picoevent.report.options import read_text
from picoevent.report.raw import answer_of, walk_of
from picoevent.rollup.shown_values import read_value
from picoevent.rollup.values import shortened
from picoevent.store.packed_rows import Walk
from picoevent.store.rollup_tables import declared_dimension, dimension, event_dimension
from picoevent.store.tables import event_log

NAME = "history"


def answer(desk: Desk, arguments: Arguments) -> Answer[PageEvent]:
    """Return a page, newest first; `next_cursor` in the totals goes on behind it, and is None at the end.

    Events are found as soon as they are folded. An event type that declared the dimension later is searched from where
    its back-fill has come to, and the answer says so.
    """
    path = read_text(arguments.options.get("dimension"), "dimension")
    value = read_value(read_text(arguments.options.get("value"), "value", least=0))
    if value is None:
        raise InvalidQuery("Events without a value are in no index.", hint="Look for them with a filter: (none).")
    value = shortened(value)
    dimension_id = _searchable(desk, path)
    value_id = value_numbers(desk.connection, dimension_id, [value]).get(value)
    walk = walk_of(desk, arguments)
    events: Select[Any] = _events(walk, dimension_id, value_id)
    key = event_dimension.c.event_id

    def ask(first: int, below: int, limit: int) -> list[Row]:
        if value_id is None:
            return []
        within = events.where(key >= first, key < below).limit(limit)
        return [Row(*row) for row in desk.connection.execute(within)]

    page, following = read_page(desk, arguments, ask)
    found = answer_of(desk, NAME, arguments, page, {"next_cursor": following})
    indexed_from = _indexed_from(desk, walk, dimension_id)
    exact = indexed_from * 1000 <= max(walk.since_ms, desk.state.raw_from * 1000)
    since = calendar_of(arguments.zone).local(indexed_from).strftime("%Y-%m-%d %H:%M")
    notes = () if exact else (f"Events before {since} are still being looked through: some may be missing.",)
    return replace(found, origin="index of values", as_of=as_of(desk), exact=exact, notes=(*found.notes, *notes))


def _events(walk: Walk, dimension_id: int, value_id: int | None) -> Select[tuple[int, int, int, int | None]]:
    """Return the events with a value, newest first, of the types and sources that were asked for."""
    key = event_dimension.c.event_id
    chosen = (
        select(event_log)
        .select_from(event_dimension.join(event_log, event_log.c.event_id == key))
        .where(event_dimension.c.dimension_id == dimension_id, event_dimension.c.value_id == value_id)
        .order_by(key.desc())
    )
    if walk.event_type_ids is not None:
        chosen = chosen.where(event_log.c.event_type_id.in_(walk.event_type_ids))
    if walk.source_ids is not None:
        chosen = chosen.where(event_log.c.source_id.in_(walk.source_ids))
    # From the index of values to the rows, in its order: it is a page of it.
    return chosen.prefix_with("STRAIGHT_JOIN", dialect="mysql")


def _searchable(desk: Desk, path: str) -> int:
    """Return the number of a dimension that some event type declares as searchable; raise `InvalidQuery`."""
    declared = declared_dimension.join(dimension, dimension.c.dimension_id == declared_dimension.c.dimension_id)
    found = (
        select(dimension.c.path, dimension.c.dimension_id)
        .select_from(declared)
        .where(declared_dimension.c.searchable == 1, dimension.c.second_path == "")
        .distinct()
    )
    searchable = {row.path: row.dimension_id for row in desk.connection.execute(found)}
    if path not in searchable:
        there_are = f"Searchable are: {', '.join(sorted(searchable))}." if searchable else "None is searchable yet."
        raise InvalidQuery(f"{path!r} is no searchable dimension.", hint=there_are)
    return int(searchable[path])


def _indexed_from(desk: Desk, walk: Walk, dimension_id: int) -> int:
    """Return the Unix second from which on the index has all events of the types that were asked for."""
    c = declared_dimension.c
    latest = select(func.max(c.searchable_from)).where(c.dimension_id == dimension_id, c.searchable == 1)
    if walk.event_type_ids is not None:
        latest = latest.where(c.event_type_id.in_(walk.event_type_ids))
    return int(desk.connection.execute(latest).scalar() or 0)


HISTORY = Report(
    name=NAME,
    summary="All events about one object: one value of a searchable dimension, newest first",
    answer=answer,
    takes=("types", "sources", "limit"),
    options={
        "dimension": "the dotted path of a searchable dimension, such as order_id",
        "value": "the value to look for, as reports show it, to the letter",
        "cursor": "go on where the page before has ended: its next_cursor",
    },
    default_days=ALL_DAYS,
    row=PageEvent,
    live=True,
)
