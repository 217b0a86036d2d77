"""`picoevent report`: the list of reports, and each report as a table, as JSON and as CSV."""

from __future__ import annotations

import csv
import io
import json
import shlex

import pytest

from picoevent import EventLog
from picoevent.report.catalogue import REPORTS


@pytest.fixture
def logged(ready_url):
    """Three events of today; PICOEVENT_URL names their database."""
    with EventLog(ready_url, strict=True, deadline_ms=30_000) as events:
        events.log("page.view", user_id=1)
        events.log("page.view", user_id="ann")
        events.log("=HYPERLINK(1)\x1b", user_id=1)


def test_without_a_name_all_reports_are_listed(run, ready_url):
    listed = run("report")

    assert listed.exit_code == 0
    assert [line.split()[0] for line in listed.stdout.splitlines()[1:-2]] == [report.name for report in REPORTS]


def test_a_table_ends_with_what_the_answer_is_worth(run, logged):
    lines = run("report", "top_types", "--since", "1h").stdout.splitlines()

    assert lines[0].split() == ["EVENT", "TYPE", "EVENTS", "USERS", "SHARE"]
    assert lines[1].split() == ["page.view", "2", "2", "66.7", "%"]
    assert lines[2].startswith(r"=HYPERLINK(1)\x1b")
    assert lines[-3] == "In all: events 3, event types 2"
    assert "UTC. From " in lines[-1]
    assert lines[-1].endswith("exact.")


def test_json_is_the_whole_answer(run, logged):
    answer = json.loads(run("report", "series", "--since", "1h", "--interval", "minute", "--format", "json").stdout)

    assert answer["totals"] == {"total": 3}
    assert sum(row["value"] for row in answer["rows"]) == 3


def test_parts_are_fractions_but_in_tables(run, logged):
    asked = ("report", "top_types", "--since", "1h", "--compare")
    rows = json.loads(run(*asked, "--format", "json").stdout)["rows"]

    assert [row["share"] for row in rows] == [0.666667, 0.333333]
    assert "33.3 %" in run(*asked).stdout
    assert ",0.666667," in run(*asked, "--format", "csv").stdout


def test_help_names_the_intervals_that_a_report_is_made_by(run):
    assert "day, week or month." in run("report", "retention", "--help").stdout
    assert "quarter" not in run("report", "retention", "--help").stdout
    assert "minute, quarter, hour, day, week or month." in run("report", "sessions", "--help").stdout


def test_csv_is_safe_to_open_in_a_spreadsheet(run, logged):
    rows = list(csv.DictReader(io.StringIO(run("report", "top_types", "--format", "csv").stdout)))

    assert [row["event_type"] for row in rows] == ["page.view", "'=HYPERLINK(1)\x1b"]


@pytest.mark.parametrize("report", REPORTS, ids=lambda report: report.name)
def test_each_report_has_help_of_what_it_takes(run, report):
    shown = run("report", report.name, "--help")

    assert shown.exit_code == 0
    for name in report.options:
        assert f"--{name.replace('_', '-')}" in shown.stdout


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("serie", "There is no report 'serie'. Did you mean series?"),
        ("series --since soon", "'soon' is not a time for since."),
        ("series --interval days", "There is no interval 'days'. Did you mean day?"),
        ("series --where plan", "'plan' is not a filter. Write PATH=VALUE"),
        ("top_values --of plan", "No event type declares 'plan'."),
    ],
)
def test_what_can_not_be_answered_is_said_in_one_line(run, ready_url, line, message):
    failed = run("report", *line.split())

    assert failed.exit_code != 0
    assert message in failed.stderr
    assert len(failed.stderr.splitlines()) <= 2


def test_an_empty_answer_says_so(run, ready_url):
    assert run("report", "top_types").stdout.startswith("No rows: nothing was counted in this range.")


def test_users_are_shown_as_they_were_logged_and_not_as_figures(run, ready_url):
    with EventLog(ready_url, strict=True, deadline_ms=30_000) as events:
        events.log("order.paid", {"order_id": 10_021}, user_id=4436)

    users = run("report", "top_users").stdout.splitlines()
    timeline = run("report", "user_timeline", "--user", "4436").stdout

    assert users[1].split()[0] == "4436"
    assert "10021" in timeline


