"""`verify`: whether the rollups say what the events say, and where they do not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Unpack

import click

from picoevent.cli.cells import json_text
from picoevent.cli.failures import FAILED
from picoevent.cli.opening import check_file
from picoevent.cli.options import current_settings, format_option
from picoevent.cli.progress import progress_bar
from picoevent.cli.rows import Column, print_rows, print_table
from picoevent.cli.spans import ChosenSpan, read_span, span_options
from picoevent.cli.verbs import verb

if TYPE_CHECKING:
    from picoevent.fold.verify import Findings
    from picoevent.rollup.tiers import Calendar
    from picoevent.store.sql import SqlStore


def _count(value: object) -> str:
    return f"{value:,}"


COLUMNS = (
    Column("tier", "TIER"),
    Column("bucket", "BUCKET"),
    Column("event_type", "EVENT TYPE"),
    Column("source", "SOURCE"),
    Column("what", "WHAT"),
    Column("rollup", "ROLLUP", numeric=True, show=_count),
    Column("raw", "EVENTS", numeric=True, show=_count),
)


@verb("verify", "picoevent verify", "picoevent verify --since 7d", "picoevent verify --range 2026-11 --format json")
@span_options
@format_option("table", "json", "csv")
@click.pass_context
def verify(ctx: click.Context, output: str, **span: Unpack[ChosenSpan]) -> None:
    """Compare the rollups with the events that they were counted from.

    Day by day, and while others write: what still waits to be counted is left out. By default all days that have
    events. Nothing is changed; where something differs, it exits with 1, and `picoevent rollups rebuild` mends it. So
    it does where events wait and none was ever counted: then there is nothing to compare.
    """
    from picoevent.fold.verify import Verifier
    from picoevent.rollup.tiers import Calendar
    from picoevent.store import open_store
    from picoevent.store.base import Purpose

    settings = current_settings()
    check_file(settings)
    store = open_store(settings.url, settings, Purpose.READ)
    try:
        calendar = Calendar(store.installation_value("timezone"))
        chosen = read_span(calendar, **span)
        with progress_bar("comparing") as advance:
            findings = Verifier(store).verify(*chosen, progress=advance)
        rows = to_rows(findings, calendar, store)
    finally:
        store.close()
    if output == "json":
        click.echo(json_text(_document(findings, rows), indent=2))
    elif output == "csv":
        print_rows(rows, COLUMNS, output)
    else:
        _print_for_people(findings, rows, calendar)
    for seq, events in findings.unreadable.items():
        click.echo(f"warning: batch {seq} of pending can't be read: its {events:,} events are in no rollup.", err=True)
    if not findings.agree or findings.unreadable or _nothing_was_counted(findings):
        ctx.exit(FAILED)


def to_rows(findings: Findings, calendar: Calendar, store: SqlStore) -> list[dict[str, object]]:
    """Return the differences with the names of types and sources, and buckets as times of the calendar's zone."""
    from picoevent.store.names import list_event_types, list_sources

    if not findings.differences:
        return []
    with store.reading() as connection:
        types = {found.event_type_id: found.name for found in list_event_types(connection)}
        sources = {found.source_id: found.name for found in list_sources(connection)}
    return [
        {
            "tier": found.tier.name.lower(),
            "bucket": calendar.local(found.bucket).isoformat(timespec="minutes"),
            "event_type": _name(types, found.event_type_id),
            "source": _name(sources, found.source_id),
            "what": found.what,
            "rollup": found.rollup,
            "raw": found.raw,
        }
        for found in findings.differences
    ]


def _name(names: Mapping[int, str], number: int) -> str:
    return names.get(number, f"(number {number})") if number else "(any)"


def _document(findings: Findings, rows: list[dict[str, object]]) -> dict[str, object]:
    return {
        "agree": findings.agree,
        "days": findings.days,
        "events": findings.events,
        "waiting": findings.waiting,
        "begun": findings.begun,
        "zone": findings.zone,
        "differences": rows,
        "more_differences": findings.more,
        "unreadable_batches": [{"seq": seq, "events": events} for seq, events in findings.unreadable.items()],
        "notes": findings.notes,
    }


def _print_for_people(findings: Findings, rows: list[dict[str, object]], calendar: Calendar) -> None:
    if rows:
        print_table(rows, COLUMNS)
    if findings.more:
        click.echo(f"... and {findings.more:,} more")
    if _nothing_was_counted(findings):
        waits = f"{counted(findings.waiting, 'event')} {'waits' if findings.waiting == 1 else 'wait'}"
        click.echo(f"Nothing was counted yet, and {waits}: there is nothing to compare.")
        click.echo("Run: picoevent worker", err=True)
        return
    if findings.waiting:
        click.echo(f"{counted(findings.waiting, 'event')} more wait to be counted, and were left out.", err=True)
    for note in findings.notes:
        click.echo(f"note: {note}", err=True)
    what = f"{counted(findings.days, 'day')}, {counted(findings.events, 'event')}"
    if findings.agree:
        click.echo(f"{what}: rollups and events agree.")
    else:
        click.echo(f"{what}: {counted(len(rows) + findings.more, 'difference')}.")
        click.echo(f"Run: picoevent rollups rebuild --range {_days_of(findings, calendar)}", err=True)


def _nothing_was_counted(findings: Findings) -> bool:
    """Say whether events wait, and nobody has counted any yet."""
    return findings.agree and not findings.begun and findings.waiting > 0


def _days_of(findings: Findings, calendar: Calendar) -> str:
    """Return the range of all days with differences."""
    from picoevent.rollup.tiers import Tier

    last = calendar.bucket(Tier.DAY, max(found.bucket for found in findings.differences))
    begin = calendar.day_of(min(found.bucket for found in findings.differences))
    return f"{begin}..{calendar.day_of(calendar.following(Tier.DAY, last))}"


def counted(number: int, word: str) -> str:
    """Return a number with its word, in the plural where it is one."""
    return f"1 {word}" if number == 1 else f"{number:,} {word}s"
