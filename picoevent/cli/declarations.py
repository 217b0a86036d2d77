"""`types` and `declare`: the event types, and what of their data is counted and summed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, TypedDict, Unpack

import click

from picoevent.cli.cells import visible
from picoevent.cli.interruption import Interruption
from picoevent.cli.opening import open_for_reading, open_for_writing
from picoevent.cli.options import current_settings, format_option
from picoevent.cli.progress import progress_bar
from picoevent.cli.rows import Column, Row, print_rows
from picoevent.cli.verbs import verb
from picoevent.cli.verify import counted

if TYPE_CHECKING:
    from picoevent.store.declarations import Declaration
    from picoevent.store.record import EventType


class Chosen(TypedDict):
    """What the options of `declare` say."""

    dimensions: tuple[str, ...]
    pairs: tuple[str, ...]
    measures: tuple[str, ...]
    searchable: tuple[str, ...]
    distinct: tuple[str, ...]
    description: str | None
    owner: str | None


def _show_dimensions(value: object) -> str:
    return ", ".join(_words_of(one) for one in _listed(value))


def _words_of(one: Row) -> str:
    marks = ["pair"] if "," in str(one["path"]) else [word for word in ("searchable", "distinct") if one[word]]
    return f"{one['path']} ({', '.join(marks)})" if marks else str(one["path"])


def _show_names(value: object) -> str:
    return ", ".join(str(one["path"]) for one in _listed(value))


COLUMNS = (
    Column("type", "TYPE"),
    Column("status", "STATUS", optional=True),
    Column("owner", "OWNER", optional=True),
    Column("description", "DESCRIPTION", optional=True),
    Column("measures", "MEASURES", show=_show_names),
    Column("dimensions", "DIMENSIONS", show=_show_dimensions, shrinks=True),
)


@verb("types", "picoevent types", "picoevent types --format json")
@format_option()
def types(output: str) -> None:
    """List the event types, and what is counted of their data.

    A dimension is a key of the data whose values are counted, a measure one whose numbers are summed.
    """
    with open_for_reading() as events:
        declared = {one.event_type: one for one in events.declarations()}
        rows = [_to_row(one, declared.get(one.name)) for one in events.event_types()]
    print_rows(rows, COLUMNS, output)
    if not rows:
        click.echo("There is none yet: one comes into being when it is logged, or declared.", err=True)


def _to_row(event_type: EventType, declaration: Declaration | None) -> Row:
    dimensions, measures = (declaration.dimensions, declaration.measures) if declaration else ((), ())
    return {
        "type": event_type.name,
        "status": event_type.status,
        "owner": event_type.owner,
        "description": event_type.description,
        "measures": [{"path": one.path, "filled_from": _moment(one.filled_from)} for one in measures],
        "dimensions": [
            {
                "path": one.name,
                "searchable": one.searchable,
                "distinct": one.counted_distinct,
                "filled_from": _moment(one.filled_from),
            }
            for one in dimensions
        ],
    }


def _moment(second: int) -> str | None:
    """Return a moment in UTC; None for all time."""
    return f"{datetime.fromtimestamp(second, UTC):%Y-%m-%dT%H:%M:%SZ}" if second else None


def read_pairs(_ctx: click.Context, _param: click.Parameter, given: Sequence[str]) -> list[tuple[str, str]]:
    """Return pairs of paths, each given as two with a comma between them."""
    pairs = []
    for text in given:
        first, comma, second = text.partition(",")
        if not comma or "," in second:
            raise click.BadParameter(f"{text!r} is not a pair. Write two paths, such as collection,action.")
        pairs.append((first, second))
    return pairs


@verb(
    "declare",
    "picoevent declare page.view --dimension path --searchable ip --distinct session",
    "picoevent declare order.paid --dimension plan --measure amount --owner billing",
    "picoevent declare file.read --dimension collection --pair collection,action --wait",
)
@click.argument("event_type", metavar="TYPE")
@click.option(
    "--dimension",
    "dimensions",
    metavar="PATH",
    multiple=True,
    help="Count the values of this key of the data; repeatable, up to 8. A dot leads into an object: context.ip.",
)
@click.option(
    "--pair",
    "pairs",
    metavar="PATH,PATH",
    multiple=True,
    callback=read_pairs,
    help="Count the values of two keys together; repeatable.",
)
@click.option(
    "--measure",
    "measures",
    metavar="PATH",
    multiple=True,
    help="Sum the numbers of this key, with least, greatest and quantiles; repeatable, up to 4.",
)
@click.option(
    "--searchable",
    metavar="PATH",
    multiple=True,
    help="A dimension by whose values events are found; repeatable.",
)
@click.option(
    "--distinct",
    metavar="PATH",
    multiple=True,
    help="A dimension whose different values are counted, like users; repeatable.",
)
@click.option("--description", metavar="TEXT", help="What the event type means, for people.")
@click.option("--owner", metavar="TEXT", help="Who answers questions about it.")
@click.option("--wait", is_flag=True, help="Count what was logged before, too, and come back when that is done.")
def declare(event_type: str, *, wait: bool, **chosen: Unpack[Chosen]) -> None:
    """Say what of an event type's data is counted, and make the type where there is none.

    Adds to what was declared before; picoevent withdraw takes back. New events are counted at once. What was logged
    before is filled in, the newest first, by whoever counts events (picoevent worker, or serve), or here with --wait.
    """
    with open_for_writing() as events:
        events.declare(event_type, **{key: value for key, value in chosen.items() if value is not None})  # type: ignore[arg-type]  # the names are those of Wishes
    if wait:
        _fill_in(event_type)
    print_declaration(event_type)


def _fill_in(event_type: str) -> None:
    from picoevent.cli.rollups import open_fold_store
    from picoevent.fold.alone import LoneFold
    from picoevent.fold.filling import fill_in

    settings = current_settings()
    # Before the first round of all there is nothing to fill in to; and what waits would be looked through each time.
    alone = LoneFold(settings)
    alone.catch_up()
    alone.close()
    with (
        open_fold_store("fold") as store,
        Interruption() as interruption,
        progress_bar("filling in") as advance,
    ):
        events = fill_in(store, event_type, settings.dimension_values_kept, advance, interruption.check)
    click.echo(f"{counted(events, 'event')} filled in.", err=True)


def print_declaration(event_type: str) -> None:
    """Print what a type declares now."""
    with open_for_reading() as events:
        declared = {one.event_type: one for one in events.declarations()}
        rows = [_to_row(one, declared.get(one.name)) for one in events.event_types() if one.name == event_type]
    for row in rows:
        _print_row(row)


def _print_row(row: Row) -> None:
    lines = (
        ("Dimensions", _show_dimensions(row["dimensions"])),
        ("Measures", _show_names(row["measures"])),
        ("Description", str(row["description"])),
        ("Owner", str(row["owner"])),
    )
    counts = row["dimensions"] or row["measures"]
    click.echo(f"{visible(str(row['type']))} declares{':' if counts else ' nothing that is counted.'}")
    for title, words in lines:
        if words:
            click.echo(f"  {title:<12}{visible(words)}")
    lacking = [one for what in ("dimensions", "measures") for one in _listed(row[what]) if one["filled_from"]]
    if lacking:
        since = max(str(one["filled_from"]) for one in lacking)
        click.echo(f"Whole from {since} on; older events are filled in by picoevent worker, or with --wait.", err=True)


def _listed(value: object) -> Sequence[Row]:
    return value if isinstance(value, list) else ()
