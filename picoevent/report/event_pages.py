"""Pages of events by key, newest first, as reports show them: in the order of time, with the time between them.

An id's second stands above its writer's tag, and that above the millisecond: rows come by the second, and those of one
second are sorted. A cursor is the key of the last event that was shown.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby, islice, pairwise
from typing import Any

from picoevent.event import Event
from picoevent.ids import SECOND_SHIFT, first_id_of_second, id_unix_ms
from picoevent.read.loading import Row, read_stored, readable
from picoevent.read.query import make_cursor, read_cursor
from picoevent.report.frame import Arguments, Desk
from picoevent.report.raw import in_seconds

Ask = Callable[[int, int, int], Sequence[Row]]
"""Returns the rows from one id up to but without another, newest first, and at most so many."""


@dataclass(frozen=True, slots=True)
class PageEvent:
    """An event of a page; `gap_seconds` is the time since the one before it, None for the first of the range."""

    id: str
    time: datetime
    event_type: str
    source: str
    user_id: int | str | None
    data: Mapping[str, Any]
    gap_seconds: float | None


def read_page(desk: Desk, arguments: Arguments, ask: Ask) -> tuple[list[PageEvent], str | None]:
    """Return a page of what `ask` finds within the range, and the cursor of the next one, None at the end."""
    cursor = arguments.options.get("cursor")
    after = None if cursor is None else read_cursor(cursor, "newest")
    rows = list(islice(_newest_first(arguments, ask, after), arguments.limit + 1))
    shown = rows[: arguments.limit]
    gaps: list[int | None] = [_moment(later) - _moment(earlier) for later, earlier in pairwise(rows)]
    gaps.append(None)
    stored = read_stored(desk.connection, shown, desk.names)
    page = [_to_page_event(readable(event), gap) for event, gap in zip(stored, gaps, strict=False)]
    following = make_cursor(shown[-1].event_id, newest_first=True) if len(rows) > len(shown) else None
    return page, following


def _newest_first(arguments: Arguments, ask: Ask, after: int | None) -> Iterator[Row]:
    """Yield the rows of the range in the order of time; behind the one of the cursor, where there is one."""
    first = first_id_of_second(arguments.since_ms // 1000)
    below = first_id_of_second(-(-arguments.until_ms // 1000))
    if after is not None:
        # The rest of its second may come before it in the order of the key.
        below = min(below, ((after >> SECOND_SHIFT) + 1) << SECOND_SHIFT)
    for _, second in groupby(_walk(ask, first, below, arguments.limit + 2), key=_second):
        for row in sorted(second, key=_place, reverse=True):
            is_behind = after is None or _place(row) < (id_unix_ms(after), after)
            if is_behind and arguments.since_ms <= _moment(row) < arguments.until_ms:
                yield row


def _walk(ask: Ask, first: int, below: int, step: int) -> Iterator[Row]:
    while rows := ask(first, below, step):
        yield from rows
        if len(rows) < step:
            return
        below = rows[-1].event_id


def _second(row: Row) -> int:
    return row.event_id >> SECOND_SHIFT


def _moment(row: Row) -> int:
    return id_unix_ms(row.event_id)


def _place(row: Row) -> tuple[int, int]:
    return _moment(row), row.event_id


def _to_page_event(event: Event, gap: int | None) -> PageEvent:
    return PageEvent(
        id=str(event.event_id),
        time=event.time,
        event_type=event.event_type,
        source=event.source,
        user_id=event.user_id,
        data=event.data,
        gap_seconds=in_seconds(gap),
    )
