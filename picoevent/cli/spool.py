"""`spool`: what waits on this machine's disk for the database, and how to bring it there."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from picoevent.cli.cells import json_text, visible
from picoevent.cli.draining import drain
from picoevent.cli.event_rows import show_time
from picoevent.cli.options import current_settings, format_option, setting_option
from picoevent.cli.processes import folder_of, list_readable, total_of
from picoevent.cli.rows import Column, print_rows, print_table
from picoevent.cli.verbs import VerbGroup, help_if_alone, verb
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
    """Show what waits, and what was set aside.

    A row for each process that has a spool. Nothing is changed, and the database is not asked.
    """
    folder = folder_of(current_settings())
    spools = list_readable(folder)
    rows = [_to_row(found) for found in spools]
    if output == "json":
        document = {"folder": str(folder), "spools": rows, "total": total_of(spools)}
        click.echo(json_text(document, indent=2))
    elif output != "table":
        print_rows(rows, COLUMNS if output == "csv" else (), output)
    elif rows:
        _print_table(folder, rows, spools)
    else:
        click.echo(visible(f"The spool is empty: nothing waits in {folder}."))


def _print_table(folder: Path, rows: list[dict[str, object]], spools: list[SpoolStatus]) -> None:
    total = {"process": "total", "oldest_event": None, "last_write": None, "name": ""} | total_of(spools)
    print_table([*rows, total] if len(rows) > 1 else rows, COLUMNS)
    click.echo(visible(f"in {folder}"), err=True)
    for found in spools:
        if found.trouble:
            click.echo(visible(f"warning: {found.name} can't be read: {found.trouble}"), err=True)


def _to_row(found: SpoolStatus) -> dict[str, object]:
    oldest = found.oldest_event_id
    return {
        "name": found.name,
        "process": "dead" if found.pid is None else str(found.pid),
        "pid": found.pid,
        "events": found.pending,
        "bytes": found.bytes,
        "set_aside": found.set_aside,
        "oldest_event": None if oldest is None else format_time(id_time(oldest)),
        "last_write": format_time(datetime.fromtimestamp(found.last_write, UTC)),
        "trouble": found.trouble or None,
    }


for command in (status, drain):
    spool.add_command(command)
