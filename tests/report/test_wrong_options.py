"""What single reports take is checked too: a wrong value is an error in words, whatever its type is."""

from __future__ import annotations

import json
from contextlib import suppress

import pytest

from picoevent import EventLog
from picoevent.errors import InvalidQuery
from picoevent.report.catalogue import REPORTS

WRONG = (-1, 1.5, float("nan"), True, b"x", [], [1], {"a": 1}, "", "\0", "\x1b[31m", '"', "\\", "\ud800", 10**400)
NEEDED = {
    "top_values": {"of": "path"},
    "breakdown": {"by": "path"},
    "user_timeline": {"user": 7},
    "history": {"dimension": "path", "value": "/"},
    "funnel": {"steps": "page.view > order.paid"},
}


@pytest.fixture
def embedded(sqlite_url):
    with EventLog(sqlite_url, strict=True) as events:
        yield events


@pytest.fixture
def shop(embedded):
    embedded.declare("page.view", searchable=["path"], distinct=["path"])
    embedded.log("page.view", {"path": "/"}, user_id=7)
    return embedded


@pytest.mark.parametrize("report", [one for one in REPORTS if one.options], ids=lambda report: report.name)
def test_no_option_of_any_type_makes_anything_but_an_answer_or_an_error_in_words(shop, report):
    for option in report.options:
        for value in WRONG:
            with suppress(InvalidQuery):
                answer = shop.report(report.name, **NEEDED.get(report.name, {}) | {option: value})
                assert json.dumps(answer.to_dict(), allow_nan=False)


def test_what_is_declared_is_in_the_next_report_of_a_program_without_a_worker(embedded):
    embedded.log("page.view", {"path": "/"}, user_id=7)
    embedded.report("series")

    embedded.declare("page.view", dimensions=["path"])

    assert [row.value for row in embedded.report("top_values", of="path").rows] == ["/"]


def test_a_name_of_a_report_that_nobody_writes_is_not_repeated(embedded):
    with pytest.raises(InvalidQuery) as caught:
        embedded.report("x" * 1_000_000)

    assert len(str(caught.value)) < 200


def test_a_dimension_is_not_filtered_by_itself_and_the_error_says_so(shop):
    with pytest.raises(InvalidQuery, match="'path' can't be filtered by itself"):
        shop.report("breakdown", by="path", filters={"path": "/"})


def test_what_is_not_declared_says_how_to_declare_it(shop):
    with pytest.raises(InvalidQuery, match="picoevent declare TYPE --dimension plan"):
        shop.report("top_values", of="plan")
