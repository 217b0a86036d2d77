"""Benchmark `pages`: the events it makes up, and a whole run of it on few of them."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime
from itertools import pairwise

import pytest

from bench.__main__ import main
from bench.frame import Size, Target
from bench.pages import PAGES, Comparison, DifferentAnswers, measure
from bench.sides import ClassicEvent, Pair
from bench.traffic import DAYS, ENDED, make_batches
from picoevent.ids import id_unix_ms

END = 1_800_000_000
COLUMNS = ["measure", "value", "unit", "baseline", "ratio", "target", "holds"]


@pytest.fixture(scope="module")
def batches():
    return list(make_batches(35_000, END))


def test_as_many_events_as_asked_for_with_ids_that_rise(batches):
    ids = [event.event_id for batch in batches for event in batch]

    assert len(ids) == 35_000
    assert all(before < after for before, after in pairwise(ids))


def test_events_fill_the_30_days_before_the_end(batches):
    first, last = (id_unix_ms(event.event_id) / 1000 for event in (batches[0][0], batches[-1][-1]))

    assert END - DAYS * 86_400 <= first < END - (DAYS - 1) * 86_400
    assert END - 86_400 < last < END


def test_the_same_events_are_made_again(batches):
    assert list(make_batches(35_000, END)) == batches


def test_payloads_are_json_of_150_to_200_bytes(batches):
    payloads = [event.payload for event in batches[0]]

    assert all(150 <= len(payload.encode()) <= 200 for payload in payloads)
    assert all(json.loads(payload)["session"] for payload in payloads[:100])


def test_one_type_has_ended_before_the_page_that_asks_for_it(batches):
    days_back = [
        (END - id_unix_ms(event.event_id) / 1000) / 86_400
        for batch in batches
        for event in batch
        if event.event_type_id == ENDED
    ]

    assert days_back
    assert min(days_back) > 10


def test_a_whole_run_prints_its_rows_as_json(capsys):
    tiny = replace(PAGES, quick=Size(events=5_000, rounds=1))

    exit_code = main(["pages", "--quick", "--json"], benchmarks=[tiny])

    output = capsys.readouterr()
    rows = json.loads(output.out)
    assert exit_code == (0 if all(row["holds"] for row in rows) else 1)
    assert "innodb_flush_log_at_trx_commit=1, sync_binlog=1, log_bin=1, binlog_format=ROW" in output.err
    assert len(rows) == 14
    assert all(list(row) == COLUMNS and row["value"] > 0 and row["baseline"] > 0 for row in rows)


def test_layouts_that_answer_differently_are_not_timed():
    answers = [[ClassicEvent(1, datetime(2026, 1, 1), 1, None, {"session": session})] for session in "ab"]  # noqa: DTZ001
    pair = Pair(*(lambda _, answer=answer: answer for answer in answers))

    with pytest.raises(DifferentAnswers, match="1 and 1 events"):
        measure(Comparison("page", pair, Target()), Size(events=1, rounds=1))
