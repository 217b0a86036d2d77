"""`rollups`: how far they are and what they take, and mending them while writing goes on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Unpack

import click

from picoevent.cli.cells import json_text, visible
from picoevent.cli.interruption import Interruption
from picoevent.cli.opening import check_file
from picoevent.cli.options import current_settings, format_option
from picoevent.cli.progress import progress_bar
from picoevent.cli.rezone import rezone
from picoevent.cli.rows import Column, print_table
from picoevent.cli.spans import ChosenSpan, read_span, span_options
from picoevent.cli.verbs import VerbGroup, help_if_alone, verb
from picoevent.cli.verify import counted

if TYPE_CHECKING:
    from picoevent.rollup.tiers import Calendar
    from picoevent.store.sql import SqlStore

SIZES = (
    Column("table", "TABLE"),
    Column("rows", "ROWS", numeric=True, show=lambda value: f"{value:,}"),
    Column("bytes", "BYTES", numeric=True, show=lambda value: f"{value:,}"),
)
TIERS = (Column("tier", "TIER"), Column("kept_from", "KEPT FROM"), Column("closed_to", "CLOSED UP TO"))


@click.group(cls=VerbGroup, invoke_without_command=True)
@click.pass_context
def rollups(ctx: click.Context) -> None:
    """Look at the rollups, and mend them.

    `picoevent verify` says whether they need it.
    """
    help_if_alone(ctx)


@contextmanager
def open_fold_store(purpose: str, **overrides: Any) -> Iterator[SqlStore]:  # noqa: ANN401  # fields of Settings
    """Open the primary for one purpose: "read", or "fold" for what changes rollups."""
    from picoevent.store import open_store
    from picoevent.store.base import Purpose

    settings = current_settings(**overrides)
    check_file(settings)
    store = open_store(settings.url, settings, Purpose(purpose))
    try:
        yield store
    finally:
        store.close()


def calendar_of(store: SqlStore) -> Calendar:
    """Return the calendar of the reporting zone."""
    from picoevent.rollup.tiers import Calendar

    return Calendar(store.installation_value("timezone"))


@verb("status", "picoevent rollups status", "picoevent rollups status --format json")
@format_option("table", "json")
def status(output: str) -> None:
    """Show who counts, what waits, from when on each tier is kept, and what the tables take.

    Times are of the reporting zone. On MySQL, rows and bytes are estimates of the server.
    """
    from picoevent.cli.fold_status import look_at_fold
    from picoevent.store.fold_state import read_state
    from picoevent.store.rollup_sizes import read_sizes

    with open_fold_store("read") as store:
        calendar, fold = calendar_of(store), look_at_fold(store)
        with store.reading() as connection:
            state = read_state(connection)
            sizes = [{"table": size.table, "rows": size.rows, "bytes": size.bytes} for size in read_sizes(connection)]
    tiers = [
        {
            "tier": tier,
            "kept_from": _moment(calendar, getattr(state, f"kept_{tier}", 0)),
            "closed_to": _moment(calendar, getattr(state, f"closed_{tier}", 0)),
        }
        for tier in ("minute", "quarter", "day", "month")
    ]
    facts: dict[str, Any] = {
        "zone": calendar.zone,
        "leader": state.leader or None,
        "heartbeat_age_ms": fold.age_ms if state.heartbeat_ms else None,
        "pending_events": fold.pending_events,
        "version": state.version,
        "raw_from": _moment(calendar, state.raw_from),
    }
    if output == "json":
        click.echo(json_text({**facts, "tiers": tiers, "tables": sizes}, indent=2))
        return
    raw = f"from {facts['raw_from']} on" if facts["raw_from"] else "from the first event on"
    for what, words in (("Counting", fold.words), ("Reporting zone", calendar.zone), ("Raw rows", raw)):
        click.echo(visible(f"{what:<18}{words}"))
    click.echo()
    print_table(tiers, TIERS)
    click.echo()
    print_table(sizes, SIZES)


def _moment(calendar: Calendar, second: int) -> str | None:
    return calendar.local(second).isoformat(timespec="minutes") if second else None


@verb("rebuild", "picoevent rollups rebuild --range 2026-11-20", "picoevent rollups rebuild --since 7d")
@span_options
def rebuild(**span: Unpack[ChosenSpan]) -> None:
    """Count days anew from their events, while writing goes on.

    Takes the whole days of a range, in the reporting zone, and the months that they lie in. Counting waits for moments
    meanwhile; nothing else does. It can be stopped with Ctrl-C at any time, and done again. Where events were dropped
    already it refuses: their rollups are all there is.
    """
    from picoevent.fold.alone import LoneFold
    from picoevent.fold.rebuild import Rebuilder
    from picoevent.rollup.tiers import Tier

    if not any(span.values()):
        raise click.UsageError("Say which days: --since TIME, or --range 2026-11-20; `picoevent verify` names them.")
    settings = current_settings()
    with open_fold_store("fold") as store:
        calendar = calendar_of(store)
        since, until = read_span(calendar, **span)
        alone = LoneFold(settings)
        # Whatever waits would be looked through for each bucket.
        alone.catch_up()
        alone.close()
        with Interruption() as interruption, progress_bar("counting anew") as advance:
            rebuilt = Rebuilder(store, settings.dimension_values_kept).rebuild(
                since, until, progress=advance, check=interruption.check
            )
    days = sum(1 for _ in calendar.buckets(Tier.DAY, rebuilt.since, rebuilt.until))
    for note in rebuilt.notes:
        click.echo(f"note: {note}", err=True)
    click.echo(f"{counted(days, 'day')}, {counted(rebuilt.events, 'event')} counted anew. Check: picoevent verify")


for command in (status, rebuild, rezone):
    rollups.add_command(command)
