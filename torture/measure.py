"""What workers report when they come to their end: counters, times of their calls, memory; and whether it adds up."""

from __future__ import annotations

import json
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torture.frame import Verdict
from torture.worker import is_balanced


class NoReport(AssertionError):
    """A worker broke, and did not come to its end."""


@dataclass(frozen=True, slots=True)
class Report:
    """The last words of one worker."""

    name: str
    counters: dict[str, int]
    left: int
    raised: list[str]
    unbalanced: list[dict[str, int]]
    began_kb: int
    peak_kb: int
    calls: list[tuple[float, float]]
    """Of each call, when it began (Unix seconds) and how long it took (seconds)."""

    def took(self, since: float = 0.0, until: float = float("inf")) -> list[float]:
        """Return the sorted times of the calls that went on in a span, or in part of it."""
        return sorted(took for began, took in self.calls if began + took >= since and began < until)


def read_report(folder: Path, name: str) -> Report:
    """Read what a worker has left behind; raise `NoReport` with what it complained of."""
    if not (folder / f"{name}.report").exists():
        said = (folder / f"{name}.errors").read_text("utf-8", "replace").strip().splitlines()
        raise NoReport(f"{name} has left no report; it says: {' '.join(said[-1:])}")
    report: dict[str, Any] = json.loads((folder / f"{name}.report").read_text("utf-8"))
    column = array("d", (folder / f"{name}.calls").read_bytes())
    half = len(column) // 2
    return Report(name, **report, calls=list(zip(column[:half], column[half:], strict=True)))


def percentile_ms(took: Sequence[float], share: float) -> float:
    """Return the time, in milliseconds, that this share of sorted times does not exceed; 0 where there are none."""
    return took[min(len(took) - 1, int(len(took) * share))] * 1000 if took else 0.0


def check_balance(verdict: Verdict, report: Report) -> None:
    """Require that each event was in one state at any moment, that none is in flight at the end, and none raised."""
    counters = report.counters
    verdict.require(is_balanced(counters), f"{report.name}: the counters do not add up: {counters}")
    verdict.require(not report.unbalanced, f"{report.name}: the counters did not add up: {report.unbalanced[:1]}")
    verdict.require(counters["in_flight"] == 0, f"{report.name}: {counters['in_flight']} in flight at the end")
    verdict.require(not report.raised, f"{report.name}: log() raised {report.raised[:1]}")
    left = counters["spooled"]
    verdict.require(report.left == left, f"{report.name}: close() says that {report.left} stay, the counters {left}")
