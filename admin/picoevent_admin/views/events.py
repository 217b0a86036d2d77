"""The events page: newest first, filtered by the URL, turned by key; and the way to one event."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from flask import redirect, request
from flask.typing import ResponseReturnValue
from flask_admin import expose

from picoevent import Event, EventLog, InvalidQuery
from picoevent.event import Page as EventPage
from picoevent.read.query import make_cursor
from picoevent_admin.bi import bi
from picoevent_admin.event_search import FIELDS, LIMITS, EventSearch, read_search
from picoevent_admin.views.base import Page
from picoevent_admin.views.event import event_page

RANGES = (("Last hour", timedelta(hours=1)), ("24 hours", timedelta(days=1)), ("7 days", timedelta(days=7)))


@dataclass(frozen=True)
class Turned:
    """A page of events, newest first, with the addresses of its neighbours; None where there is none."""

    events: tuple[Event, ...] = ()
    newer: str | None = None
    older: str | None = None
    go_on: str | None = None
    """Where the search goes on, where its time ran out before the page was full."""
    searched_to: datetime | None = None


@dataclass(frozen=True)
class Nothing:
    """Why there are no events on a page, and what to do."""

    anything_at_all: bool
    unknown_types: tuple[str, ...] = ()
    latest: datetime | None = None
    """The time of the newest event that matches all but the range of time."""
    without_range: str = ""


class EventsView(Page):
    """Events, and one event."""

    @expose("/")
    def index(self) -> ResponseReturnValue:
        """Show a page of events."""
        search = read_search(request.args)
        if search.faults:
            return self._show(search, Turned()), 400
        try:
            turned = turn(bi().events, search)
        except InvalidQuery as error:
            return self._show(search, Turned(), refused=error), 400
        if turned is None:
            return redirect(search.url())
        nothing = None if turned.events or turned.go_on else explain(bi().events, search)
        return self._show(search, turned, nothing=nothing)

    @expose("/<event_id>")
    def event(self, event_id: str) -> ResponseReturnValue:
        """Show one event."""
        return str(self.render("event.html", **event_page(event_id)))

    def _show(
        self,
        search: EventSearch,
        turned: Turned,
        *,
        nothing: Nothing | None = None,
        refused: InvalidQuery | None = None,
    ) -> str:
        now = datetime.now(UTC).replace(microsecond=0)
        ranges = [(label, search.changed(since=now - span, until=None).url()) for label, span in RANGES]
        page = self.render(
            "events.html",
            search=search,
            fields=FIELDS,
            limits=LIMITS,
            ranges=ranges,
            turned=turned,
            nothing=nothing,
            refused=refused,
        )
        return str(page)


def turn(events: EventLog, search: EventSearch) -> Turned | None:
    """Return the page of a search; None where it is the newest one, which has an address of its own."""
    if (search.cursor or "").startswith("o"):
        return _turn_to_newer(events, search)
    page = events.events(limit=search.limit, cursor=search.cursor, **search.filters)
    newer = _beside(search, page, newest_first=False) if search.cursor else None
    onward = search.url(page.next_cursor) if page.next_cursor else None
    if page.complete:
        return Turned(page.events, newer, onward)
    return Turned(page.events, newer, go_on=onward, searched_to=page.searched_to)


def _turn_to_newer(events: EventLog, search: EventSearch) -> Turned | None:
    page = events.events(order="oldest", limit=search.limit, cursor=search.cursor, **search.filters)
    if page.next_cursor is None:
        return None
    shown = page.events[::-1]
    older = _beside(search, page, newest_first=True)
    onward = search.url(page.next_cursor)
    if page.complete:
        return Turned(shown, onward, older)
    return Turned(shown, None, older, onward, page.searched_to)


def _beside(search: EventSearch, page: EventPage, *, newest_first: bool) -> str | None:
    """Return where the page before this one begins: ids, not times, are what pages are cut by."""
    if not page.events:
        return None
    ids = [event.event_id for event in page.events]
    return search.url(make_cursor(min(ids) if newest_first else max(ids), newest_first=newest_first))


def explain(events: EventLog, search: EventSearch) -> Nothing:
    """Return why a complete page is empty."""
    if not events.events(limit=1).events:
        return Nothing(anything_at_all=False)
    unknown = tuple(bi().names.unknown_event_types(search.event_types))
    if not search.has_range:
        return Nothing(anything_at_all=True, unknown_types=unknown)
    anytime = search.changed(since=None, until=None)
    found = events.events(limit=1, **anytime.filters).events
    return Nothing(
        anything_at_all=True,
        unknown_types=unknown,
        latest=found[0].time if found else None,
        without_range=anytime.url(),
    )
