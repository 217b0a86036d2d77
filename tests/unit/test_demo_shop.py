"""Promises of the demo shop's events: their number, rhythm, people and incidents. Stores nothing."""

from __future__ import annotations

import ipaddress
from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise
from zoneinfo import ZoneInfo

import pytest

from picoevent.demo.incidents import Incidents, incidents_between
from picoevent.demo.moments import Window, to_datetime, to_ms
from picoevent.demo.people import ATTACKER_IP
from picoevent.demo.shop import EVENTS_PER_DAY, shop_events, story, trickle
from picoevent.event import NewEvent

END = datetime(2026, 11, 22, 3, 0, 0, 123_456, tzinfo=UTC)
START = END - timedelta(days=28)
ADDRESSES = ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "10.0.0.0/8", "192.168.0.0/16")
FUNNEL = ("page.view", "product.viewed", "cart.added", "checkout.started", "order.paid", "order.refunded")


@pytest.fixture(scope="module")
def events() -> list[NewEvent]:
    return list(shop_events(START, END))


@pytest.fixture(scope="module")
def types(events) -> Counter[str]:
    return Counter(event.event_type for event in events)


@pytest.fixture(scope="module")
def incidents() -> Incidents:
    return incidents_between(START, END)


def during(window: Window, events: list[NewEvent]) -> list[NewEvent]:
    begin, end = to_datetime(window.begin_ms), to_datetime(window.end_ms)
    return [event for event in events if begin <= event.at < end]


def failed_sign_ins(events: list[NewEvent]) -> Counter[str]:
    return Counter(event.data["ip"] for event in events if event.event_type == "sign_in.failed")


def test_four_weeks_have_200_000_events_of_17_types_from_two_sources(events, types):
    assert len(events) >= 200_000
    assert len(types) == 17
    assert {event.source for event in events} == {"shop", "shop-api"}


@pytest.mark.parametrize("seed", [2, 3])
def test_the_average_day_has_as_many_events_as_asked_for(seed):
    start = END - timedelta(days=3)
    per_day = sum(1 for _ in shop_events(start, END, seed, 12_000)) / 3

    # A short window has its attack, and no weekly average: hence the room.
    assert 0.75 * 12_000 < per_day < 1.4 * 12_000


def test_the_whole_window_comes_close_to_the_default_number(events):
    assert len(events) == pytest.approx(28 * EVENTS_PER_DAY, rel=0.07)


def test_equal_seeds_give_equal_events_and_other_seeds_give_others(events):
    again = list(islice(shop_events(START, END), 5_000))
    other = list(islice(shop_events(START, END, seed=2), 5_000))

    assert again == events[:5_000]
    assert other != again


def test_every_time_is_in_the_window_and_aware_and_of_whole_milliseconds(events):
    assert all(START <= event.at < END for event in events)
    assert {event.at.tzinfo for event in events} == {UTC}
    assert all(event.at.microsecond % 1_000 == 0 for event in events)


def test_events_come_in_the_order_of_their_times(events):
    assert all(one.at <= next_one.at for one, next_one in pairwise(events))


def test_a_window_without_length_is_empty():
    assert list(shop_events(END, END)) == []
    assert list(shop_events(END, START)) == []


def test_naive_times_are_refused():
    with pytest.raises(TypeError):
        next(shop_events(datetime(2026, 1, 1), datetime(2026, 1, 2)))  # noqa: DTZ001 - the point of the test


def test_nights_are_quieter_than_evenings_in_the_shops_own_zone(events):
    zone = ZoneInfo("Europe/Berlin")
    hours = Counter(event.at.astimezone(zone).hour for event in events)

    assert hours[4] * 10 < hours[20]
    assert hours[15] < hours[12] < hours[20]


def test_a_sunday_is_busier_than_the_saturday_before_it(events):
    zone = ZoneInfo("Europe/Berlin")
    days = Counter(event.at.astimezone(zone).weekday() for event in events)

    assert days[5] < 0.85 * days[6]


def test_the_campaign_day_has_half_as_many_events_again_as_the_week_before(events, incidents):
    week_ms = to_ms(START + timedelta(days=7)) - to_ms(START)
    before = Window(incidents.campaign.begin_ms - week_ms, incidents.campaign.end_ms - week_ms)

    assert len(during(incidents.campaign, events)) > 1.5 * len(during(before, events))


def test_the_funnel_narrows(types):
    counts = [types[event_type] for event_type in FUNNEL]

    assert all(upper > 1.15 * lower > 0 for upper, lower in pairwise(counts))


