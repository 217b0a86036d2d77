"""The report `suspicious` against plain Python: events at random, and a real access log."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime, timedelta

from hypothesis import given

from picoevent import NewEvent
from picoevent.importing import import_files
from picoevent.report.suspicious import SUSPICIOUS

from .desks import BEGIN, END, ask
from .random_events import events as random_events
from .random_events import many_times, store_only
from .real_log_lines import read_lines

HOUR = timedelta(hours=1)


def points(own, window):
    """Return the points of somebody's events, as (time, event type, payload)."""
    times = sorted(time for time, _, _ in own)
    half = len(own) // 2 + 1
    failed = [data for _, _, data in own if str(data.get("status")) == "denied" or str(data.get("status"))[0] in "45"]
    return (
        sum(len(own) > most for most in (100, 200, 500))
        + 2 * any(len({data[key] for _, _, data in own if data.get(key)}) > 10 for key in ("path", "collection"))
        + (len({event_type for _, event_type, _ in own}) > 3)
        + 2 * (len(failed) * 2 > len(own))
        + any(times[place + half - 1] - times[place] < window / 10 for place in range(len(own) - half + 1))
    )


@many_times
@given(drawn=random_events((1, 60)))
def test_users_have_the_points_of_their_events(ready_url, events, drawn):
    store_only(events, drawn)
    by_user = defaultdict(list)
    for event in drawn:
        by_user[event.user_id].append((event.at, event.event_type, event.data))
    by_user.pop(None, None)

    answer = ask(ready_url, SUSPICIOUS, by="user", min_events=4, objects="plan", window="14d")

    expected = {user: (len(own), points(own, END - BEGIN)) for user, own in by_user.items() if len(own) > 4}
    assert {row.who: (row.events, row.score) for row in answer.rows} == expected
    assert answer.totals["suspects"] == len(expected)


def test_only_more_than_a_hundred_events_of_the_range_are_looked_at(ready_url, events):
    for ip, count in (("10.0.0.1", 100), ("10.0.0.2", 101)):
        events.log_many(NewEvent("login", {"ip": ip, "result": "Denied"}, at=BEGIN) for _ in range(count))
    events.log_many(NewEvent("login", {"ip": "10.0.0.1"}, at=BEGIN + HOUR) for _ in range(100))
    events.log("login", at=BEGIN)

    (row,) = ask(ready_url, SUSPICIOUS, until=BEGIN + HOUR).rows

    assert (row.who, row.events, row.score, row.level) == ("10.0.0.2", 101, 4, "high")
    assert row.reasons == (
        "101 events, more than 100",
        "101 of 101 events are failures (100 %)",
        "51 of 101 events within a second",
    )
    assert (row.first_seen, row.last_seen, row.failures) == (BEGIN, BEGIN, 101)


def test_nested_keys_and_other_failures_can_be_named(ready_url, events):
    for number in range(12):
        events.log("read", {"net": {"ip": "10.0.0.1"}, "doc": [number], "http": {"code": 999}}, at=BEGIN)

    answer = ask(
        ready_url,
        SUSPICIOUS,
        settings={"failure_values": "9xx"},
        by="net.ip",
        objects="doc",
        failures="http.code",
        min_events="10",
    )

    assert [(row.who, row.score, row.objects, row.failures) for row in answer.rows] == [
        ("10.0.0.1", 5, {"doc": 12}, 12)
    ]


def test_filters_look_into_payloads(ready_url, events):
    events.log_many(NewEvent("get", {"ip": "10.0.0.1", "n": number % 2}, at=BEGIN) for number in range(100))

    (row,) = ask(ready_url, SUSPICIOUS, filters={"n": ("1",)}, min_events=1).rows

    assert row.events == 50


def of_a_real_log(real_log, since, until):
    """Return the events of each address, as `points` takes them."""
    by_ip = defaultdict(list)
    for line in read_lines(real_log):
        if since <= line.at < until:
            by_ip[line.ip].append((line.at, "http.request", {"path": line.path, "status": line.status}))
    return by_ip


def test_the_addresses_of_a_real_log_have_the_points_of_its_lines(events, ready_url, real_log):
    import_files(events, [real_log])
    since, until = datetime(2015, 5, 17, tzinfo=UTC), datetime(2015, 5, 21, tzinfo=UTC)

    answer = ask(ready_url, SUSPICIOUS, since=since, until=until, limit=1000, window="4d")

    by_ip = of_a_real_log(real_log, since, until)
    expected = {ip: (len(own), points(own, until - since)) for ip, own in by_ip.items() if len(own) > 100}
    assert {row.who: (row.events, row.score) for row in answer.rows} == expected
    assert answer.rows[0].level == "high"


def test_the_addresses_of_a_real_log_have_the_points_of_their_worst_hour(events, ready_url, real_log):
    import_files(events, [real_log])
    since, until = datetime(2015, 5, 17, tzinfo=UTC), datetime(2015, 5, 21, tzinfo=UTC)

    answer = ask(ready_url, SUSPICIOUS, since=since, until=until, limit=1000, min_events=20)

    expected = {}
    for ip, own in of_a_real_log(real_log, since, until).items():
        hours = [[one for one in own if begin <= one[0] < begin + HOUR] for begin in half_hours(since, until)]
        judged = [(points(hour, HOUR), len(hour)) for hour in hours if len(hour) > 20]
        expected |= {ip: max(judged)} if judged else {}
    assert {row.who: (row.score, row.events) for row in answer.rows} == expected
    assert len(expected) > 10


def half_hours(since, until):
    """Return where the windows of an hour begin."""
    return [since + place * HOUR / 2 for place in range((until - since) // HOUR * 2 - 1)]


def test_who_is_busy_for_a_month_but_in_no_hour_is_not_suspicious(ready_url, events):
    events.log_many(NewEvent("get", {"ip": "10.0.0.1"}, at=BEGIN + place * HOUR) for place in range(300))
    events.log_many(
        NewEvent("get", {"ip": "10.0.0.2"}, at=BEGIN + 29 * HOUR + place * HOUR / 150) for place in range(101)
    )

    answer = ask(ready_url, SUSPICIOUS)

    assert [(row.who, row.events, row.reasons) for row in answer.rows] == [
        ("10.0.0.2", 101, ("101 events, more than 100",))
    ]
    assert answer.totals["window_seconds"] == 3600


def test_what_happens_within_half_a_window_is_never_split_between_two(ready_url, events):
    begin = BEGIN + HOUR - timedelta(minutes=10)
    events.log_many(NewEvent("get", {"ip": "10.0.0.1"}, at=begin + place * HOUR / 300) for place in range(101))

    assert [row.events for row in ask(ready_url, SUSPICIOUS, until=BEGIN + 3 * HOUR).rows] == [101]
