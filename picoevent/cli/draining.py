"""`spool drain`: brings what dead processes left in the spool into the database, and says what did not get in."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from picoevent.cli.cells import json_text, visible
from picoevent.cli.failures import FAILED, INTERRUPTED
from picoevent.cli.opening import open_for_writing
from picoevent.cli.options import current_settings, format_option, setting_option
from picoevent.cli.processes import folder_of, left_by_the_dead, list_readable
from picoevent.cli.progress import Advance, progress_bar
from picoevent.cli.verbs import verb

if TYPE_CHECKING:
    from picoevent.eventlog import EventLog

SHOWN_REASONS = 10


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
    folder = folder_of(current_settings())
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
        # Closing drains on for a moment, and this event log has sent nothing of its own.
        counters = events.counters()
        drained.stored, drained.already_stored = counters["replayed"], counters["already_stored"]
        drained.set_aside, drained.seconds = counters["set_aside"], time.monotonic() - began
    # Counted again, and behind it: what this process has not drained is left by a dead one, too.
    drained.left = _left_by_the_dead(folder)
    drained.held_by_living = sum(found.pending for found in list_readable(folder) if found.pid is not None)
    return drained


def _seconds_left(began: float, timeout: float | None) -> float | None:
    return None if timeout is None else max(0.0, began + timeout - time.monotonic())


def _left_by_the_dead(folder: Path) -> int:
    return left_by_the_dead(list_readable(folder))


def _drain_rounds(
    events: EventLog, drained: Drained, advance: Advance, seconds_left: Callable[[], float | None]
) -> None:
    """Drain until nothing is left that this process may take: of many spools it takes over a few at a time."""
    folder = folder_of(events.settings)
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

    if not any(found.set_aside for found in list_readable(folder)):
        return
    # Into a spool of its own, which is left for adoption: from there on it is drained like any other.
    room = Spool(folder, current_settings().spool_max_mb * 1_000_000)
    try:
        tried = room.retry_set_aside()
    finally:
        room.close()
    click.echo(f"Set aside before, and tried again now: {tried:,}", err=True)


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
