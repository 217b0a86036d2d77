"""Verdicts as people read them: aligned columns for a terminal, and a page of Markdown."""

from __future__ import annotations

from collections.abc import Sequence

from torture.frame import Scenario, Verdict

COLUMNS = ("scenario", "trials", "sent", "acked", "lost", "duplicated", "in pending twice", "verdict")
GAP = "  "

Result = tuple[Scenario, Verdict]


def to_text(results: Sequence[Result]) -> str:
    """Return the table, and below it what each scenario has to say."""
    lines = [COLUMNS, *(_cells(*result) for result in results)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    table = [
        GAP.join(
            cell.ljust(width) if not place else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(line, widths, strict=True))
        )
        for line in lines
    ]
    return "\n".join([*table, "", *(line for result in results for line in _remarks(*result))])


def to_markdown(results: Sequence[Result]) -> str:
    """Return the same as a table of Markdown with a column for the notes."""
    heading = (*COLUMNS[:-1], "notes", COLUMNS[-1])
    lines = [heading, ("---", *("--:" for _ in COLUMNS[1:-1]), "---", "---")]
    for scenario, verdict in results:
        *figures, holds = _cells(scenario, verdict)
        remarks = "; ".join([*verdict.notes, *verdict.failures, *verdict.late])
        lines.append((f"{figures[0]} {scenario.title}", *figures[1:], remarks, holds))
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def summary(results: Sequence[Result]) -> str:
    """Return in one line whether every scenario held, or which did not."""
    fallen = [scenario.name for scenario, verdict in results if not verdict.holds]
    if fallen:
        return f"{len(fallen)} of {len(results)} scenarios fall short: {', '.join(fallen)}"
    return f"All {len(results)} scenarios hold."


def _cells(scenario: Scenario, verdict: Verdict) -> tuple[str, ...]:
    figures = (verdict.trials, verdict.sent, verdict.acked, verdict.lost, verdict.duplicated, verdict.pending_twice)
    return (scenario.name, *(f"{figure:,}" for figure in figures), "pass" if verdict.holds else "FAIL")


def _remarks(scenario: Scenario, verdict: Verdict) -> list[str]:
    lines = [f"{scenario.name}: {scenario.title}"]
    lines += [f"    {note}" for note in verdict.notes]
    return lines + [f"    FAIL: {failure}" for failure in verdict.failures + verdict.late]
