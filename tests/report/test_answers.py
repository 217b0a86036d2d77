"""What every answer is: ready for JSON, honest about where it comes from, and the same from Python and the shell."""

from __future__ import annotations

import json
from contextlib import closing
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from picoevent import EventLog, InvalidQuery, NewEvent
from picoevent.fold.upkeep import fill_some
from picoevent.report.catalogue import REPORTS

from .world import NEEDED, World


@pytest.fixture
def world(store_url):
    """A world in which something has happened."""
    with closing(World(store_url, "UTC", begin=datetime(2026, 11, 20, 12, tzinfo=UTC))) as world:
        world.log((-60_000, "page.view", "shop", "ann", 1), (-86_400_000, "order.paid", "blog", 7, 2))
        yield world


@pytest.mark.parametrize("report", [report.name for report in REPORTS])
def test_each_answer_is_ready_for_json(world, report):
    try:
        answer = world.ask(report, **NEEDED.get(report, {}))
    except InvalidQuery as error:
        pytest.fail(str(error))

    document = json.loads(json.dumps(answer.to_dict()))
    assert document["report"] == report
    assert document["since"].endswith("Z")
    assert document["origin"]


@pytest.mark.parametrize("report", ["series", "uniques", "top_types", "compare", "heatmap", "realtime", "types_seen"])
def test_an_empty_database_is_answered_with_zeros(store_url, report):
    with closing(World(store_url)) as world:
        answer = world.ask(report)

    assert answer.exact
    assert not any(getattr(row, "events", 0) or getattr(row, "value", 0) for row in answer.rows)


def test_a_series_is_filled_with_zeros(world):
    answer = world.ask("series", since="2026-11-18", until="2026-11-21", interval="day")

    assert [row.value for row in answer.rows] == [0, 1, 1]
    assert [row.complete for row in answer.rows] == [True, True, False]


def test_figures_of_the_period_before_stand_beside_those_of_this_one(world):
    answer = world.ask("series", since="2026-11-20", until="2026-11-21", interval="day", compare=True)

    assert [(row.value, row.previous) for row in answer.rows] == [(1, 1)]
    previous = {"previous_since": answer.since - timedelta(days=1), "previous_until": answer.since}
    assert answer.totals == {"total": 1, "previous": 1, **previous}


def test_growth_from_nothing_is_new_and_has_no_percentage(world):
    rows = world.ask("compare", since="2026-11-20", until="2026-11-21").rows

    assert [(row.event_type, row.state, row.trend) for row in rows] == [
        ("order.paid", "gone", -1.0),
        ("page.view", "new", None),
    ]


def test_types_are_new_silent_or_never_seen(world):
    rows = world.ask("types_seen", since="2026-11-20").rows

    assert {row.event_type: (row.state, row.declared) for row in rows} == {
        "page.view": ("new", True),
        "order.paid": ("silent", True),
    }


def test_realtime_tells_5_minutes_from_30(world):
    world.log((-20 * 60_000, "page.view", "shop", "bob", 1))

    rows = world.ask("realtime").rows

    assert (rows[0].events_5, rows[0].users_5, rows[0].events_30, rows[0].users_30) == (1, 1, 2, 2)
    assert [(row.kind, row.name, row.events_5, row.events_30) for row in rows[1:]] == [
        ("type", "page.view", 1, 2),
        ("value", "plan 1", 1, 2),
    ]
    assert [row.name for row in world.ask("realtime", of="path").rows if row.kind == "value"] == ["/1"]


@pytest.mark.parametrize(
    ("report", "given", "message"),
    [
        ("top_values", {"of": "pan"}, "No event type declares 'pan'. Did you mean plan"),
        ("top_values", {}, "The dimension to count is missing."),
        ("top_values", {"of": "plan", "types": "signup"}, "Nothing has the event type 'signup'."),
        ("breakdown", {"by": "plan,amount"}, "No event type declares the pair plan,amount."),
        ("breakdown", {"by": "path", "distinct": "plan"}, "'plan' is not counted distinct."),
        ("breakdown", {"by": "a,b,c"}, "Break down by one dimension, or by two."),
        ("uniques", {"of": "plan"}, "'plan' is not counted distinct."),
        ("series", {"measure": "sum", "of": "plan"}, "No event type declares the measure 'plan'."),
        ("series", {"measure": "sum"}, "What sum is of is missing."),
        ("series", {"measure": "median"}, "There is no measure 'median'."),
        ("series", {"of": "amount"}, "The measure events is of nothing"),
        ("series", {"measure": "per_user", "of": "amount"}, "The measure per_user is of nothing"),
        ("series", {"split": "source"}, "There is no split 'source'."),
        ("series", {"filters": {"plan": "x", "path": "y", "z": "1"}}, "More than two filters at once are not counted."),
    ],
)
def test_what_is_not_declared_is_refused_with_what_to_declare(world, report, given, message):
    with pytest.raises(InvalidQuery) as error:
        world.ask(report, **given)

    assert str(error.value).startswith(message)
    assert error.value.hint


