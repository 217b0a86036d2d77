"""`analyst`: people who may sign in."""

from __future__ import annotations

import json

import pytest

from picoevent import Settings
from picoevent.analysts import open_analysts

PASSWORD = "four unrelated words"


@pytest.fixture
def analysts(embedded_url):
    opened = open_analysts(Settings(url=embedded_url))
    yield opened
    opened.close()


def test_a_made_analyst_can_sign_in_with_the_password(run, analysts):
    result = run("analyst", "create", "ann", stdin=f"{PASSWORD}\n")

    assert result.stdout == "ann may sign in now.\n"
    assert analysts.verify("ann", PASSWORD)


def test_a_link_signs_in_once_and_needs_no_password(run, analysts):
    link = run("analyst", "create", "eve", "--link").stdout.strip()

    assert link.startswith("http://127.0.0.1:8080/sign-in/link/")
    assert analysts.use_sign_in_link(link.rpartition("/")[2]).name == "eve"


def test_a_link_can_lead_to_where_the_pages_are(run, analysts):
    analysts.create("ann", PASSWORD)

    link = run("analyst", "link", "ann", "--address", "https://events.example/").stdout

    assert link.startswith("https://events.example/sign-in/link/")


def test_an_analyst_is_kept_out_and_let_in_again(run, analysts):
    analysts.create("ann", PASSWORD)

    run("analyst", "disable", "ann")
    kept_out = analysts.verify("ann", PASSWORD)
    run("analyst", "enable", "ann")

    assert kept_out is None
    assert analysts.verify("ann", PASSWORD)


def test_a_new_password_takes_the_place_of_the_old_one(run, analysts):
    analysts.create("ann", PASSWORD)

    run("analyst", "password", "ann", stdin="quite another one\n")

    assert analysts.verify("ann", PASSWORD) is None
    assert analysts.verify("ann", "quite another one")


def test_the_list_shows_name_and_status(run, analysts):
    analysts.create("ann", PASSWORD)

    assert json.loads(run("analyst", "list", "--format", "json").stdout)[0]["status"] == "active"
    assert run("analyst", "list").stdout.splitlines()[0] == "NAME  STATUS  CREATED (UTC)"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["create", "ann"], "There is an analyst 'ann' already."),
        (["disable", "bob"], "There is no analyst 'bob'."),
        (["link", "bob"], "There is no analyst 'bob'."),
    ],
    ids=["taken", "nobody", "no link"],
)
def test_what_can_not_be_is_an_error(run, analysts, arguments, words):
    analysts.create("ann", PASSWORD)

    result = run("analyst", *arguments, stdin=f"{PASSWORD}\n")

    assert result.exit_code == 1
    assert result.stderr.startswith(f"error: {words}")
