"""`import`: events from files, with a word about every line that could not be stored."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypedDict, Unpack

import click

from picoevent.cli.cells import json_text, visible
from picoevent.cli.failures import FAILED, INTERRUPTED, print_error
from picoevent.cli.opening import open_for_writing
from picoevent.cli.options import format_option
from picoevent.cli.progress import progress_bar, wipe_bar
from picoevent.cli.verbs import verb

if TYPE_CHECKING:
    from picoevent.importing import FileReport, ImportReport, LineProblem

SHOWN_BAD_LINES = 20
FILE_FORMATS = ("ndjson", "csv", "access-log")


class ChosenReading(TypedDict):
    """What the options of `import` say about the files; the fields are those of `ImportOptions`."""

    file_format: str | None
    event_type: str | None
    source: str | None
    time_field: str | None
    user_field: str | None
    timezone: str | None


@verb(
    "import",
    "picoevent import access.log.1.gz --source www",
    "picoevent import orders.csv --type order.paid --time-field paid_at --timezone Europe/Berlin",
    "zcat events.*.ndjson.gz | picoevent import -",
)
@click.argument("files", metavar="FILE...", nargs=-1, required=True)
@click.option(
    "--file-format",
    type=click.Choice(FILE_FORMATS),
    metavar="FORMAT",
    help="What the files are, where they don't show it: ndjson (JSON lines), csv or access-log.",
)
@click.option("--type", "event_type", metavar="TYPE", help="The type of all events; a whole line becomes its data.")
@click.option("--source", metavar="SOURCE", help="The source of all events, whatever a line says.")
@click.option("--time-field", metavar="NAME", help="The key or column that holds the time.")
@click.option("--user-field", metavar="NAME", help="The key or column that holds the user.")
@click.option("--timezone", metavar="ZONE", help="The zone of times without an offset, such as Europe/Berlin.")
@click.option("--all-bad-lines", is_flag=True, help=f"Report every bad line, not only the first {SHOWN_BAD_LINES}.")
@click.option("--strict", is_flag=True, help="Exit with 1 where any line was bad.")
@format_option("table", "json", what=" the summary")
@click.pass_context
def import_(
    ctx: click.Context,
    files: tuple[str, ...],
    output: str,
    *,
    all_bad_lines: bool,
    strict: bool,
    **chosen: Unpack[ChosenReading],
) -> None:
    """Import events from files: JSON lines, CSV, access logs.

    Plain or .gz, and - is standard input. One event a line, with the line's own time. A bad line is reported and does
    not stop the rest. A file that was imported before, wholly or in part, is completed and not repeated. JSON lines
    and CSV have the fields type, time, user_id, source and data; other files are read with --type and --time-field.

    A last line that may still be being written (no line feed, an access log changed within the last minute) is
    reported as bad: import the file again when it is complete.
    """
    bad_lines = BadLines(None if all_bad_lines else SHOWN_BAD_LINES)
    try:
        report = _import(files, chosen, bad_lines)
    except KeyboardInterrupt:
        click.echo("Stopped. Repeat the same import: it goes on, and stores nothing twice.", err=True)
        ctx.exit(INTERRUPTED)
    bad_lines.print_rest()
    _print_note(report)
    _print_report(report, output)
    refused = report.refused.total() or any(file.trouble for file in report.files)
    if refused or (strict and report.bad):
        ctx.exit(FAILED)


def _import(files: tuple[str, ...], chosen: ChosenReading, bad_lines: BadLines) -> ImportReport:
    from picoevent.importing import FileFormat, ImportOptions, import_files

    given = ImportOptions(
        file_format=FileFormat(chosen["file_format"]) if chosen["file_format"] else None,
        event_type=chosen["event_type"],
        source=chosen["source"],
        time_field=chosen["time_field"],
        user_field=chosen["user_field"],
        timezone=chosen["timezone"],
    )
    with open_for_writing() as events, progress_bar("Importing") as advance:
        return import_files(events, files, given, on_progress=advance, on_bad_line=bad_lines.tell)


class BadLines:
    """Prints lines that were not stored on stderr, up to a limit (None: all), and counts the rest."""

    def __init__(self, limit: int | None) -> None:
        self._limit = limit
        self._told = 0

    def tell(self, problem: LineProblem) -> None:
        """Print one, or count it."""
        self._told += 1
        if self._limit is None or self._told <= self._limit:
            wipe_bar()
            click.echo(visible(f"{problem.file}:{problem.line}: {problem.reason}"), err=True)

    def print_rest(self) -> None:
        """Say how many were not printed."""
        if self._limit is not None and self._told > self._limit:
            click.echo(f"... and {self._told - self._limit:,} more; --all-bad-lines shows them.", err=True)


def _print_report(report: ImportReport, output: str) -> None:
    if output == "json":
        total = _figures("total", report)
        files = [_figures(file.file, file) | {"trouble": file.trouble or None} for file in report.files]
        click.echo(json_text({"files": files, "total": total}, indent=2))
        return
    for file in report.files:
        click.echo(visible(_sentence(file.file, file)))
    if len(report.files) > 1:
        click.echo(_sentence("total", report))
    for file in report.files:
        if file.trouble:
            print_error(file.trouble)


def _print_note(report: ImportReport) -> None:
    if report.note:
        click.echo(visible(f"note: the events were stored by INSERT, which takes longer: {report.note}"), err=True)


def _figures(name: str, report: FileReport | ImportReport) -> dict[str, object]:
    return {
        "file": name,
        "lines": report.lines,
        "stored": report.stored,
        "already": report.already,
        "refused": {str(reason): count for reason, count in sorted(report.refused.items())},
        "bad": report.bad,
        "seconds": round(report.seconds, 3),
    }


def _sentence(name: str, report: FileReport | ImportReport) -> str:
    refused, bad = report.refused.total(), report.bad
    events = report.stored + report.already + refused
    rate = f" ({events / report.seconds:,.0f}/s)" if events and report.seconds else ""
    return (
        f"{name}: {report.lines:,} {_plural('line', report.lines)}, {report.stored:,} stored, "
        f"{report.already:,} already there, {refused:,} refused, {bad:,} bad {_plural('line', bad)} "
        f"in {report.seconds:.1f} s{rate}"
    )


def _plural(word: str, count: int) -> str:
    return word if count == 1 else f"{word}s"
