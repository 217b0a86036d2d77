"""`withdraw`: what of an event type's data is counted no more."""

from __future__ import annotations

from typing import TypedDict, Unpack

import click

from picoevent.cli.declarations import print_declaration, read_pairs
from picoevent.cli.opening import open_for_writing
from picoevent.cli.verbs import verb


class Chosen(TypedDict):
    """What the options of `withdraw` say."""

    dimensions: tuple[str, ...]
    pairs: tuple[tuple[str, str], ...]
    measures: tuple[str, ...]
    searchable: tuple[str, ...]
    distinct: tuple[str, ...]


@verb(
    "withdraw",
    "picoevent withdraw page.view --dimension path",
    "picoevent withdraw order.paid --measure amount --searchable coupon",
)
@click.argument("event_type", metavar="TYPE")
@click.option(
    "--dimension", "dimensions", metavar="PATH", multiple=True, help="Count this dimension no more; repeatable."
)
@click.option(
    "--pair",
    "pairs",
    metavar="PATH,PATH",
    multiple=True,
    callback=read_pairs,
    help="Count this pair no more; repeatable.",
)
@click.option("--measure", "measures", metavar="PATH", multiple=True, help="Sum this measure no more; repeatable.")
@click.option(
    "--searchable",
    metavar="PATH",
    multiple=True,
    help="Find events by this dimension no more; it is still counted; repeatable.",
)
@click.option(
    "--distinct",
    metavar="PATH",
    multiple=True,
    help="Count different values of this dimension no more; its events are still counted; repeatable.",
)
def withdraw(event_type: str, **chosen: Unpack[Chosen]) -> None:
    """Take back what was declared of an event type.

    It counts no more at once, and makes room for something else. Whoever counts events (picoevent worker, or serve)
    deletes its counts by and by. No event is touched: declared again, it is filled in again from the events there are.
    """
    with open_for_writing() as events:
        events.withdraw(event_type, **chosen)
    print_declaration(event_type)
