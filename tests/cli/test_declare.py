"""`picoevent declare` and `types`: what is counted of an event type's data, said and shown."""

from __future__ import annotations

import json

import pytest


def test_what_is_declared_is_shown(run, ready_url):
    done = run(
        "declare", "page.view", "--dimension", "path", "--searchable", "context.ip", "--distinct", "session",
        "--pair", "path,status", "--measure", "bytes", "--description", "Somebody looks", "--owner", "web",
    )  # fmt: skip

    assert done.exit_code == 0, done.output
    assert done.stdout.splitlines() == [
        "page.view declares:",
        "  Dimensions  path, path,status (pair), context.ip (searchable), session (distinct)",
        "  Measures    bytes",
        "  Description Somebody looks",
        "  Owner       web",
    ]


def test_types_lists_all_with_what_they_declare(run, ready_url):
    run("log", "signup")
    run("declare", "order.paid", "--dimension", "plan", "--measure", "amount")

    rows = json.loads(run("types", "--format", "json").stdout)
    table = run("types").stdout

    assert [(row["type"], [one["path"] for one in row["dimensions"]]) for row in rows] == [
        ("order.paid", ["plan"]),
        ("signup", []),
    ]
    assert rows[0]["dimensions"][0] == {"path": "plan", "searchable": False, "distinct": False, "filled_from": None}
    assert table.splitlines()[0].split() == ["TYPE", "STATUS", "OWNER", "DESCRIPTION", "MEASURES", "DIMENSIONS"]
    assert "amount" in table


def test_without_types_the_way_to_one_is_told(run, embedded_url):
    assert "comes into being when it is logged" in run("types").stderr


def test_what_was_logged_before_is_filled_in_while_one_waits(run, ready_url):
    for _ in range(3):
        run("log", "signup", '{"plan": "team"}', "--user", "7")
    first = run("declare", "signup", "--dimension", "plan")

    done = run("declare", "signup", "--dimension", "plan", "--wait")

    assert "Whole from 20" in first.stderr
    assert done.exit_code == 0, done.output
    assert "Whole from" not in done.stderr
    assert json.loads(run("types", "--format", "json").stdout)[0]["dimensions"][0]["filled_from"] is None


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--dimension", "a..b"), "a..b"),
        (("--pair", "a"), "is not a pair"),
        (("--pair", "a,b,c"), "is not a pair"),
        ([part for n in range(9) for part in ("--dimension", f"key{n}")], "9 dimensions; 8 are possible"),
    ],
)
def test_what_cannot_be_declared_is_said(run, embedded_url, arguments, said):
    result = run("declare", "signup", *arguments)

    assert result.exit_code == 2
    assert said in result.stderr


def test_names_and_paths_cannot_command_the_terminal(run, embedded_url):
    result = run("declare", "a\x1b[2Jb", "--dimension", "p\x1b[2J", "--owner", "o\n\x1b[2J")

    assert result.exit_code == 0
    assert "\x1b" not in result.stdout + run("types").stdout


def test_what_is_withdrawn_is_shown_no_more_and_says_what_is_left(run, ready_url):
    run("declare", "page.view", "--searchable", "ip", "--pair", "path,status", "--dimension", "path", "--measure", "n")

    first = run("withdraw", "page.view", "--searchable", "ip", "--pair", "path,status", "--measure", "n")
    second = run("withdraw", "page.view", "--dimension", "ip", "--dimension", "path")

    assert (first.exit_code, second.exit_code) == (0, 0), first.output + second.output
    assert first.stdout.splitlines() == ["page.view declares:", "  Dimensions  path, ip"]
    assert second.stdout.splitlines() == ["page.view declares nothing that is counted."]


def test_what_cannot_be_withdrawn_is_said(run, embedded_url):
    run("declare", "signup", "--dimension", "plan")

    results = [run("withdraw", "signup"), run("withdraw", "signup", "--dimension", "a\x1b[2J")]

    assert [result.exit_code for result in results] == [2, 2]
    assert "Nothing is named to withdraw" in results[0].stderr
    assert "does not declare the dimension" in results[1].stderr
    assert "\x1b" not in results[1].stderr
