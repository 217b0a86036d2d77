"""`spool`: what waits on this machine's disk for the database, and how to bring it there."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from picoevent.cli.cells import json_text, visible
from picoevent.cli.draining import drain
from picoevent.cli.event_rows import show_time
from picoevent.cli.options import current_settings, format_option, setting_option
from picoevent.cli.rows import Column, print_rows, print_table
from picoevent.cli.spool_problems import problems_of
from picoevent.cli.verbs import VerbGroup, help_if_alone, verb
from picoevent.cli.waiting import (
    Waiting,
    advice_on_set_aside,
    nothing_waits,
    read_spools,
    room_in_words,
    set_aside_lines,
)
from picoevent.event import format_time
from picoevent.ids import id_time

if TYPE_CHECKING:
    from picoevent.spool import SpoolStatus


def _count(value: object) -> str:
    return f"{value:,}"


def _moment(value: object) -> str:
    return show_time(value) if value else ""


COLUMNS = (
    Column("process", "PROCESS"),
    Column("events", "EVENTS", numeric=True, show=_count),
    Column("bytes", "BYTES", numeric=True, show=_count),
    Column("set_aside", "SET ASIDE", numeric=True, show=_count),
    Column("oldest_event", "OLDEST EVENT (UTC)", show=_moment),
    Column("last_write", "LAST WRITE (UTC)", show=_moment),
    Column("name", "SPOOL", shrinks=True),
)


@click.group(cls=VerbGroup, invoke_without_command=True)
@click.pass_context
def spool(ctx: click.Context) -> None:
    """Look at what waits on disk for the database, and bring it there.

    Events wait there while the database is away. Every process drains its own spool, and what dead ones left.
    """
    help_if_alone(ctx)


@verb("status", "picoevent spool status", "picoevent spool status --format json")
@setting_option("spool_dir", metavar="FOLDER")
@format_option()
def status(output: str) -> None:
    """Show what waits, how much room there is, and what was set aside and why.

    A row for each process that has a spool. Nothing is changed, and the database is not asked. Run it as the user of
    the application: each user has a spool of their own, unless spool_dir names one.
    """
    waiting = read_spools(current_settings())
    rows = [_to_row(found) for found in waiting.spools]
    if output == "json":
        document = {"folder": str(waiting.folder), "spools": rows, "total": waiting.total()}
        document |= {"set_aside_for": dict(waiting.reasons), "problems": problems_of(waiting)}
        click.echo(json_text(document, indent=2))
    elif output != "table":
        print_rows(rows, COLUMNS if output == "csv" else (), output)
    else:
        _print_for_people(waiting, rows)


def _print_for_people(waiting: Waiting, rows: list[dict[str, object]]) -> None:
    if rows:
        total = {"process": "total", "oldest_event": None, "last_write": None, "name": ""} | waiting.total()
        print_table([*rows, total] if len(rows) > 1 else rows, COLUMNS)
        click.echo(visible(f"in {waiting.folder}: {room_in_words(waiting)}"), err=True)
    else:
        click.echo(visible(nothing_waits(waiting)))
    for line in set_aside_lines(waiting):
        click.echo(visible(line))
    for line in advice_on_set_aside(waiting):
        click.echo(visible(line), err=True)
    for problem in problems_of(waiting):
        click.echo(visible(f"warning: {problem}"), err=True)


def _to_row(found: SpoolStatus) -> dict[str, object]:
    oldest = found.oldest_event_id
    return {
        "name": found.name,
        "process": "dead" if found.pid is None else str(found.pid),
        "pid": found.pid,
        "events": found.pending,
        "bytes": found.bytes,
        "set_aside": found.set_aside,
        "illegible": found.illegible,
        "oldest_event": None if oldest is None else format_time(id_time(oldest)),
        "last_write": format_time(datetime.fromtimestamp(found.last_write, UTC)),
        "trouble": found.trouble or None,
    }


for command in (status, drain):
    spool.add_command(command)
