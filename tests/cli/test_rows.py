"""Cells, tables and the progress line: what a terminal shows, and how wide it is."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest

from picoevent.cli.cells import csv_cell, json_text, shortened, visible, width_of
from picoevent.cli.progress import Bar
from picoevent.cli.rows import Column, TableLayout
from picoevent.testing.doubles import FakeClock

COLUMNS = (
    Column("name", "NAME"),
    Column("count", "COUNT", numeric=True),
    Column("id", "ID", optional=True),
    Column("data", "DATA", shrinks=True),
)
ROW = {"name": "ann", "count": 7, "id": "1234567890", "data": {"text": "x" * 100}}


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain Ä 日本 👩‍🚀", "plain Ä 日本 👩‍🚀"),
        ("a\nb\tc\r", r"a\nb\tc\r"),
        ("\x1b]0;title\x07", r"\x1b]0;title\x07"),
        ("\x9b31m", r"\x9b31m"),
        ("a\u202eb\u2028", r"a\u202eb\u2028"),
        ("\U000e0001", r"\U000e0001"),
    ],
)
def test_control_characters_are_shown_and_not_obeyed(text, shown):
    assert visible(text) == shown


def test_json_keeps_its_meaning_when_control_characters_are_escaped():
    value = {"text": "\x1b\x9b\u202e\U000e0001 日本", "list": [1, None]}

    text = json_text(value)

    assert json.loads(text) == value
    assert text.isprintable()


@pytest.mark.parametrize("value", ["=1+1", "+49", "-5", "@x", "\tx", "\rx", "\nx", "\0=1", " =1", "\uff1d1+1"])
def test_a_text_that_looks_like_a_formula_gets_an_apostrophe(value):
    assert csv_cell(value) == f"'{value}"


@pytest.mark.parametrize(
    ("value", "cell"),
    [(-5, "-5"), (-0.5, "-0.5"), (Decimal("-5.10"), "-5.10"), (None, ""), (True, "yes"), ("a=b", "a=b")],
)
def test_numbers_and_harmless_cells_stay(value, cell):
    assert csv_cell(value) == cell


def test_widths_count_columns_and_not_characters():
    assert width_of("日本") == 4
    assert width_of("e\u0301") == 1
    assert shortened("日本語です", 7) == "日本語…"


def test_a_table_is_not_cut_where_the_output_is_no_terminal():
    table = TableLayout(COLUMNS, [ROW])

    assert table.line(ROW).endswith('{"text": "' + "x" * 100 + '"}')


def test_a_terminal_cuts_the_last_column_at_its_edge():
    table = TableLayout(COLUMNS, [ROW], terminal_width=60)

    assert width_of(table.line(ROW)) == 60
    assert table.line(ROW).endswith("…")


def test_one_long_value_takes_half_of_a_terminal_at_most():
    row = {"value": "x" * 255, "events": 7}
    columns = [Column("value", "VALUE"), Column("events", "EVENTS", numeric=True)]

    on_a_terminal, elsewhere = TableLayout(columns, [row], terminal_width=80), TableLayout(columns, [row])

    assert on_a_terminal.line(row) == "x" * 39 + "…" + "       7"
    assert elsewhere.line(row).startswith("x" * 255)


def test_a_narrow_terminal_leaves_optional_columns_out():
    table = TableLayout(COLUMNS, [ROW], terminal_width=44)

    assert table.header == "NAME  COUNT  DATA"
    assert table.left_out == ["ID"]


def test_the_progress_line_tells_share_rate_and_time_left():
    clock = FakeClock()
    bar = Bar("Importing", clock=clock)
    clock.advance(2)

    assert bar.line(25, 100, 5000) == "Importing  [######------------------]  25%  5,000 events, 2,500/s, 6 s left"
    assert bar.line(25, None, 5000) == "Importing  5,000 events, 2,500/s"
