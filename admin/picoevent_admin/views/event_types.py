"""The event types page: what each one means, whose it is, and when it was last seen; by name, fifty on a page."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from flask import request, url_for
from flask.typing import ResponseReturnValue
from flask_admin import expose

from picoevent import EventLog
from picoevent.store.record import EventType
from picoevent_admin.bi import bi
from picoevent_admin.event_search import EventSearch
from picoevent_admin.names import series_of
from picoevent_admin.views.base import Page

TYPES_ON_A_PAGE = 50


@dataclass(frozen=True)
class TypeRow:
    """An event type as the page shows it."""

    event_type: EventType
    series: int
    last: datetime | None
    events: str


class EventTypesView(Page):
    """Event types."""

    @expose("/")
    def index(self) -> ResponseReturnValue:
        """Show a page of event types."""
        after, containing = request.args.get("after", ""), request.args.get("containing", "").strip()
        every = bi().events.event_types()
        found = [row for row in every if containing.casefold() in row.name.casefold()]
        following = [row for row in found if row.name > after]
        shown = following[:TYPES_ON_A_PAGE]
        more = len(following) > len(shown)
        page = self.render(
            "event_types.html",
            rows=[describe(bi().events, row) for row in shown],
            containing=containing,
            any_types=bool(every),
            first=url_for(".index", containing=containing or None) if after else None,
            following=url_for(".index", containing=containing or None, after=shown[-1].name) if more else None,
        )
        return str(page)


def describe(events: EventLog, row: EventType) -> TypeRow:
    """Return an event type with the time of its newest event, which its index gives."""
    newest = events.events(event_type=row.name, limit=1).events
    address = EventSearch().changed(type=(row.name,)).url()
    return TypeRow(row, series_of(row.event_type_id), newest[0].time if newest else None, address)
