"""Rows in the format that was asked for: an aligned table, JSON, a JSON object a line, or CSV. They may be endless."""

from __future__ import annotations

import csv
import io
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, islice

import click

from picoevent.cli.cells import cell_text, csv_cell, json_text, shortened, visible, width_of

FORMATS = ("table", "json", "ndjson", "csv")
SAMPLE_ROWS = 1000
"""How many rows of a table decide how wide its columns are."""
NARROWEST = 24
"""How many columns of a terminal the shrinking column needs at least, before optional ones are left out for it."""
GAP = "  "

Row = Mapping[str, object]


@dataclass(frozen=True)
class Column:
    """One column: its key in each row, and how a table shows it; the other formats show the value as it is.

    `shrinks` marks the last column, cut at the edge of a terminal; `optional` one that a narrow terminal leaves out.
    `width` is the least width, for rows that are not there yet.
    """

    key: str
    title: str
    numeric: bool = False
    shrinks: bool = False
    optional: bool = False
    width: int = 0
    show: Callable[[object], str] = cell_text


def print_rows(rows: Iterable[Row], columns: Sequence[Column], output: str) -> None:
    """Print rows as they come, in one of `FORMATS`; `json` is one array."""
    printers = {"table": print_table, "json": _print_array, "ndjson": _print_lines, "csv": _print_csv}
    printers[output](rows, columns)


def print_json_list(items: Iterable[object]) -> None:
    """Print a JSON array as its items come, one a line; the caller ends the line."""
    click.echo("[", nl=False)
    separator = "\n"
    for item in items:
        click.echo(f"{separator}{json_text(item)}", nl=False)
        separator = ",\n"
    click.echo("\n]" if separator != "\n" else "]", nl=False)


def print_table(rows: Iterable[Row], columns: Sequence[Column]) -> None:
    """Print rows in aligned columns; the widths are those of the first rows."""
    remaining = iter(rows)
    first = list(islice(remaining, SAMPLE_ROWS))
    table = TableLayout(columns, first)
    click.echo(table.header)
    for row in chain(first, remaining):
        click.echo(table.line(row))
    for title in table.left_out:
        click.echo(f"The column {title} needs a wider terminal; --format json has it too.", err=True)


class TableLayout:
    """Where the columns of a table stand, decided once by the first rows and the terminal, if there is one."""

    def __init__(self, columns: Sequence[Column], sample: Sequence[Row], *, terminal_width: int | None = None) -> None:
        self._all = columns
        self._columns = list(columns)
        self._room = terminal_width or _terminal_width()
        self._widest = max(self._room // 2, NARROWEST) if self._room else sys.maxsize
        self._widths = {column.key: min(_needed(column, sample), self._widest) for column in columns}
        if self._room:
            self._leave_out_optional()

    @property
    def left_out(self) -> list[str]:
        """The titles of the optional columns that the terminal is too narrow for."""
        return [column.title for column in self._all if column not in self._columns]

    @property
    def header(self) -> str:
        """The titles."""
        return self._join([(column, column.title) for column in self._columns])

    def line(self, row: Row) -> str:
        """Return a row as a line."""
        return self._join([(column, _table_cell(column, row)) for column in self._columns])

    def _leave_out_optional(self) -> None:
        for column in [column for column in self._columns if column.optional]:
            if self._room_for_last() < NARROWEST:
                self._columns.remove(column)

    def _room_for_last(self) -> int:
        taken = sum(self._widths[column.key] + len(GAP) for column in self._columns if not column.shrinks)
        return self._room - taken

    def _join(self, cells: list[tuple[Column, str]]) -> str:
        return GAP.join(self._aligned(column, text) for column, text in cells).rstrip()

    def _aligned(self, column: Column, text: str) -> str:
        if column.shrinks:
            return shortened(text, max(self._room_for_last(), NARROWEST)) if self._room else text
        # One long value would else push all others off the terminal.
        text = shortened(text, self._widest)
        padding = " " * (self._widths[column.key] - width_of(text))
        return padding + text if column.numeric else text + padding


def _needed(column: Column, sample: Sequence[Row]) -> int:
    widths = [width_of(_table_cell(column, row)) for row in sample]
    return max([column.width, len(column.title), *widths])


def _table_cell(column: Column, row: Row) -> str:
    return visible(column.show(row[column.key]))


def _terminal_width() -> int:
    """Return the width of the terminal, 0 where the output goes elsewhere."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else 0


def _print_array(rows: Iterable[Row], _columns: Sequence[Column]) -> None:
    print_json_list(rows)
    click.echo()


def _print_lines(rows: Iterable[Row], _columns: Sequence[Column]) -> None:
    for row in rows:
        click.echo(json_text(row))


def _print_csv(rows: Iterable[Row], columns: Sequence[Column]) -> None:
    for line in csv_lines(rows, columns):
        # A file gets the data as it is; a terminal must not obey it.
        click.echo(visible(line) if sys.stdout.isatty() else line)


def csv_lines(rows: Iterable[Row], columns: Sequence[Column]) -> Iterator[str]:
    """Yield the header and each row as a line of CSV, without its line end."""
    yield ",".join(column.key for column in columns)
    for row in rows:
        yield csv_line([row[column.key] for column in columns])


def csv_line(values: Sequence[object]) -> str:
    """Return values as a line of CSV that is safe to open in a spreadsheet."""
    line = io.StringIO()
    # With this line end, a cell that holds either of its characters is quoted.
    csv.writer(line, lineterminator="\r\n").writerow([csv_cell(value) for value in values])
    return line.getvalue().removesuffix("\r\n")