def test_every_paid_order_was_a_checkout_of_the_same_session_before(events):
    started: set[object] = set()

    for event in events:
        if event.event_type == "checkout.started":
            started.add(event.data["session"])
        assert event.event_type != "order.paid" or event.data["session"] in started


def test_amounts_are_positive_and_have_two_decimals(events):
    amounts = [event.data[key] for event in events for key in ("amount", "price") if key in event.data]

    assert len(amounts) > 50_000
    assert all(amount > 0 and amount == round(amount, 2) for amount in amounts)


def test_thousands_of_users_return_and_a_few_return_often(events):
    users = Counter(event.user_id for event in events if isinstance(event.user_id, int))
    visits = sorted(users.values(), reverse=True)

    assert len(users) > 3_000
    assert sum(visits[: len(visits) // 10]) > 0.35 * sum(visits)
    assert visits[0] < 0.02 * sum(visits)


def test_some_visitors_are_anonymous_and_some_have_names(events):
    kinds = Counter(type(event.user_id) for event in events)

    assert 0.3 < kinds[type(None)] / len(events) < 0.7
    assert kinds[str] > 1_000


def test_addresses_are_of_documentation_and_private_ranges_only(events):
    networks = [ipaddress.ip_network(network) for network in ADDRESSES]
    addresses = {ipaddress.ip_address(event.data["ip"]) for event in events if "ip" in event.data}

    assert all(any(address in network for network in networks) for address in addresses)


def test_the_attackers_address_has_most_failed_sign_ins_by_far(events):
    (first, most), (_, second) = failed_sign_ins(events).most_common(2)

    assert first == ATTACKER_IP
    assert most > 1_000
    assert second < 50


def test_the_attack_is_in_one_night_of_the_last_week_and_nowhere_else(events, incidents):
    attack = [event for event in events if event.data.get("ip") == ATTACKER_IP]

    assert 2_000 <= len(attack) <= 2_500
    assert len(during(incidents.attack, attack)) == len(attack)
    assert attack[0].at > END - timedelta(days=7)


def test_only_errors_come_through_while_the_shop_is_down(events, incidents):
    outage = during(incidents.outage, events)
    minutes = (incidents.outage.end_ms - incidents.outage.begin_ms) / 60_000

    assert {event.event_type for event in outage} <= {"app.error", "payment.failed"}
    assert minutes == 40
    assert 0 < len(outage) < 0.3 * EVENTS_PER_DAY * minutes / 1_440


@pytest.mark.parametrize("day", range(7))
def test_the_outage_is_on_a_weekday_whatever_day_the_window_ends(day):
    end = END + timedelta(days=day)
    outage = incidents_between(end - timedelta(days=28), end).outage

    assert to_datetime(outage.begin_ms).weekday() < 5
    assert to_datetime(outage.begin_ms) > end - timedelta(days=7)


def test_the_story_names_the_times_and_the_attacker():
    campaign, outage, attack = story(START, END)

    assert campaign.startswith("Tuesday 10 November, 06:00 to 22:00 UTC: ")
    assert outage.startswith("Wednesday 18 November, 11:25 to 12:05 UTC: ")
    assert attack.startswith("Friday 20 November, 00:12 to 02:17 UTC: ")
    assert ATTACKER_IP in attack


def test_a_window_too_short_for_an_incident_does_without_it():
    start = END - timedelta(hours=6)

    assert story(start, END) == ()
    assert all(event.data.get("ip") != ATTACKER_IP for event in shop_events(start, END))


def test_the_trickle_brings_a_few_events_a_second_from_the_start():
    waits = [wait for wait, _ in islice(trickle(seed=1), 1_500)]

    assert all(wait >= 0 for wait in waits)
    assert 2 < len(waits) / sum(waits) < 4.5
    assert 1.5 < 100 / sum(waits[:100]) < 6


def test_the_trickle_has_no_times_of_its_own_and_is_of_the_same_kinds(types):
    live = [event for _, event in islice(trickle(seed=1), 20_000)]

    assert all(event.at is None for event in live)
    assert {event.event_type for event in live} <= types.keys()
    assert {"page.view", "order.paid", "account.created"} <= {event.event_type for event in live}


def test_trickles_of_two_seeds_share_no_new_customer():
    one, other = (
        {event.user_id for _, event in islice(trickle(seed), 20_000) if event.event_type == "account.created"}
        for seed in (1, 2)
    )

    assert one
    assert other
    assert not one & other
