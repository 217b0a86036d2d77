"""`spool drain`: brings what dead processes left in the spool into the database, and says what did not get in."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

import click

from picoevent.cli.cells import json_text, visible
from picoevent.cli.failures import FAILED, INTERRUPTED, CommandFailed
from picoevent.cli.opening import open_for_writing
from picoevent.cli.options import current_settings, format_option, setting_option
from picoevent.cli.progress import Advance, progress_bar
from picoevent.cli.verbs import verb
from picoevent.cli.waiting import (
    MB,
    Waiting,
    is_of_another_user,
    nothing_waits,
    read_spools,
    set_aside_lines,
    user_in_words,
)

if TYPE_CHECKING:
    from picoevent.eventlog import EventLog
    from picoevent.spool import SpoolStatus

SHOWN_PROCESSES = 10
NO_SPOOL_MB = 1
"""How large the spool is meant to be where the setting says that there shall be none, and one is left to drain."""


@dataclass
class Drained:
    """What `drain` has done, and what it found left behind it."""

    stored: int = 0
    already_stored: int = 0
    set_aside: int = 0
    left: int = 0
    held_by_living: int = 0
    set_aside_by_living: int = 0
    of_other_users: int = 0
    unreadable_spools: int = 0
    seconds: float = 0.0
    remarks: list[str] = field(default_factory=list)

    @property
    def is_complete(self) -> bool:
        """Whether everything that was asked for is in the database."""
        rest = self.set_aside_by_living or self.of_other_users or self.unreadable_spools
        return not (self.set_aside or self.left or rest)


@verb("drain", "picoevent spool drain", "picoevent spool drain --set-aside --timeout 60")
@click.option("--set-aside", is_flag=True, help="Try again what was set aside, too.")
@click.option("--timeout", type=click.FloatRange(min=0), metavar="SECONDS", help="Stop after so many seconds.")
@setting_option("spool_dir", metavar="FOLDER")
@format_option("table", "json", what=" the summary")
@click.pass_context
def drain(ctx: click.Context, output: str, *, set_aside: bool, timeout: float | None) -> None:
    """Bring what dead processes left in the spool into the database.

    Living processes drain their own. Can be stopped and repeated at any moment: nothing is lost, and nothing stored
    twice. What the database refuses is set aside, with the reason. With --set-aside, what dead processes have set
    aside is tried again; what belongs to a living one is not, until that ends. Exits with 1 where anything was set
    aside, is left, or could not be tried, and with 3 where the database is away.
    """
    try:
        drained, waiting = _drain(timeout, retry=set_aside)
    except KeyboardInterrupt:
        click.echo("Stopped. What is not in the database is still in the spool: repeat it at any time.", err=True)
        ctx.exit(INTERRUPTED)
    _print_drained(drained, waiting, output)
    if not drained.is_complete:
        ctx.exit(FAILED)


def _drain(timeout: float | None, *, retry: bool) -> tuple[Drained, Waiting]:
    began = time.monotonic()
    drained = Drained()
    waiting = _read()
    if waiting.wrong_database:
        raise CommandFailed(waiting.wrong_database)
    if retry and waiting.set_aside:
        _retry_set_aside(waiting)
        waiting = _read()
    if _to_drain(waiting):
        with _open() as events, progress_bar("Draining") as advance:
            _drain_rounds(events, advance, lambda: _seconds_left(began, timeout))
        # Closing drains on for a moment, and this event log has sent nothing of its own.
        counters = events.counters()
        drained.stored, drained.already_stored = counters["replayed"], counters["already_stored"]
        drained.set_aside, drained.seconds = counters["set_aside"], time.monotonic() - began
    # Read again, and behind it: what this process has not drained is left by a dead one, too.
    waiting = _read()
    _note_rest(drained, waiting, retry=retry)
    return drained, waiting


def _note_rest(drained: Drained, waiting: Waiting, *, retry: bool) -> None:
    """Count what is still there, and say why."""
    drained.left = waiting.left_by_the_dead
    drained.held_by_living = waiting.events - waiting.left_by_the_dead
    if drained.held_by_living:
        drained.remarks.append(f"Living processes hold {drained.held_by_living:,} more, and drain them on their own.")
    unreadable = [spool for spool in waiting.spools if spool.trouble]
    drained.unreadable_spools = len(unreadable)
    drained.remarks += [f"{spool.name} can't be read, and stays as it is: {spool.trouble}" for spool in unreadable]
    kept = [spool for spool in waiting.spools if retry and spool.pid is not None and _events_aside(spool)]
    if kept:
        drained.set_aside_by_living = sum(_events_aside(spool) for spool in kept)
        drained.remarks.append(_living_in_words(kept, drained.set_aside_by_living))
    for uid, count in _of_other_users(waiting, retry=retry).items():
        drained.of_other_users += count
        user, own = user_in_words(uid), user_in_words(os.geteuid())
        what = f"Not touched, because they belong to {user}, and this is {own}: {count:,}."
        drained.remarks.append(f"{what} Run this as that user.")


def _living_in_words(kept: list[SpoolStatus], count: int) -> str:
    some = ", ".join(str(spool.pid) for spool in kept[:SHOWN_PROCESSES]) + (", ..." if kept[SHOWN_PROCESSES:] else "")
    what = f"Set aside by living processes (pid {some}), and not tried again while these live: {count:,}."
    return f"{what} End or restart them, then repeat this."


def _read() -> Waiting:
    return read_spools(current_settings())


def _open() -> AbstractContextManager[EventLog]:
    return open_for_writing(spool_max_mb=current_settings().spool_max_mb or NO_SPOOL_MB)


def _seconds_left(began: float, timeout: float | None) -> float | None:
    return None if timeout is None else max(0.0, began + timeout - time.monotonic())


def _to_drain(waiting: Waiting) -> int:
    """Return how many events wait that this user can take over."""
    return sum(spool.pending for spool in waiting.spools if spool.pid is None and not is_of_another_user(spool))


def _events_aside(spool: SpoolStatus) -> int:
    return spool.set_aside - spool.illegible


def _of_other_users(waiting: Waiting, *, retry: bool) -> Counter[int]:
    """Return how many events of dead processes only other users can take over, by the number of the user."""
    found: Counter[int] = Counter()
    for spool in waiting.spools:
        if spool.pid is None and spool.uid is not None and is_of_another_user(spool):
            found[spool.uid] += spool.pending + (_events_aside(spool) if retry else 0)
    return +found


def _drain_rounds(events: EventLog, advance: Advance, seconds_left: Callable[[], float | None]) -> None:
    """Drain until nothing is left that this process may take: of many spools it takes over a few at a time."""
    waiting = total = _to_drain(_read())
    done = 0
    while waiting:
        report = events.drain_spool(partial(_show, advance, total, done), seconds_left())
        done += report.stored + report.set_aside
        before, waiting = waiting, _to_drain(_read())
        # Not without an end, where it does not get less.
        if report.left or waiting >= before:
            return


def _show(advance: Advance, total: int, before: int, done: int, _left: int) -> None:
    advance(before + done, total, before + done)


def _retry_set_aside(waiting: Waiting) -> None:
    from picoevent.spool import Spool, database_name

    settings = current_settings()
    # Into a spool of its own, which is left for adoption: from there on it is drained like any other.
    size = (settings.spool_max_mb or NO_SPOOL_MB) * MB
    room = Spool(waiting.folder, size, database=database_name(settings))
    try:
        tried = room.retry_set_aside()
    finally:
        room.close()
    click.echo(f"Set aside before, and tried again now: {tried:,}", err=True)


def _print_drained(drained: Drained, waiting: Waiting, output: str) -> None:
    if output == "json":
        document = {name: getattr(drained, name) for name in Drained.__dataclass_fields__}
        click.echo(json_text(document | {"set_aside_for": dict(waiting.reasons)}, indent=2))
        return
    click.echo(visible(_sentence(drained, waiting)))
    for line in (*drained.remarks, *set_aside_lines(waiting)):
        click.echo(visible(line))


def _sentence(drained: Drained, waiting: Waiting) -> str:
    if not waiting.exists:
        return f"Nothing to drain. {nothing_waits(waiting)}"
    if not (drained.stored or drained.set_aside or drained.left):
        return f"Nothing to drain: no dead process has left anything in {waiting.folder}."
    rate = f" ({drained.stored / drained.seconds:,.0f}/s)" if drained.stored and drained.seconds else ""
    return (
        f"{drained.stored:,} stored ({drained.already_stored:,} of them were there already), "
        f"{drained.set_aside:,} set aside, {drained.left:,} left in {drained.seconds:.1f} s{rate}"
    )
