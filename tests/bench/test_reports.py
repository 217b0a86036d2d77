"""Benchmark `reports`: the visits it makes, the sides that answer alike, and whole runs of its parts on few events."""

from __future__ import annotations

from collections import Counter

import pytest

from bench.frame import Size
from bench.reports import REPORTS
from bench.reports_answers import DifferentAnswers, check
from bench.reports_fold import ROUND_EVENTS, ROUND_USERS
from bench.reports_questions import Panel, Question
from bench.reports_sql import Span
from bench.reports_turns import in_turn
from bench.reports_visits import DAY_MS, DIMENSIONS, PATHS, Maker, Visits, read_events, write_events
from picoevent.ids import id_unix_ms

END_MS = 1_800_000_000_000
TINY = {
    "reports.answers": Size(events=1_000, rounds=1),
    "reports.types": Size(events=2_000, rounds=1),
    "reports.fold": Size(events=2_000, rounds=1),
    "reports.binlog": Size(events=10_000, rounds=1),
    "reports.beside": Size(events=20_000, rounds=1),
}


def made(visits):
    """All visits of this description, as rows of id, type, source and user."""
    maker = Maker()
    rows = []
    for first, last in visits.chunks():
        maker.make(visits, first, last)
        rows += zip(*maker.columns(), strict=True)
    maker.close()
    return rows


def test_visits_fill_their_span_under_ids_that_differ():
    ids = [row[0] for row in made(Visits(150_000, END_MS))]

    assert len(set(ids)) == 150_000
    assert END_MS - 90 * DAY_MS <= id_unix_ms(min(ids)) < END_MS - 90 * DAY_MS + 120_000
    assert END_MS - 120_000 < id_unix_ms(max(ids)) < END_MS


def test_the_same_visits_are_made_again():
    assert made(Visits(1_000, END_MS)) == made(Visits(1_000, END_MS))
    assert made(Visits(1_000, END_MS)) != made(Visits(1_000, END_MS, seed=1))


def test_few_types_make_most_visits_but_each_has_some():
    events = Counter(row[1] for row in made(Visits(100_000, END_MS)))

    assert 0.42 < events[1] / 100_000 < 0.46
    assert min(events[number] for number in range(1, 31)) > 100


def test_a_round_of_the_fold_has_twenty_thousand_users():
    users = {row[3] for row in made(Visits(ROUND_EVENTS, END_MS, span_ms=1_000, users=ROUND_USERS))}

    assert 19_000 < len(users) < 21_000


def test_visits_that_are_logged_have_the_declared_dimensions(tmp_path):
    file = write_events(Visits(20_000, END_MS, span_ms=1_000), tmp_path / "events")

    events = read_events(file)

    assert len(events) == 20_000
    assert all(isinstance(event.data[name], str) for event in events for name in DIMENSIONS)
    assert len({event.data["path"] for event in events}) == PATHS


def test_each_side_is_asked_in_turn_and_the_first_rounds_do_not_count():
    seconds = iter(range(100))
    calls = []

    times = in_turn([lambda: calls.append("a"), lambda: calls.append("b")], 2, warm_up=1, clock=lambda: next(seconds))

    assert "".join(calls) == "ababab"
    assert times == [1000, 1000]


def test_a_side_that_takes_too_long_is_asked_once():
    seconds = iter(range(0, 1000, 100))
    calls = []

    times = in_turn([lambda: calls.append("a")], 5, clock=lambda: next(seconds))

    assert (calls, times) == (["a"], [100_000])


class Says:
    """A side that has one answer."""

    def __init__(self, rows):
        self.rows = rows

    def report(self, *_, **__):
        return self.rows

    def ask(self, *_, **__):
        return self.rows


def test_sides_that_count_differently_are_not_timed():
    question = Question("page views", Span(0, 1), [Panel("series", figures=list)], 1)

    check(question, Says([(1, 2)]), Says([(1, 2)]))
    with pytest.raises(DifferentAnswers, match="page views, series"):
        check(question, Says([(1, 2)]), Says([(1, 3)]))


def test_every_part_is_tried_here():
    assert sorted(TINY) == sorted(part.name for part in REPORTS.parts)


@pytest.mark.timeout(180)
@pytest.mark.parametrize("name", TINY)
def test_a_whole_run_of_a_part_prints_its_rows(rows_of, name):
    rows = rows_of(REPORTS, name, TINY[name])

    assert rows
