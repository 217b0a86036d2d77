"""Reports say what plain Python counts, in every zone, for any range, however late events come."""

from __future__ import annotations

from collections import Counter, defaultdict
from contextlib import closing
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from .world import DAY_MS, DECLARING, ODD_DAYS, STEPS, World, interval_key, users_of

RANGES = st.tuples(
    st.one_of(st.integers(1, 100 * DAY_MS), st.integers(1, 3 * DAY_MS), st.integers(1, 7200_000)),
    st.one_of(st.just(0), st.integers(-50 * DAY_MS, DAY_MS)),
)
"""How many milliseconds a range is long, and how many before now it ends."""
INTERVALS = st.sampled_from(("minute", "quarter", "hour", "day", "week", "month"))
ZONES = st.sampled_from((*ODD_DAYS, None))


def given_worlds(function):
    checks = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
    return given(STEPS, RANGES, INTERVALS, ZONES)(
        settings(max_examples=8, deadline=None, phases=[Phase.generate], suppress_health_check=checks)(function)
    )


def build(url, zone, steps):
    world = World(url, zone)
    for seconds, events in steps:
        world.log(*events, seconds=seconds)
    return world


@pytest.mark.parametrize("zone", ODD_DAYS)
@given_worlds
def test_reports_equal_plain_python(tmp_path_factory, zone, steps, span, interval, asked_zone):
    with closing(build(f"sqlite:///{tmp_path_factory.mktemp('world') / 'w.db'}", zone, steps)) as world:
        check_all(world, span, interval, asked_zone)


def check_all(world, span, interval, asked_zone):
    length, offset = span
    until = world.now + timedelta(milliseconds=offset)
    arguments = {"since": until - timedelta(milliseconds=length), "until": until, "zone": asked_zone}
    if length / 60_000 > 9000 and interval == "minute":
        interval = "hour"

    check_series(world, arguments, interval)
    check_users(world, arguments, interval)
    check_top_types(world, arguments)
    check_heatmap(world, arguments)
    check_compare(world, arguments)
    check_values(world, arguments)
    check_breakdown(world, arguments)
    check_filtered_breakdown(world, arguments)
    check_filters(world, arguments, interval)
    check_measures(world, arguments, interval)


