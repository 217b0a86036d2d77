"""`report`: any report by its name, and the list of all; its options are what the report takes."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from picoevent.cli.answers import print_answer
from picoevent.cli.opening import open_for_reading
from picoevent.cli.options import format_option
from picoevent.cli.rows import Column, print_table
from picoevent.cli.verbs import Verb, VerbGroup, verb

if TYPE_CHECKING:
    from picoevent.report.frame import Report

ANSWER_FORMATS = ("table", "json", "csv")
MOMENT = "as 7d, today, this month, 2026-11-22 or 2026-11-22T10:30+01:00"
LIST = (Column("name", "REPORT"), Column("summary", "WHAT IT SAYS", shrinks=True))


def _read_filters(_ctx: click.Context, _param: click.Parameter, given: Sequence[str]) -> dict[str, list[str]] | None:
    filters: dict[str, list[str]] = {}
    for text in given:
        path, separator, value = text.partition("=")
        if not separator or not path:
            raise click.BadParameter(f"{text!r} is not a filter. Write PATH=VALUE, such as plan=team.")
        filters.setdefault(path, []).append(value)
    return filters or None


def _several(_ctx: click.Context, _param: click.Parameter, given: Sequence[str]) -> list[str] | None:
    return list(given) or None


RANGE_OPTIONS = (
    click.Option(["--since"], metavar="TIME", help=f"The first moment that counts: {MOMENT}."),
    click.Option(["--until"], metavar="TIME", help="The first moment that does not, likewise (default: now)."),
    click.Option(["--zone"], metavar="ZONE", help="Time zone of days and hours, such as Europe/Berlin."),
)
COMMON_OPTIONS: Mapping[str, Callable[[Report], click.Option]] = {
    "types": lambda _: click.Option(
        ["--type", "types"], metavar="TYPE", multiple=True, callback=_several, help="Only this event type; repeatable."
    ),
    "sources": lambda _: click.Option(
        ["--source", "sources"],
        metavar="SOURCE",
        multiple=True,
        callback=_several,
        help="Only this source; repeatable.",
    ),
    "interval": lambda report: click.Option(
        ["--interval"], metavar="WIDTH", help=f"{', '.join(report.intervals[:-1])} or {report.intervals[-1]}."
    ),
    "filters": lambda _: click.Option(
        ["--where", "filters"],
        metavar="PATH=VALUE",
        multiple=True,
        callback=_read_filters,
        help="Only events with this value of a dimension; repeatable. PATH= is the empty text, 'PATH=(none)' no value, "
        "and 'PATH=\"(none)\"' the text (none).",
    ),
    "limit": lambda _: click.Option(["--limit"], metavar="N", type=int, help="How many rows at most (default: 10)."),
    "compare": lambda _: click.Option(
        ["--compare"], is_flag=True, default=None, help="Put the period before beside this one."
    ),
}
"""The option of each common argument that a report may take."""
EXAMPLES = {
    "top_values": "--of path --type page.view",
    "breakdown": "--by collection,action --limit 20",
    "user_timeline": "--user 7 --since 'this month'",
    "history": "--dimension order_id --value A-1001",
    "funnel": "--steps 'page.view > cart.added > order.paid' --window 2h",
    "goals": "--since 'this month' --goal paid",
    "realtime": "--type page.view",
    "retention": "--interval month --since 'this year'",
    "suspicious": "--by ip --since 7d --window 10m",
}
"""What the help of a report shows, where that is more than a range."""


class ReportGroup(VerbGroup):
    """The verbs are the reports, each with the options that it takes."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  # click's signature
        """Return the names of all reports."""
        from picoevent.report.catalogue import REPORTS

        return [report.name for report in REPORTS]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002  # as above
        """Return the verb of a report, None where there is none."""
        from picoevent.report.catalogue import REPORTS

        found = [report for report in REPORTS if report.name == cmd_name]
        return make_verb(found[0]) if found else None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the report; for one that is not there, name those that look like it."""
        from picoevent.report.arguments import near

        names = self.list_commands(ctx)
        if args[0] not in names and not args[0].startswith("-"):
            ctx.fail(f"There is no report {args[0]!r}. {near(args[0], names)}")
        return super().resolve_command(ctx, args)


def make_verb(report: Report) -> Verb:
    """Return the verb of a report; its options come from what the report takes."""

    def run(output: str, **given: object) -> None:
        arguments = {name: value for name, value in given.items() if value is not None}
        with open_for_reading() as events:
            print_answer(events.report(report.name, **arguments), output, row=report.row)

    meaning = f"\n\n{inspect.getdoc(report.row)}" if report.row else ""
    run.__doc__ = f"{report.summary}.{meaning}\n\nThe range is {report.range_in_words}. See docs/reports.md."
    example = EXAMPLES.get(report.name, "--since 'this month' --format csv")
    command = verb(report.name, f"picoevent report {report.name} {example}")(format_option(*ANSWER_FORMATS)(run))
    command.params = [*RANGE_OPTIONS, *_options(report), *command.params]
    return command


def _options(report: Report) -> list[click.Parameter]:
    common = [COMMON_OPTIONS[name](report) for name in report.takes]
    own = [
        click.Option([f"--{name.replace('_', '-')}", name], metavar="TEXT", help=f"{text}.")
        for name, text in report.options.items()
    ]
    return [*common, *own]


@click.group("report", cls=ReportGroup, invoke_without_command=True)
@click.pass_context
def report(ctx: click.Context) -> None:
    """Answer a question from the rollups; without a name, list all reports.

    For example: picoevent report series --since 7d --interval day
    """
    if ctx.invoked_subcommand is None:
        from picoevent.report.catalogue import REPORTS

        rows: list[dict[str, Any]] = [{"name": one.name, "summary": one.summary} for one in REPORTS]
        print_table(rows, LIST)
        click.echo("\nWhat a report takes: picoevent report NAME --help")
