"""One event: its fields, its payload as indented JSON, and the doors to the events around it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from flask import abort

from picoevent import EventNotFound, InvalidQuery
from picoevent_admin.bi import bi
from picoevent_admin.display import pretty_json
from picoevent_admin.error_pages import Words, error_page
from picoevent_admin.event_search import EventSearch

AROUND = timedelta(minutes=5)


def event_page(event_id: str) -> dict[str, Any]:
    """Return what the template shows; answers 404 for an id that no event has, or that can't be one."""
    try:
        event = bi().events.get(event_id)
    except (EventNotFound, InvalidQuery) as error:
        abort(error_page(404, _no_event(error)))
    second = event.time.replace(microsecond=0)
    around = EventSearch().changed(since=second - AROUND, until=second + AROUND)
    payload, complete = pretty_json(event.data)
    return {
        "event": event,
        "payload": payload,
        "payload_complete": complete,
        "around": around.url(),
        "of_type": EventSearch().changed(type=(event.event_type,)).url(),
        "of_type_around": around.changed(type=(event.event_type,)).url(),
        "of_user": None if event.user_id is None else EventSearch().changed(user=event.user_id).url(),
        "of_source": EventSearch().changed(source=event.source).url(),
    }


def _no_event(error: EventNotFound | InvalidQuery) -> Words:
    now = "Check the id; pages are read from a replica, which may be behind." if bi().settings.replica_url else ""
    return Words("There is no such event", error.message, error.hint or now or "Check the id.")
