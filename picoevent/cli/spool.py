"""`spool`: what waits on this machine's disk for the database, and how to bring it there."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from picoevent.cli.cells import json_text, visible
from picoevent.cli.event_rows import show_time
from picoevent.cli.failures import FAILED, INTERRUPTED, CommandFailed
from picoevent.cli.opening import open_for_writing
from picoevent.cli.options import current_settings, format_option, setting_option
from picoevent.cli.processes import left_by_the_dead, total_of
from picoevent.cli.progress import Advance, progress_bar
from picoevent.cli.rows import Column, print_rows, print_table
from picoevent.cli.verbs import VerbGroup, help_if_alone, verb
from picoevent.event import format_time
from picoevent.ids import id_time

if TYPE_CHECKING:
    from picoevent.eventlog import EventLog
    from picoevent.settings import Settings
    from picoevent.spool import SpoolStatus

SHOWN_REASONS = 10


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
    folder = _folder(current_settings())
    spools = _list(folder)
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


def _folder(settings: Settings) -> Path:
    from picoevent.spool import spool_folder

    return spool_folder(settings)


def _list(folder: Path) -> list[SpoolStatus]:
    from picoevent.spool import list_spools

    try:
        return list_spools(folder)
    except OSError as error:
        message = f"The spool in {folder} can't be read ({error.strerror})."
        raise CommandFailed(message, hint="Run this as the user of the application.") from error


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


@dataclass
class Drained:
    """What `drain` has done, and what it found left behind it."""

    stored: int = 0
    already_stored: int = 0
    set_aside: int = 0
    left: int = 0
    held_by_living: int = 0
    seconds: float = 0.0

    @property
    def done(self) -> int:
        """How many events are out of the spool."""
        return self.stored + self.set_aside


@verb("drain", "picoevent spool drain", "picoevent spool drain --set-aside --timeout 60")
@click.option("--set-aside", is_flag=True, help="Try again what was set aside, too.")
@click.option("--timeout", type=click.FloatRange(min=0), metavar="SECONDS", help="Stop after so many seconds.")
@setting_option("spool_dir", metavar="FOLDER")
@format_option("table", "json", what=" the summary")
@click.pass_context
def drain(ctx: click.Context, output: str, *, set_aside: bool, timeout: float | None) -> None:
    """Bring what dead processes left in the spool into the database.

    Living processes drain their own. Can be stopped and repeated at any moment: nothing is lost, and nothing stored
    twice. What the database refuses is set aside, with the reason. Exits with 1 where anything was set aside or is
    left, and with 3 where the database is away.
    """
    folder = _folder(current_settings())
    try:
        drained = _drain(folder, timeout, retry=set_aside)
    except KeyboardInterrupt:
        click.echo("Stopped. What is not in the database is still in the spool: repeat it at any time.", err=True)
        ctx.exit(INTERRUPTED)
    _print_drained(drained, folder, output)
    if drained.set_aside or drained.left:
        ctx.exit(FAILED)


def _drain(folder: Path, timeout: float | None, *, retry: bool) -> Drained:
    began = time.monotonic()
    drained = Drained()
    if retry:
        _retry_set_aside(folder)
    if _left_by_the_dead(folder):
        with open_for_writing() as events, progress_bar("Draining") as advance:
            _drain_rounds(events, drained, advance, lambda: _seconds_left(began, timeout))
            drained.seconds = time.monotonic() - began
    # Counted again, and behind it: what this process has not drained is left by a dead one, too.
    drained.left = _left_by_the_dead(folder)
    drained.held_by_living = sum(found.pending for found in _list(folder) if found.pid is not None)
    return drained


def _seconds_left(began: float, timeout: float | None) -> float | None:
    return None if timeout is None else max(0.0, began + timeout - time.monotonic())


def _left_by_the_dead(folder: Path) -> int:
    return left_by_the_dead(_list(folder))


def _drain_rounds(
    events: EventLog, drained: Drained, advance: Advance, seconds_left: Callable[[], float | None]
) -> None:
    """Drain until nothing is left that this process may take: of many spools it takes over a few at a time."""
    folder = _folder(events.settings)
    waiting = total = _left_by_the_dead(folder)
    while waiting:
        report = events.drain_spool(partial(_show, advance, total, drained.done), seconds_left())
        drained.stored += report.stored
        drained.already_stored += report.already_stored
        drained.set_aside += report.set_aside
        before, waiting = waiting, _left_by_the_dead(folder)
        # Not without an end, where it does not get less.
        if report.left or waiting >= before:
            return


def _show(advance: Advance, total: int, before: int, done: int, _left: int) -> None:
    advance(before + done, total, before + done)


def _retry_set_aside(folder: Path) -> None:
    from picoevent.spool import Spool

    if not any(found.set_aside for found in _list(folder)):
        return
    # Into a spool of its own, which is left for adoption: from there on it is drained like any other.
    room = Spool(folder, current_settings().spool_max_mb * 1_000_000)
    try:
        tried = room.retry_set_aside()
    finally:
        room.close()
    click.echo(f"{tried:,} events that were set aside are tried again.", err=True)


def _print_drained(drained: Drained, folder: Path, output: str) -> None:
    reasons = _reasons(folder)
    if output == "json":
        document = {name: getattr(drained, name) for name in Drained.__dataclass_fields__}
        click.echo(json_text(document | {"set_aside_for": dict(reasons)}, indent=2))
        return
    click.echo(_sentence(drained))
    if drained.held_by_living:
        click.echo(f"Living processes hold {drained.held_by_living:,} more, and drain them on their own.")
    for reason, count in reasons.most_common(SHOWN_REASONS):
        click.echo(visible(f"set aside: {count:,} x {reason}"))
    if len(reasons) > SHOWN_REASONS:
        click.echo(f"... and {len(reasons) - SHOWN_REASONS:,} other reasons; --format json has them all.")


def _sentence(drained: Drained) -> str:
    if not (drained.stored or drained.set_aside or drained.left):
        return "Nothing to drain: no dead process has left anything in the spool."
    rate = f" ({drained.stored / drained.seconds:,.0f}/s)" if drained.stored and drained.seconds else ""
    return (
        f"{drained.stored:,} stored ({drained.already_stored:,} of them were there already), "
        f"{drained.set_aside:,} set aside, {drained.left:,} left in {drained.seconds:.1f} s{rate}"
    )


def _reasons(folder: Path) -> Counter[str]:
    from picoevent.spool import iter_set_aside

    return Counter(reason for _, reason in iter_set_aside(folder))


for command in (status, drain):
    spool.add_command(command)
