"""An answer of a report on a terminal: figures aligned, the words behind them, and below what the answer is worth."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, fields, replace
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import click

from picoevent.cli.cells import cell_text, json_text, visible
from picoevent.cli.rows import Column, print_rows, print_table

if TYPE_CHECKING:
    from picoevent.report.frame import Answer


MOST_IN_A_LINE = 8
MOST_PLACES = 4
"""How many places behind the point a table shows; JSON and CSV have all."""
AS_STORED = ("user_id", "who", "data")
"""Columns of what events hold: a number there is a name, not a figure."""

PARTS = (
    *("share", "trend", "events_trend", "users_trend", "rate", "rates"),
    *("conversion", "conversion_from_first", "bounce_rate"),
)
"""Figures that are parts of a whole, or of what was before: a table shows them in percent."""

MARKS = {"complete": (True, "in part"), "at_least": (False, "at least")}
"""Columns that are the same in nearly all rows: what they usually are, and the mark of the others."""
NOTHING = {
    "goals": "No rows: there is no goal yet. Add one: picoevent goal add NAME EVENT_TYPE",
    "history": "No rows: no event of this range has this value.",
    "suspicious": "No rows: nobody had as many events in this range. See --min-events.",
}
"""What is said of an answer without rows, where that does not mean that nothing was counted."""


def print_answer(answer: Answer[Any], output: str, *, row: type[Any] | None) -> None:
    """Print an answer as a table for people, as JSON, or as CSV with a header."""
    if output == "json":
        click.echo(json_text(answer.to_dict(), indent=2))
        return
    names = [field.name for field in fields(row)] if row else list(asdict(answer.rows[0]) if answer.rows else {})
    rows = [_plain(found, names) for found in answer.rows]
    if output == "csv":
        print_rows([_for_csv(found) for found in rows], [Column(name, name) for name in names], "csv")
        return
    _print_table(answer, rows, names)


def _plain(row: object, names: Sequence[str]) -> dict[str, object]:
    return {name: getattr(row, name) for name in names}


def _for_csv(row: Mapping[str, object]) -> dict[str, object]:
    return {key: value.isoformat() if isinstance(value, datetime) else value for key, value in row.items()}


def _print_table(answer: Answer[Any], rows: list[dict[str, object]], names: Sequence[str]) -> None:
    if not rows:
        click.echo(NOTHING.get(answer.report, "No rows: nothing was counted in this range."))
    else:
        print_table(rows, _columns(answer, rows, names))
    totals = [
        f"{_title(name).lower()} {_show_of(name, answer.zone)(value)}"
        for name, value in answer.totals.items()
        if _fits(value)
    ]
    if totals:
        click.echo()
        click.echo(visible(f"In all: {', '.join(totals)}"))
    click.echo()
    for line in footer(answer):
        click.echo(visible(line))


def _fits(value: object) -> bool:
    """Say whether a total is one figure, or few of them; longer ones are in JSON only."""
    if isinstance(value, (Mapping, list, tuple)):
        return len(value) <= MOST_IN_A_LINE
    return value is not None


def footer(answer: Answer[Any]) -> list[str]:
    """Return what an answer is worth, in a line or more."""
    worth = "exact" if answer.exact else "not exact: some figures are estimates, or may be higher"
    head = (
        f"{_local(answer.since, answer.zone)} to {_local(answer.until, answer.zone)}, {answer.zone}. "
        f"From {answer.origin}, as of {_local(answer.as_of, answer.zone, seconds=True)}; {worth}."
    )
    if answer.cached_seconds is not None:
        head += f" Computed {answer.cached_seconds:,.0f} s ago."
    return [head, *(f"Note: {note}" for note in answer.notes)]


def _columns(answer: Answer[Any], rows: Sequence[Mapping[str, object]], names: Sequence[str]) -> list[Column]:
    columns = []
    for name in names:
        values = [row[name] for row in rows if row[name] is not None]
        if not values:
            continue
        numeric = all(_is_number(value) for value in values)
        if name in MARKS:
            usual, mark = MARKS[name]
            if not all(value is usual for value in values):
                columns.append(Column(name, "", show=partial(_marked, usual=usual, mark=mark)))
            continue
        columns.append(Column(name, _title(name), numeric=numeric, show=_show_of(name, answer.zone)))
    if columns and not any(_is_number(row[columns[-1].key]) for row in rows):
        columns[-1] = replace(columns[-1], shrinks=True)
    return columns


def _show_of(name: str, zone: str) -> Callable[[object], str]:
    """Return how a figure of this name is shown."""
    if name in AS_STORED:
        return cell_text
    return _percent if name in PARTS else partial(_shown, zone=zone)


def _percent(value: object) -> str:
    if isinstance(value, (list, tuple)):
        return "  ".join(map(_percent, value))
    return f"{value * 100:,.1f} %" if isinstance(value, (int, float)) else ""


def _marked(value: object, *, usual: bool, mark: str) -> str:
    return "" if value is usual else mark


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float, Decimal)) and not isinstance(value, bool)


def _title(name: str) -> str:
    return name.replace("_", " ").upper()


def _shown(value: object, zone: str) -> str:
    if isinstance(value, datetime):
        return _local(value, zone)
    if isinstance(value, (int, Decimal)) and not isinstance(value, bool):
        return f"{_short(value):,}"
    if isinstance(value, float):
        return f"{value:,.1f}" if abs(value) >= 100 else f"{value:,.3g}"  # noqa: PLR2004  # three digits tell enough
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_shown(part, zone)}" for name, part in value.items())
    if isinstance(value, (list, tuple)):
        return (" " if all(map(_is_number, value)) else "; ").join(_shown(part, zone) for part in value)
    return cell_text(value)


def _short(value: int | Decimal) -> int | Decimal:
    """Return a number of few places; one that is all places keeps four of its digits."""
    if isinstance(value, int) or value == round(value, MOST_PLACES):
        return value
    return round(value, MOST_PLACES) if abs(value) >= 1 else round(value, MOST_PLACES - 1 - value.adjusted())


def _local(moment: datetime, zone: str, *, seconds: bool = False) -> str:
    local = moment.astimezone(ZoneInfo(zone) if zone != "UTC" else UTC)
    with_seconds = seconds or local.second or local.microsecond
    return local.strftime("%Y-%m-%d %H:%M:%S" if with_seconds else "%Y-%m-%d %H:%M")
