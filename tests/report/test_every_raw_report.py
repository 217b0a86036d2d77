"""Reports on raw rows through the front door: their answers survive the cache, and are ready for JSON."""

from __future__ import annotations

import json

import pytest

from picoevent import EventLog
from picoevent.fold.declaring import declare

QUESTIONS = {
    "top_users": {},
    "user_timeline": {"user": "ann"},
    "history": {"dimension": "plan", "value": "team"},
    "goals": {},
    "funnel": {"steps": "a > b"},
    "retention": {"interval": "day"},
    "sessions": {"interval": "day"},
    "suspicious": {"by": "user", "min_events": 1},
    "intervals": {},
}


@pytest.mark.parametrize("name", QUESTIONS)
def test_an_answer_from_the_cache_is_the_one_that_was_computed(store_url, initialise, name):
    initialise(store_url)
    with EventLog(store_url, strict=True, deadline_ms=30_000) as events:
        declare(events._parts.store, "a", {"dimensions": ["plan"], "searchable": ["plan"]})
        events.goals.add("team", "a", {"plan": "team"}, measure="amount")
        for event_type in ("a", "b"):
            events.log(event_type, {"plan": "team", "amount": 2.5, "path": "/"}, user_id="ann")

        computed = events.report(name, **QUESTIONS[name])
        cached = events.report(name, **QUESTIONS[name])

    assert len(computed.rows) > 0
    assert (computed.cached_seconds, computed.rows, computed.totals) == (None, cached.rows, cached.totals)
    assert json.loads(json.dumps(computed.to_dict()))["report"] == name
