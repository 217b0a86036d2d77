"""The events page: every event once and in order, by key and never by number, and what an empty page says."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest

from picoevent import EventLog, NewEvent
from picoevent_admin.bi import EXTENSION

NOON = datetime(2026, 11, 3, 12, tzinfo=UTC)
EXPENSIVE = re.compile(r"\b(COUNT|OFFSET|DISTINCT)\b", re.IGNORECASE)


def log_thousand(events: EventLog) -> list[int]:
    """Store 1,000 events of 4 types and 7 users, several in each second; return their ids by time, newest first."""
    rows = [
        NewEvent(
            f"type.{number % 4}", {"n": number}, user_id=number % 7, at=NOON + timedelta(milliseconds=137 * number)
        )
        for number in range(1000)
    ]
    return events.log_many(rows)[::-1]


def walk(browser, path: str, words: str) -> list[list[int]]:
    """Follow a link from page to page; return the ids of each."""
    pages = []
    while True:
        assert browser.get(path, follow_redirects=True).status_code == 200
        pages.append(browser.event_ids())
        if words not in browser.last.text:
            return pages
        path = browser.link(words)


def test_older_and_newer_walk_all_events_once_and_in_order_on_each_store(make_app, sign_in_to, store_url, statements):
    app = make_app(store_url)
    ids = log_thousand(app.extensions[EXTENSION].events)
    browser = sign_in_to(app)
    statements.clear()

    back = walk(browser, "/events/?limit=100", "Older")
    forth = walk(browser, browser.link("← Newer"), "← Newer")

    assert [event_id for page in back for event_id in page] == ids
    assert [len(page) for page in back] == [100] * 10
    assert forth == back[-2::-1]
    assert [statement for statement in statements if EXPENSIVE.search(statement)] == []


def test_turning_pages_keeps_the_filters(browser, events):
    ids = log_thousand(events)
    wanted = {events.get(event_id).event_id for event_id in ids if events.get(event_id).event_type == "type.2"}

    pages = walk(browser, "/events/?type=type.2&limit=25", "Older")

    assert [event_id for page in pages for event_id in page] == [event_id for event_id in ids if event_id in wanted]
    assert len(pages) == 10


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("type=type.1", 250),
        ("type=type.1,type.3", 250),
        ("user=3", 143),
        ("user=%223%22", 0),
        ("source=default&type=type.1&user=3", 36),
        ("since=2026-11-03T12:01:00&until=2026-11-03T12:02:00", 250),
        ("since=2026-11-03T12:02", 124),
    ],
)
def test_filters_show_what_matches_and_nothing_else(browser, events, query, expected):
    log_thousand(events)

    assert browser.get(f"/events/?limit=250&{query}").status_code == 200

    assert len(browser.event_ids()) == expected


def test_a_newer_page_that_would_be_short_is_the_newest_page(browser, events, path_of):
    ids = log_thousand(events)

    response = browser.get(f"/events/?cursor=o{ids[10]}&type=type.1,type.2,type.3,type.0")

    assert response.status_code == 302
    assert "cursor" not in response.headers["Location"]
    assert "type=" in response.headers["Location"]


def test_events_that_come_in_meanwhile_do_not_move_older_pages(browser, events):
    log_thousand(events)
    browser.get("/events/?limit=25")
    older = browser.link("Older")
    before = browser.get(older) and browser.event_ids()

    events.log("late.comer")

    browser.get(older)
    assert browser.event_ids() == before


def test_a_row_leads_to_its_event_its_type_and_its_user(browser, events):
    event_id = events.log("order.paid", {"amount": 19.9}, user_id="42", source="shop")

    browser.get("/events/?source=shop")

    assert f'href="/events/{event_id}"' in browser.last.text
    assert 'href="/events/?type=order.paid&amp;source=shop"' in browser.last.text
    assert "/events/?user=%2242%22&amp;source=shop" in browser.last.text
    assert "2026" in browser.last.text
    assert re.search(r'title="\d{4}-\d\d-\d\dT[\d:.]+Z \(.+\)"', browser.last.text)


def test_a_type_has_the_same_colour_on_each_page(browser, events):
    event_id = events.log("first.type")
    events.log("second.type")

    for path in ("/events/", "/event-types/"):
        colours = re.findall(r"dot series-(\d)\"[^>]*></span><bdi>(\w+\.type)", browser.get(path).text)
        assert dict(map(reversed, colours)) == {"first.type": "1", "second.type": "2"}
    assert "dot series-1" in browser.get(f"/events/{event_id}").text


@pytest.mark.parametrize(
    "query",
    [
        "user=99999999999999999999999",
        "since=nonsense",
        "limit=17",
        "limit=abc",
        "type=%22open",
        "cursor=rubbish",
        "cursor=n" + "9" * 30,
        "since=2026-11-04&until=2026-11-03",
    ],
)
def test_bad_input_is_answered_in_place_and_the_rest_is_kept(browser, events, query):
    events.log("order.paid")

    response = browser.get(f"/events/?source=kept+source&{query}")

    assert response.status_code == 400
    assert 'value="kept source"' in response.text
    assert 'role="alert"' in response.text or "First page" in response.text


@pytest.mark.parametrize("junk", ["%00", "%ff%fe", "%ed%a0%80", "' OR 1=1 --", "\\", "%", "_", "💥" * 50, "a" * 3000])
def test_no_junk_in_an_address_is_an_error_of_ours(browser, junk):
    for field in ("type", "user", "source", "since", "until", "limit", "cursor", "unknown"):
        assert browser.get(f"/events/?{field}={junk}").status_code in (200, 400), field


def test_without_any_event_it_says_how_to_log_one(browser):
    page = browser.get("/events/").text

    assert "No events yet" in page
    assert "from picoevent import EventLog" in page


def test_filters_that_match_nothing_can_be_cleared(browser, events):
    events.log("order.paid")

    page = browser.get("/events/?user=7").text

    assert "No events match" in page
    assert browser.link("Clear filters") == "/events/"


def test_an_event_type_that_does_not_exist_is_named(browser, events):
    events.log("order.paid")

    assert "There is no event type <strong><bdi>order.pid</bdi>" in browser.get("/events/?type=order.pid").text


def test_an_event_type_that_was_made_just_now_is_known(browser, events):
    events.log("order.paid")
    browser.get("/events/")
    events.log("order.refunded", at=NOON)

    page = browser.get("/events/?type=order.refunded&user=1").text

    assert "There is no event type" not in page


def test_an_empty_range_says_when_the_newest_was(browser, events):
    events.log("order.paid", at=NOON)

    browser.get("/events/?type=order.paid&since=2026-11-04")

    assert "The newest of these was on 2026-11-03 at 12:00:00" in browser.last.text
    assert browser.link("Show any time") == "/events/?type=order.paid"


def test_a_search_that_runs_out_of_time_says_how_far_it_got_and_goes_on(browser, events, monkeypatch):
    monkeypatch.setattr("picoevent.read.reader.SCAN_SECONDS", 0.0)
    events.log("rare", source="rare", at=NOON)
    events.log_many([NewEvent("often", at=NOON + timedelta(minutes=number)) for number in range(1, 200)])

    browser.get("/events/?source=rare&limit=25")
    pages = 1
    assert "Nothing found yet: looked back to" in browser.last.text
    while not browser.event_ids():
        browser.get(browser.link("Go on from there"))
        pages += 1

    assert pages > 2


def test_pages_offer_the_names_there_are_from_the_small_tables(browser, events, statements):
    events.log("order.paid", source="shop")
    statements.clear()

    page = browser.get("/events/").text

    assert '<option value="order.paid">' in page
    assert '<option value="shop">' in page
    assert [statement for statement in statements if EXPENSIVE.search(statement)] == []


def test_no_more_names_are_offered_than_a_page_can_carry(browser, events, monkeypatch):
    monkeypatch.setattr("picoevent_admin.names.OFFERED", 3)
    events.log_many([NewEvent(f"type.{number}") for number in range(5)])

    assert browser.get("/events/").text.count('<option value="type.') == 3


def test_the_foot_says_when_pages_come_from_a_replica(make_app, mysql_url, replica_url_of, catch_up, sign_in_to):
    make_app(mysql_url)
    replica_url = replica_url_of(mysql_url)
    catch_up()
    from picoevent import Settings
    from picoevent_admin import create_app

    settings = Settings(url=mysql_url, replica_url=replica_url, secret_key="s" * 40)
    app = create_app(settings)
    browser = sign_in_to(app)

    assert "Pages are read from the replica: data as of " in browser.get("/events/").text
    app.extensions[EXTENSION].close()


def test_the_foot_does_not_speak_of_a_replica_without_one(browser):
    assert "replica" not in browser.get("/events/").text