def test_a_name_that_nothing_has_counts_nothing_and_is_noted(world):
    answer = world.ask("series", types=["page.vew"])

    assert answer.totals["total"] == 0
    assert answer.notes == ("Nothing has the event type 'page.vew'. Did you mean 'page.view'?",)


def test_a_value_that_was_never_logged_counts_nothing(world):
    answer = world.ask("series", filters={"plan": "no such"}, types="page.view")

    assert answer.totals["total"] == 0


def test_what_was_declared_later_says_from_when_on_it_is_counted(world):
    world.log((-1000, "signup", "shop", "ann", 1))
    world.declare("signup", dimensions=["plan"])
    world.log((0, "signup", "shop", "ann", 4), seconds=10, keep_up=False)

    answer = world.ask("top_values", of="plan", types="signup")

    assert not answer.exact
    assert [(row.value, row.events) for row in answer.rows] == [("plan 1", 1)]
    assert answer.notes[-1].startswith("plan is counted from 2026-11-20 12:00 on")


def test_what_was_declared_later_is_exact_once_it_is_filled_in(world):
    world.log((-1000, "signup", "shop", "ann", 1))
    world.declare("signup", dimensions=["plan"])
    world.log((0, "signup", "shop", "ann", 4), seconds=10)

    answer = world.ask("top_values", of="plan", types="signup")

    assert answer.exact
    assert [(row.value, row.events) for row in answer.rows] == [("plan 1", 2)]


def test_an_event_log_counts_what_waits_before_it_answers(ready_url):
    with EventLog(ready_url, strict=True, deadline_ms=30_000) as events:
        events.log("signup", user_id=1)

        answer = events.report("series", since="1h", interval="minute")

    assert answer.totals["total"] == 1
    assert abs(answer.as_of - datetime.now(UTC)) < timedelta(minutes=5)


def test_its_reports_are_those_of_the_catalogue(sqlite_url):
    with EventLog(sqlite_url) as events:
        assert events.reports() == REPORTS


def test_distinct_values_of_types_that_do_not_count_them_are_told_to_be_missing(world):
    world.declare("signup", dimensions=["path"])
    world.log((-60_000, "signup", "shop", "ann", 3))

    answer = world.ask("uniques", of="path")

    assert answer.totals["uniques"] == 2
    assert not answer.exact
    assert answer.notes == ("Some event types do not count path distinct: theirs is not in this answer.",)
    with pytest.raises(InvalidQuery):
        world.ask("uniques", of="path", types=["signup", "page.view"])


def test_distinct_values_wanted_later_are_not_called_exact_before_they_are_filled_in(world):
    world.declare("page.view", distinct=["plan"])

    before = world.ask("uniques", of="plan")
    while world.folder._take(fill_some):
        pass
    after = world.ask("uniques", of="plan")

    assert (before.totals["uniques"], before.exact) == (0, False)
    assert any(note.startswith("plan is counted distinct from") for note in before.notes)
    assert (after.totals["uniques"], after.exact) == (1, False)
    assert world.ask("uniques", of="plan", types=["page.view"]).exact


@pytest.mark.parametrize(("figure", "value"), [("p50", 3), ("p95", 5)])
def test_quantiles_are_off_by_a_hundredth_at_most_and_called_estimates(world, figure, value):
    world.log(*((-60_000 - n, "order.paid", "shop", 7, number) for n, number in enumerate((1, 3, 3, 4, 5, 5))))

    answer = world.ask("series", measure=figure, of="amount", types=["order.paid"])

    assert float(answer.totals["total"]) == pytest.approx(value, rel=0.0101)
    assert not answer.exact
    assert answer.notes == ("Quantiles are estimates, off by 1 % at most.",)


def test_an_average_of_huge_numbers_is_exact_to_a_millionth(world):
    huge = 10**60
    world.events.log_many([NewEvent("order.paid", {"amount": str(n)}, at=world.now) for n in (huge, huge + 1)])
    world.folder.fold_all()

    answer = world.ask("series", measure="avg", of="amount", types=["order.paid"], since="1h")

    assert answer.totals["total"] == Decimal(f"{huge}.5")


def test_an_event_type_that_came_meanwhile_is_shown_by_its_number(world, monkeypatch):
    monkeypatch.setattr("picoevent.read.names.Dictionary.all", lambda *_: {})
    begin = world.now - timedelta(seconds=60, milliseconds=7)

    assert [row.event_type for row in world.ask("compare", since=begin).rows] == ["#2"]
