"""The report `user_timeline`: what one user did, newest first, page by page, with the time between the events."""

from __future__ import annotations

from sqlalchemy import select

from picoevent.errors import InvalidQuery
from picoevent.read.loading import Row
from picoevent.report.event_pages import PageEvent, read_page
from picoevent.report.frame import ALL_DAYS, Answer, Arguments, Desk, Report
from picoevent.report.options import read_user
from picoevent.report.raw import answer_of, walk_of
from picoevent.store.tables import event_log

NAME = "user_timeline"


def answer(desk: Desk, arguments: Arguments) -> Answer[PageEvent]:
    """Return a page; `next_cursor` in the totals goes on behind it, and is None at the end."""
    user = read_user(desk, arguments.options.get("user"))
    if user is None:
        raise InvalidQuery("The report user_timeline needs a user.", hint="For example: user=7 (--user 7).")
    walk = walk_of(desk, arguments)
    chosen = select(event_log).where(event_log.c.user_id == user).order_by(event_log.c.event_id.desc())
    if walk.event_type_ids is not None:
        chosen = chosen.where(event_log.c.event_type_id.in_(walk.event_type_ids))
    if walk.source_ids is not None:
        chosen = chosen.where(event_log.c.source_id.in_(walk.source_ids))
    chosen = chosen.with_hint(event_log, "FORCE INDEX (user_id)", "mysql")

    def ask(first: int, below: int, limit: int) -> list[Row]:
        within = chosen.where(event_log.c.event_id >= first, event_log.c.event_id < below).limit(limit)
        return [Row(*row) for row in desk.connection.execute(within)]

    page, following = read_page(desk, arguments, ask)
    return answer_of(desk, NAME, arguments, page, {"next_cursor": following})


USER_TIMELINE = Report(
    name=NAME,
    summary="One user's events, newest first, with the time between them",
    answer=answer,
    takes=("types", "sources", "limit"),
    options={
        "user": "the user: a number, or a text (digits in double quotes are a text)",
        "cursor": "go on where the page before has ended: its next_cursor",
    },
    default_days=ALL_DAYS,
    row=PageEvent,
    live=True,
)
