"""`tail`: events as they are logged."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Unpack

import click

from picoevent.cli.cells import json_text, visible
from picoevent.cli.event_rows import COLUMNS
from picoevent.cli.follow import Follower, follow
from picoevent.cli.opening import open_for_reading
from picoevent.cli.options import ChosenFilters, filter_options, format_option
from picoevent.cli.reading import filters_of
from picoevent.cli.rows import Row, TableLayout, csv_line
from picoevent.cli.verbs import verb

if TYPE_CHECKING:
    from picoevent.event import Event


@verb("tail", "picoevent tail", "picoevent tail -n 0 --type order.paid --format ndjson")
@filter_options
@click.option(
    "-n",
    "last",
    type=click.IntRange(0, 10_000),
    metavar="N",
    default=10,
    show_default=True,
    help="How many to begin with.",
)
@format_option("table", "ndjson", "csv")
def tail(last: int, output: str, **chosen: Unpack[ChosenFilters]) -> None:
    """Print events as they are logged.

    Begins with the last ones, and ends with Ctrl-C. An event is shown within a second or so, also one that was stored
    up to a minute late. Events that carry an older time of their own, such as imported ones, are not shown. If the
    database goes away, tail waits for it.
    """
    with open_for_reading() as events:
        follower = Follower(events, filters_of(chosen))
        first = follower.start(last)
        show = _printer(output, first)
        show(first)
        follow(follower, show, lambda words: click.echo(visible(words), err=True))


def _printer(output: str, first: list[Event]) -> Callable[[list[Event]], None]:
    """Print the head of a format, and return what prints events in it."""
    if output == "table":
        table = TableLayout(COLUMNS, [event.to_dict() for event in first])
        click.echo(table.header)
        return lambda found: _print_each(found, table.line)
    if output == "csv":
        click.echo(csv_line([column.key for column in COLUMNS]))
        return lambda found: _print_each(found, _csv_of)
    return lambda found: _print_each(found, json_text)


def _csv_of(row: Row) -> str:
    line = csv_line([row[column.key] for column in COLUMNS])
    return visible(line) if sys.stdout.isatty() else line


def _print_each(found: list[Event], line_of: Callable[[Row], str]) -> None:
    # click flushes each: whoever follows through a pipe sees an event at once.
    for event in found:
        click.echo(line_of(event.to_dict()))
