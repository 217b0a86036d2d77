"""Rows as people read them, in aligned columns, and as programs read them, in JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence

from bench.frame import Row

COLUMNS = ("measure", "value", "unit", "baseline", "ratio", "target", "holds")
RIGHT = {"value", "baseline", "ratio"}
GAP = "  "


def to_json(rows: Sequence[Row]) -> str:
    """Return a list of objects, one a row, with the names of `COLUMNS`."""
    return json.dumps([row.to_dict() for row in rows], indent=2)


def to_table(rows: Sequence[Row]) -> str:
    """Return the rows below a heading, numbers to the right, `-` where a row has nothing to show."""
    lines = [COLUMNS, *map(_cells, rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    ruled = [lines[0], tuple("-" * width for width in widths), *lines[1:]]
    return "\n".join(_line(cells, widths) for cells in ruled)


def to_line(row: Row) -> str:
    """Return one row as a line, for whoever waits for the others."""
    against = f" against {_figure(row.baseline)}" if row.baseline is not None else ""
    ratio = f", ratio {_figure(row.ratio)}" if row.ratio is not None else ""
    return f"{row.measure}: {_figure(row.value)} {row.unit}{against}{ratio}"


def verdict(rows: Sequence[Row]) -> str:
    """Return in one line whether every target is reached, or which rows fall short."""
    short = [row.measure for row in rows if not row.holds]
    if short:
        return f"{len(short)} of {len(rows)} rows fall short: {'; '.join(short)}"
    targets = sum(bool(row.target.text(row.unit)) for row in rows)
    return f"All targets hold: {targets} of {targets}."


def _cells(row: Row) -> tuple[str, ...]:
    target = row.target.text(row.unit)
    holds = ("yes" if row.holds else "NO") if target else ""
    figures = (_figure(row.value), row.unit, _figure(row.baseline), _figure(row.ratio))
    return tuple(cell or "-" for cell in (row.measure, *figures, target, holds))


def _figure(figure: float | None) -> str:
    """Return a number with three digits that count, or all of its whole ones."""
    if figure is None:
        return ""
    size = abs(figure)
    decimals = next((places for places, bound in enumerate((100, 10, 1, 0.1)) if size >= bound), 4)
    return f"{figure:,.{decimals}f}"


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    padded = (
        cell.rjust(width) if column in RIGHT else cell.ljust(width)
        for column, cell, width in zip(COLUMNS, cells, widths, strict=True)
    )
    return GAP.join(padded).rstrip()