def test_so_they_do_on_mysql(mysql_url):
    world = World(mysql_url, "Asia/Kathmandu")
    for number in range(60):
        late = -number * 31 * 3600_000
        world.log(
            (late, "page.view", "shop", number % 7, number),
            (late // 2 - 1, "order.paid", "blog", "ann", 1),
            (-1, "signup", "shop", 2**31 + number, 0),
            seconds=5000,
        )

    for since, interval in (("3h", "minute"), ("2d", "hour"), ("90d", "day"), ("90d", "week"), ("100d", "month")):
        for zone in (None, "Europe/Berlin"):
            arguments = {"since": since, "zone": zone}
            check_series(world, arguments, interval)
            check_users(world, arguments, interval)
            check_top_types(world, arguments)
            check_heatmap(world, arguments)
            check_values(world, arguments)
            check_breakdown(world, arguments)
            check_filtered_breakdown(world, arguments)
            check_filters(world, arguments, interval)
            check_measures(world, arguments, interval)
    world.close()


def check_series(world, arguments, interval):
    """Compare the counts of each interval, in all and by type, of all sources and of one."""
    for sources in (None, ["shop"]):
        answer = world.ask("series", **arguments, interval=interval, sources=sources)
        expected = by_interval(world, answer, interval, sources)
        counts = {key: len(events) for key, events in expected.items()}
        assert filled(answer, interval) == counts
        assert answer.totals["total"] == sum(counts.values())
    split = world.ask("series", **arguments, interval=interval, split="type", types=["page.view", "signup"])
    for name, figure in split.totals.get("types", {}).items():
        assert figure == len(world.within(split, types=[name]))
        assert figure == sum(row.value for row in split.rows if row.event_type == name)


def check_users(world, arguments, interval):
    """Compare the users of each interval, of all types and of two of them."""
    for types in (None, ["page.view", "signup"]):
        answer = world.ask("uniques", **arguments, interval=interval, types=types)
        expected = by_interval(world, answer, interval, None, types)
        counts = {key: users_of(events) for key, events in expected.items() if users_of(events)}
        assert filled(answer, interval, "uniques") == counts
        total = users_of(world.within(answer, types=types))
        assert answer.totals["uniques"] == total == sum(row.first_seen for row in answer.rows)
        assert world.ask("uniques", **arguments, types=types).rows[0].uniques >= total or answer.notes


def check_top_types(world, arguments):
    """Compare events and users of each type."""
    answer = world.ask("top_types", **arguments, sources=["blog"])
    events = defaultdict(list)
    for event in world.within(answer, sources=["blog"]):
        events[event.event_type].append(event)
    assert {row.event_type: (row.events, row.users) for row in answer.rows} == {
        name: (len(found), users_of(found)) for name, found in events.items()
    }


def check_heatmap(world, arguments):
    """Compare the events of each hour of each weekday."""
    answer = world.ask("heatmap", **arguments)
    zone = ZoneInfo(answer.zone)
    local = [event.time.astimezone(zone) for event in world.within(answer)]
    expected = Counter((moment.isoweekday(), moment.hour) for moment in local)
    assert {(row.day, row.hour): row.events for row in answer.rows if row.events} == expected
    assert len(answer.rows) == 7 * 24
    covered = max(min(answer.until, world.now) - answer.since, timedelta(0))
    assert sum(row.hours for row in answer.rows) == pytest.approx(covered / timedelta(hours=1), abs=0.1)


def check_compare(world, arguments):
    """Compare both periods; the one before ends where this one begins, or before."""
    answer = world.ask("compare", **arguments)
    assert answer.totals["events"] == len(world.within(answer))
    assert answer.totals["previous_until"] <= answer.since
    assert answer.totals["events"] == sum(row.events for row in answer.rows)
    assert answer.totals["previous_events"] == sum(row.previous for row in answer.rows)


def check_values(world, arguments):
    """Compare events, users, and first and last time of each value; also by type, and with a least number."""
    answer = world.ask("top_values", **arguments, of="plan", split="type")
    groups = by_value(world.within(answer, types=DECLARING), "plan")
    assert {row.value: (row.events, row.users, row.first_seen, row.last_seen, row.by_type) for row in answer.rows} == {
        value: (
            len(found),
            users_of(found),
            min(event.time for event in found),
            max(event.time for event in found),
            Counter(event.event_type for event in found),
        )
        for value, found in groups.items()
    }
    few = world.ask("top_values", **arguments, of="path", types=["page.view"], min_count=2, limit=2)
    expected = {value: len(found) for value, found in by_value(world.within(few, types=["page.view"]), "path").items()}
    assert sum(row.events for row in few.rows) == sum(expected.values()) == few.totals["events"]
    kept = [row for row in few.rows if row.value != "(other)"]
    assert len(kept) == min(2, sum(events >= 2 for events in expected.values()))
    assert all(expected[row.value] == row.events >= 2 for row in kept)


def check_breakdown(world, arguments):
    """Compare pairs of values, either way round, and how many different paths each plan has."""
    answer = world.ask("breakdown", **arguments, by="path,plan", limit=1000)
    pairs = Counter((shown(event, "path"), shown(event, "plan")) for event in world.within(answer, types=DECLARING))
    assert {(row.value, row.second_value): row.events for row in answer.rows} == pairs
    answer = world.ask("breakdown", **arguments, by="plan", distinct="path", sources=["shop"])
    groups = by_value(world.within(answer, types=DECLARING, sources=["shop"]), "plan")
    assert {row.value: (row.events, row.users, row.distinct) for row in answer.rows} == {
        value: (len(found), users_of(found), len({event.data["path"] for event in found if event.data}))
        for value, found in groups.items()
    }


def check_filtered_breakdown(world, arguments):
    """Compare the paths of two plans, and the plans of one path."""
    for by, other, values in (("path", "plan", ["plan 1", "(none)"]), ("plan", "path", ["/1"])):
        answer = world.ask("breakdown", **arguments, by=by, filters={other: values}, limit=1000)
        kept = [event for event in world.within(answer, types=DECLARING) if shown(event, other) in values]
        assert {row.value: (row.events, row.users) for row in answer.rows} == {
            value: (len(found), users_of(found)) for value, found in by_value(kept, by).items()
        }


def check_filters(world, arguments, interval):
    """Compare events and users of one value, and of a pair of values, by interval."""
    for filters in ({"plan": ["plan 1", "(none)"]}, {"path": "/1", "plan": "plan 1"}):
        arguments = {**arguments, "types": DECLARING, "filters": filters}
        events = world.ask("series", **arguments, interval=interval)
        users = world.ask("uniques", **arguments, interval=interval)
        groups = by_interval(world, events, interval, types=DECLARING)
        kept = {key: [event for event in found if passes(event, filters)] for key, found in groups.items()}
        assert filled(events, interval) == {key: len(found) for key, found in kept.items() if found}
        assert filled(users, interval, "uniques") == {key: n for key, found in kept.items() if (n := users_of(found))}


def check_measures(world, arguments, interval):
    """Compare sums and ends of a measure by interval, and its average in all."""
    answer = world.ask("series", **arguments, interval=interval, measure="sum", of="amount")
    groups = by_interval(world, answer, interval, types=DECLARING)
    amounts = {key: [event.data["amount"] for event in found if event.data] for key, found in groups.items()}
    assert filled(answer, interval) == {key: sum(found) for key, found in amounts.items() if sum(found)}
    answer = world.ask("series", **arguments, interval=interval, measure="max", of="amount")
    assert filled(answer, interval) == {key: max(found) for key, found in amounts.items() if found and max(found)}
    everything = [amount for found in amounts.values() for amount in found]
    answer = world.ask("series", **arguments, interval=interval, measure="avg", of="amount")
    if everything:
        assert float(answer.totals["total"]) == pytest.approx(sum(everything) / len(everything), abs=1e-6)
    else:
        assert answer.totals["total"] is None


def by_value(events, path):
    """Return events by the value of a dimension."""
    groups = defaultdict(list)
    for event in events:
        groups[shown(event, path)].append(event)
    return groups


def shown(event, path):
    """Return the value of a dimension as reports show it."""
    return event.data.get(path, "(none)")


def passes(event, filters):
    """Say whether filters let an event through."""
    return all(
        shown(event, path) in ([values] if isinstance(values, str) else values) for path, values in filters.items()
    )


def by_interval(world, answer, interval, sources=None, types=None):
    """Return the events within an answer by interval; the interval is the one that the answer really shows."""
    zone = ZoneInfo(answer.zone)
    shown = shown_interval(answer, interval)
    groups = defaultdict(list)
    for event in world.within(answer, sources=sources, types=types):
        groups[interval_key(event.time.astimezone(zone), shown)].append(event)
    return groups


def shown_interval(answer, interval):
    """Return the interval that the notes name, where it is another one than was asked for."""
    shown = [note.split()[2].rstrip(":") for note in answer.notes if note.startswith("Shown by")]
    return shown[-1] if shown else interval


def filled(answer, interval, field="value"):
    """Return the figures of an answer that are not zero, by interval; each interval must be there once."""
    shown = shown_interval(answer, interval)
    keys = [interval_key(row.start, shown) for row in answer.rows]
    assert len(set(keys)) == len(keys)
    figures = [getattr(row, field) for row in answer.rows]
    return {key: figure for key, figure in zip(keys, figures, strict=True) if figure}
