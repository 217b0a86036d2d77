"""The arithmetic of a row, how rows are shown, and measure and baseline in turn."""

from __future__ import annotations

import io
import json

import pytest

from bench.frame import Row, Target, interleave
from bench.progress import Progress
from bench.table import to_json, to_table, verdict

SHORT = Row("slow page", 6.0, "ms", 10.0, Target(at_most=5, ratio_at_most=0.2))
REACHED = Row("fast page", 1.5, "ms", 100.0, Target(at_most=5, ratio_at_most=0.2))
SHOWN = Row("size of a row", 1234.0, "bytes")


def test_the_ratio_is_value_by_baseline():
    assert REACHED.ratio == 0.015


@pytest.mark.parametrize("baseline", [None, 0.0], ids=["no baseline", "baseline of 0"])
def test_there_is_no_ratio_to_nothing(baseline):
    row = Row("page", 1.0, "ms", baseline)

    assert row.ratio is None


@pytest.mark.parametrize(
    ("target", "holds"),
    [
        (Target(), True),
        (Target(at_most=2), True),
        (Target(at_most=1.9), False),
        (Target(at_least=2), True),
        (Target(at_least=2.1), False),
        (Target(ratio_at_most=0.2), True),
        (Target(ratio_at_most=0.19), False),
        (Target(ratio_at_least=0.2), True),
        (Target(ratio_at_least=0.21), False),
        (Target(at_most=5, ratio_at_most=0.1), False),
        (Target(at_most=1, ratio_at_most=0.5), False),
    ],
    ids=repr,
)
def test_a_row_holds_when_every_bound_is_kept(target, holds):
    row = Row("page", 2.0, "ms", 10.0, target)

    assert row.holds is holds


def test_a_bound_of_the_ratio_needs_a_baseline():
    assert not Row("page", 1.0, "ms", None, Target(ratio_at_most=0.2)).holds


def test_a_row_in_json_has_seven_names():
    assert json.loads(to_json([REACHED, SHOWN])) == [
        {
            "measure": "fast page",
            "value": 1.5,
            "unit": "ms",
            "baseline": 100.0,
            "ratio": 0.015,
            "target": "ratio <= 0.2, <= 5 ms",
            "holds": True,
        },
        {
            "measure": "size of a row",
            "value": 1234.0,
            "unit": "bytes",
            "baseline": None,
            "ratio": None,
            "target": None,
            "holds": True,
        },
    ]


def test_the_table_is_aligned():
    assert to_table([SHORT, REACHED, SHOWN]).splitlines() == [
        "measure        value  unit   baseline   ratio  target                 holds",
        "-------------  -----  -----  --------  ------  ---------------------  -----",
        "slow page       6.00  ms         10.0   0.600  ratio <= 0.2, <= 5 ms  NO",
        "fast page       1.50  ms          100  0.0150  ratio <= 0.2, <= 5 ms  yes",
        "size of a row  1,234  bytes         -       -  -                      -",
    ]


def test_the_verdict_names_what_falls_short():
    assert verdict([SHORT, REACHED]) == "1 of 2 rows fall short: slow page"
    assert verdict([REACHED, SHOWN]) == "All targets hold: 1 of 1."


def test_measure_and_baseline_take_turns_and_ask_the_same():
    calls = []

    interleave(lambda n: calls.append(("A", n)), lambda n: calls.append(("B", n)), 2, warm_up=1)

    assert calls == [("A", 0), ("B", 0), ("A", 0), ("B", 0), ("A", 1), ("B", 1)]


def test_the_medians_are_of_the_counted_rounds_in_milliseconds():
    seconds = iter([0, 1, 0, 10, 0, 3, 0, 20, 0, 2, 0, 60])

    medians = interleave(lambda _: None, lambda _: None, 3, warm_up=5, clock=lambda: next(seconds))

    assert medians == (2000, 20_000)


def test_a_count_is_shown_on_a_terminal_only():
    file, terminal = io.StringIO(), io.StringIO()
    terminal.isatty = lambda: True

    for stream in (file, terminal):
        Progress(stream).count("events stored", 1000, 2000)

    assert file.getvalue() == ""
    assert terminal.getvalue().endswith("events stored: 1,000 of 2,000")
