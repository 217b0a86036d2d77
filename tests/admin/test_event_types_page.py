"""The event types page: by name, fifty on a page, each with its newest event."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from picoevent import NewEvent

NOON = datetime(2026, 11, 3, 12, tzinfo=UTC)


def names(browser) -> list[str]:
    return re.findall(r'<td class="type"><a[^>]*><span[^>]*></span><bdi>([^<]*)</bdi>', browser.last.text)


def test_each_type_shows_its_newest_event_and_leads_to_its_events(browser, events):
    events.log("order.paid", at=NOON.replace(year=2025))
    events.log("order.paid", at=NOON)

    page = browser.get("/event-types/").text

    assert 'datetime="2026-11-03T12:00:00.000Z"' in page
    assert 'href="/events/?type=order.paid"' in page
    assert "active" in page


def test_pages_walk_all_types_once_in_order(browser, events):
    made = sorted(f"type.{number}" for number in range(120))
    events.log_many([NewEvent(name) for name in made])

    browser.get("/event-types/")
    seen = names(browser)
    assert len(seen) == 50
    while "Next" in browser.last.text:
        browser.get(browser.link("Next"))
        seen += names(browser)

    assert seen == made
    assert browser.link("First") == "/event-types/"


def test_only_the_types_on_the_page_are_asked_for_their_newest_event(browser, events, statements):
    events.log_many([NewEvent(f"type.{number}") for number in range(120)])
    statements.clear()

    browser.get("/event-types/")

    assert sum("FROM event_log" in statement for statement in statements) == 50
    assert not any(re.search("COUNT|DISTINCT|OFFSET", statement) for statement in statements)


def test_names_can_be_searched(browser, events):
    events.log_many([NewEvent(name) for name in ("order.paid", "Order.Refunded", "page.view")])

    browser.get("/event-types/?containing=ORDER")

    assert names(browser) == ["Order.Refunded", "order.paid"]


def test_a_search_without_a_match_says_so(browser, events):
    events.log("order.paid")

    assert "No name contains <strong><bdi>&lt;b&gt;</bdi>" in browser.get("/event-types/?containing=<b>").text


def test_without_any_type_it_says_where_they_come_from(browser):
    assert "An event type comes into being with its first event." in browser.get("/event-types/").text
