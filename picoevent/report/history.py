"""The report `history`: everything about one object, that is, all events with one value of a searchable dimension."""

from __future__ import annotations

from sqlalchemy import select

from picoevent.errors import InvalidQuery
from picoevent.read.loading import Row
from picoevent.report.event_pages import PageEvent, read_page
from picoevent.report.frame import ALL_DAYS, Answer, Arguments, Desk, Report
from picoevent.report.options import read_text
from picoevent.report.raw import answer_of, walk_of
from picoevent.store.rollup_tables import declared_dimension, dimension, dimension_value, event_dimension
from picoevent.store.tables import event_log

NAME = "history"


def answer(desk: Desk, arguments: Arguments) -> Answer[PageEvent]:
    """Return a page, newest first; `next_cursor` in the totals goes on behind it, and is None at the end.

    Events are found as soon as they are folded. An event type that declared the dimension later is searched from where
    its back-fill has come to.
    """
    path = read_text(arguments.options.get("dimension"), "dimension")
    value = read_text(arguments.options.get("value"), "value")
    dimension_id = _searchable(desk, path)
    found = select(dimension_value.c.value_id).where(
        dimension_value.c.dimension_id == dimension_id, dimension_value.c.value == value
    )
    value_id = desk.connection.execute(found).scalar()
    walk = walk_of(desk, arguments)
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
    chosen = chosen.prefix_with("STRAIGHT_JOIN", dialect="mysql")

    def ask(first: int, below: int, limit: int) -> list[Row]:
        if value_id is None:
            return []
        within = chosen.where(key >= first, key < below).limit(limit)
        return [Row(*row) for row in desk.connection.execute(within)]

    page, following = read_page(desk, arguments, ask)
    return answer_of(desk, NAME, arguments, page, {"next_cursor": following})


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


HISTORY = Report(
    name=NAME,
    summary="All events about one object: one value of a searchable dimension, newest first",
    answer=answer,
    takes=("types", "sources", "limit"),
    options={
        "dimension": "the dotted path of a searchable dimension, such as order_id",
        "value": "the value to look for, to the letter",
        "cursor": "go on where the page before has ended: its next_cursor",
    },
    default_days=ALL_DAYS,
    row=PageEvent,
    live=True,
)
