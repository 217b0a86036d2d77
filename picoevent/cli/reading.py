"""`events` and `get`: stored events, a page of them, all of them, or one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import chain
from typing import TYPE_CHECKING, TypedDict, Unpack

import click

from picoevent.cli.cells import json_text, visible
from picoevent.cli.event_rows import COLUMNS, show_time
from picoevent.cli.moments import HELP
from picoevent.cli.opening import open_for_reading
from picoevent.cli.options import ChosenFilters, chosen_user, filter_options, format_option, moment_option
from picoevent.cli.rows import Row, print_json_list, print_rows
from picoevent.cli.verbs import verb

if TYPE_CHECKING:
    from picoevent.event import Event, Page
    from picoevent.eventlog import EventLog
    from picoevent.read.query import Filters

PAGE_EVENTS = 50


class ChosenEvents(ChosenFilters):
    """What the options of `events` say about which events to show."""

    since: datetime | None
    until: datetime | None


class ChosenPage(TypedDict):
    """What the options of `events` say about how many, and in which order."""

    order: str
    limit: int | None
    cursor: str | None
    everything: bool


class Chosen(ChosenEvents, ChosenPage):
    """All options of `events` but the format."""


@verb(
    "events",
    "picoevent events --since 2h",
    "picoevent events --type order.paid --type order.refunded --user 7",
    "picoevent events --all --since 2026-11-01 --format csv > november.csv",
)
@filter_options
@moment_option("--since", text=f"Only events of this time or later: {HELP}.")
@moment_option("--until", text="Only events before this time.")
@click.option(
    "--order",
    type=click.Choice(["newest", "oldest"]),
    metavar="ORDER",
    default="newest",
    show_default=True,
    help="Which come first: newest or oldest.",
)
@click.option(
    "--limit", type=click.IntRange(1, 10_000), metavar="N", help=f"How many at most.  [default: {PAGE_EVENTS}]"
)
@click.option("--cursor", metavar="CURSOR", help="Go on where the page before has ended.")
@click.option("--all", "everything", is_flag=True, help="All matching events instead of a page, as they are read.")
@format_option()
def list_events(output: str, **chosen: Unpack[Chosen]) -> None:
    """List events, newest first.

    Prints a page; what follows it is told on standard error (in JSON: as next_cursor).
    """
    if chosen["everything"] and (chosen["limit"] is not None or chosen["cursor"] is not None):
        raise click.UsageError("--all has neither --limit nor --cursor.")
    with open_for_reading() as events:
        if chosen["everything"]:
            _print_all(events, chosen, output)
        else:
            _print_page(events, chosen, output)


def filters_of(chosen: ChosenFilters) -> Filters:
    """Return the library's filters for type, user and source."""
    return {
        "event_type": chosen["event_types"] or None,
        "user_id": chosen_user(chosen["user"], chosen["text_user"]),
        "source": chosen["source"],
    }


def _with_times(chosen: ChosenEvents) -> Filters:
    return {**filters_of(chosen), "since": chosen["since"], "until": chosen["until"]}


def _print_all(events: EventLog, chosen: Chosen, output: str) -> None:
    found = (event.to_dict() for event in events.iter_events(order=chosen["order"], **_with_times(chosen)))
    # The first one is fetched before anything is printed: a database that is away leaves no half document.
    rows = chain(_first(found), found)
    if output == "json":
        _print_document(rows, {"next_cursor": None, "complete": True})
    else:
        print_rows(rows, COLUMNS, output)


def _first(rows: Iterator[dict[str, object]]) -> list[dict[str, object]]:
    found = next(rows, None)
    return [] if found is None else [found]


def _print_page(events: EventLog, chosen: Chosen, output: str) -> None:
    limit = PAGE_EVENTS if chosen["limit"] is None else chosen["limit"]
    page = events.events(order=chosen["order"], limit=limit, cursor=chosen["cursor"], **_with_times(chosen))
    rows = [event.to_dict() for event in page.events]
    if output == "json":
        _print_document(rows, {"next_cursor": page.next_cursor, "complete": page.complete})
        return
    print_rows(rows, COLUMNS, output)
    _tell_what_follows(page)


def _print_document(rows: Iterable[Row], rest: dict[str, object]) -> None:
    """Print one JSON object with the events as they come, and the rest behind them."""
    click.echo('{"events": ', nl=False)
    print_json_list(rows)
    click.echo(f", {json_text(rest)[1:]}")


def _tell_what_follows(page: Page) -> None:
    if not page.events and page.complete:
        click.echo("No event matches.", err=True)
    if page.searched_to is not None:
        click.echo(f"Looked at everything down to {page.searched_to:%Y-%m-%d %H:%M:%S} UTC so far.", err=True)
    if page.next_cursor:
        click.echo(f"more: --cursor {page.next_cursor}", err=True)


@verb("get", "picoevent get 1812345678901234567", "picoevent get 1812345678901234567 --format json")
@click.argument("event_id", metavar="ID")
@format_option()
def get(event_id: str, output: str) -> None:
    """Show one event.

    ID is what `picoevent log` has printed, and stands in the column ID of `picoevent events`.
    """
    with open_for_reading() as events:
        event = events.get(event_id)
    if output == "table":
        _print_event(event)
    elif output == "csv":
        print_rows([event.to_dict()], COLUMNS, output)
    else:
        click.echo(json_text(event.to_dict(), indent=2 if output == "json" else None))


def _print_event(event: Event) -> None:
    shown = event.to_dict()
    click.echo(f"id      {shown['id']}")
    click.echo(f"time    {show_time(shown['time'])} UTC")
    click.echo(f"type    {visible(event.event_type)}")
    click.echo(f"source  {visible(event.source)}")
    click.echo(f"user    {'none' if event.user_id is None else visible(str(event.user_id))}")
    click.echo(f"data    {json_text(event.data, indent=2) if event.data else 'none'}")