def test_lists_in_a_table_are_words_and_numbers(run, logged):
    table = run("report", "retention", "--since", "21d").stdout

    assert "[" not in table


def test_figures_in_a_table_have_few_places_and_all_of_them_in_json(run, ready_url):
    with EventLog(ready_url, strict=True, deadline_ms=30_000) as events:
        events.declare("order.paid", measures=["amount"])
        events.log_many({"event_type": "order.paid", "data": {"amount": amount}} for amount in (1000, 1000, 1001))
    asked = ("report", "series", "--since", "1h", "--interval", "day", "--measure", "avg", "--of", "amount")

    assert "1,000.3333\n" in run(*asked).stdout
    assert json.loads(run(*asked, "--format", "json").stdout)["totals"]["total"] == "1000.333333"


def test_where_there_is_no_goal_it_says_how_to_add_one(run, logged):
    assert "Add one: picoevent goal add NAME EVENT_TYPE" in run("report", "goals").stdout


@pytest.mark.parametrize("report", REPORTS, ids=lambda report: report.name)
def test_the_example_in_the_help_has_what_the_report_needs(run, ready_url, report):
    example = shlex.split(run("report", report.name, "--help").stdout.split("Examples:")[1])[1:]

    shown = run(*example)

    assert "missing" not in shown.stderr
    assert "needs" not in shown.stderr
    assert "No such option" not in shown.stderr


def test_what_is_no_figure_is_left_out_of_the_totals_and_of_the_columns(run, ready_url):
    with EventLog(ready_url, strict=True, deadline_ms=30_000) as events:
        events.declare("order.paid", searchable=["order_id"])
        events.log("order.paid", {"order_id": "A-1"}, user_id=7)

    values = run("report", "top_values", "--of", "order_id").stdout
    nothing = run("report", "history", "--dimension", "order_id", "--value", "A-2").stdout

    assert "LAST SEEN\n" in values
    assert "no event of this range has this value" in nothing
    assert "next cursor" not in nothing


@pytest.mark.parametrize(
    ("options", "exit_code", "words"),
    [
        ("--since today --until yesterday", 2, "The range is empty"),
        ("--since 1980-01-01 --until 1981-01-01", 2, "No event can be in this range"),
        ("--zone +05:45", 2, "There is no time zone"),
        ("--limit 0", 2, "The limit 0 is wrong"),
        ("--limit 1001", 2, "The limit 1001 is wrong"),
        ("--since 2100-01-01 --until 2101-01-01", 0, "No rows: nothing was counted in this range."),
        ("--since 2001-01-01 --until 2001-01-02", 0, "No rows: nothing was counted in this range."),
        ("--zone Asia/Kathmandu --since 3650d", 0, "In all: events 3"),
        ("--type page.vew", 0, "Did you mean 'page.view'?"),
    ],
)
def test_exit_codes_tell_a_wrong_question_from_an_empty_answer(run, logged, options, exit_code, words):
    answered = run("report", "top_types", *options.split())

    assert answered.exit_code == exit_code
    assert words in answered.stdout + answered.stderr


def test_the_text_none_is_told_from_no_value_and_both_can_be_asked_for(run, ready_url):
    with EventLog(ready_url, strict=True, deadline_ms=30_000) as events:
        events.declare("order.paid", dimensions=["plan"])
        events.log_many({"event_type": "order.paid", "data": data} for data in ({}, {"plan": "(none)"}, {"plan": ""}))

    shown = run("report", "top_values", "--of", "plan", "--format", "csv").stdout
    asked = ("report", "series", "--since", "1h", "--interval", "day", "--format", "json", "--where")
    totals = [json.loads(run(*asked, f"plan={plan}").stdout)["totals"]["total"] for plan in ("", "(none)", '"(none)"')]

    assert sorted(row["value"] for row in csv.DictReader(io.StringIO(shown))) == ["", '"(none)"', "(none)"]
    assert totals == [1, 1, 1]
    assert "no value" in run("report", "series", "--help").stdout
