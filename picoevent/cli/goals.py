"""`goal`: what users are wanted to do; the report `goals` tells how many did."""

from __future__ import annotations

from collections.abc import Sequence

import click

from picoevent.cli.cells import visible
from picoevent.cli.opening import open_for_reading, open_for_writing
from picoevent.cli.options import format_option
from picoevent.cli.rows import Column, print_rows
from picoevent.cli.verbs import VerbGroup, help_if_alone, verb

COLUMNS = (
    Column("name", "NAME"),
    Column("event_type", "EVENT TYPE"),
    Column("filters", "WHERE", shrinks=True),
    Column("measure", "WORTH"),
)


@click.group(cls=VerbGroup, invoke_without_command=True)
@click.pass_context
def goal(ctx: click.Context) -> None:
    """Say what users are wanted to do.

    A goal is an event type, values of its data, and perhaps the key of what a conversion is worth.
    """
    help_if_alone(ctx)


@verb("add", "picoevent goal add paid order.paid --where plan=team --worth amount")
@click.argument("name")
@click.argument("event_type", metavar="TYPE")
@click.option(
    "--where",
    "conditions",
    metavar="PATH=VALUE",
    multiple=True,
    help="Only events with this value; repeatable. As in picoevent report.",
)
@click.option("--worth", "measure", metavar="PATH", default="", help="The key of what a conversion is worth.")
def add(name: str, event_type: str, conditions: Sequence[str], measure: str) -> None:
    """Add a goal: events of a type, with values of their data."""
    filters: dict[str, list[str]] = {}
    for condition in conditions:
        path, separator, value = condition.partition("=")
        if not separator or not path:
            raise click.UsageError(f"{condition!r} is not a condition. Write PATH=VALUE, such as plan=team.")
        filters.setdefault(path, []).append(value)
    with open_for_writing() as events:
        made = events.goals.add(name, event_type, filters, measure=measure)
    click.echo(f"{visible(made.name)} is a goal now. See: picoevent report goals")


@verb("list", "picoevent goal list", "picoevent goal list --format json")
@format_option()
def list_(output: str) -> None:
    """List the goals."""
    with open_for_reading() as events:
        rows = [
            {
                "name": found.name,
                "event_type": found.event_type,
                "filters": ", ".join(f"{path}={'|'.join(values)}" for path, values in found.filters.items()),
                "measure": found.measure,
            }
            for found in events.goals.list()
        ]
    print_rows(rows, COLUMNS, output)
    if not rows:
        click.echo("There is none yet. Add one: picoevent goal add NAME TYPE", err=True)


@verb("remove", "picoevent goal remove paid")
@click.argument("name")
def remove(name: str) -> None:
    """Remove a goal; no event is touched."""
    with open_for_writing() as events:
        events.goals.remove(name)
    click.echo(f"{visible(name)} is no goal any more.")


for command in (add, list_, remove):
    goal.add_command(command)
