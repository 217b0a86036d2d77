"""One event: all of it, as text, with doors to what is around it."""

from __future__ import annotations

import html
import json
import re
from datetime import UTC, datetime

import pytest

NOON = datetime(2026, 11, 3, 12, 0, 0, 123_000, tzinfo=UTC)


def shown_json(page: str) -> str:
    """Return the text of the payload, as a browser shows it."""
    code = re.search(r'<pre class="panel code json"[^>]*><code>(.*?)</code></pre>', page, re.DOTALL)[1]
    return html.unescape(re.sub("</?span[^>]*>", "", code))


def test_it_shows_every_field(browser, events):
    event_id = events.log("order.paid", {"amount": 19.9}, user_id=42, source="shop", at=NOON)

    page = browser.get(f"/events/{event_id}").text

    assert f'<code id="event-id">{event_id}</code>' in page
    assert "2026-11-03T12:00:00.123Z" in page
    assert "order.paid" in page
    assert "shop" in page
    assert ">42</a>" in page


@pytest.mark.parametrize(
    "data",
    [
        {"a": 1, "b": [True, None, -1.5e-7], "c": {"d": {}, "e": []}},
        {"": "", "ключ": "значение", "emoji": "💥"},
        {"</script>": "<script>alert(1)</script>", "javascript:alert(1)": "http://evil.example"},
        {'quote"d': "back\\slash\nnew line\ttab"},
        {"big": 2**63 - 1, "small": -(2**63)},
    ],
    ids=["kinds", "letters", "tags", "escapes", "numbers"],
)
def test_the_payload_is_json_that_means_the_same(browser, events, data):
    event_id = events.log("order.paid", data)

    page = browser.get(f"/events/{event_id}").text

    assert json.loads(shown_json(page)) == data
    assert "<script>alert" not in page
    assert "http://evil.example</a>" not in page


def test_characters_that_cant_be_seen_are_written_out(browser, events):
    event_id = events.log("a\u202eb", {"k\u202ey": "v\x7fw\u200b", "nul": "\x00"}, user_id="u\u2066x")

    page = browser.get(f"/events/{event_id}").text

    assert not re.search("[\x00\x7f\u202e\u2066\u200b]", page)
    assert json.loads(shown_json(page)) == {"k\u202ey": "v\x7fw\u200b", "nul": "\x00"}
    assert "a\\u202eb" in page


def test_a_huge_payload_is_cut_and_says_so(browser, events):
    event_id = events.log("order.paid", {"n": [0] * 300_000})

    response = browser.get(f"/events/{event_id}")

    assert len(response.data) < 3_000_000
    assert "This is its beginning." in response.text
    assert f"picoevent get {event_id}" in response.text


def test_a_payload_of_one_long_text_is_cut_too(browser, events):
    event_id = events.log("order.paid", {"text": "x" * 900_000})

    response = browser.get(f"/events/{event_id}")

    assert len(response.data) < 200_000
    assert "This is its beginning." in response.text


def test_an_event_without_data_says_so(browser, events):
    event_id = events.log("ping")

    assert "This event came without data." in browser.get(f"/events/{event_id}").text


def test_doors_lead_to_the_events_around_it(browser, events):
    event_id = events.log("order.paid", user_id="42", at=NOON)
    beside = events.log("order.paid", at=NOON.replace(minute=4))
    events.log("order.paid", at=NOON.replace(hour=14))
    page = f"/events/{event_id}"

    browser.get(page)
    browser.get(browser.link("Events of this type around this time"))
    assert browser.event_ids() == [beside, event_id]

    browser.get(page)
    browser.get(browser.link("Events of this user"))
    assert browser.event_ids() == [event_id]


def test_an_id_that_no_event_has_is_not_found(browser):
    for wrong in ("1", "0", "-1", "abc", "1.5", str(2**63), "9" * 5000, "%00", "1%20", "٣", "1;DROP", "%ff", "..%2f"):
        response = browser.get(f"/events/{wrong}")

        assert response.status_code == 404, wrong
        assert "There is no such" in response.text, wrong


def test_nothing_can_be_sent_to_an_event(browser, events):
    event_id = events.log("order.paid")
    browser.get("/events/")
    token = re.search('csrf_token" value="([^"]+)"', browser.last.text)[1]

    for method in ("POST", "PUT", "PATCH", "DELETE"):
        for path in (f"/events/{event_id}", "/events/", "/event-types/"):
            response = browser.client.open(path, method=method, headers={"X-CSRFToken": token})
            assert response.status_code == 405
    assert events.get(event_id).event_type == "order.paid"
