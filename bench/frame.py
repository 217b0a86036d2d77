"""What a benchmark is: a named function that returns rows, each a figure beside its baseline and its target.

Not how rows are shown (`bench.table`), and not where servers come from (`bench.server`).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from statistics import median
from typing import NamedTuple

from bench.progress import Progress

WARM_UP_ROUNDS = 5
"""Rounds that are not counted: they fill buffer pools, caches of statements and of names."""

DECIMALS = 4


@dataclass(frozen=True, slots=True)
class Target:
    """What a row has to reach: bounds of its value, in the row's unit, and of its ratio to the baseline."""

    at_most: float | None = None
    at_least: float | None = None
    ratio_at_most: float | None = None
    ratio_at_least: float | None = None

    def holds(self, value: float, ratio: float | None) -> bool:
        """Tell whether a figure is within every bound; a bound of the ratio needs a baseline."""
        return _within(value, self.at_least, self.at_most) and _within(ratio, self.ratio_at_least, self.ratio_at_most)

    def text(self, unit: str) -> str:
        """Return the bounds as people read them; nothing where there are none."""
        bounds = (
            ("ratio >= ", self.ratio_at_least, ""),
            ("ratio <= ", self.ratio_at_most, ""),
            (">= ", self.at_least, f" {unit}"),
            ("<= ", self.at_most, f" {unit}"),
        )
        return ", ".join(f"{sign}{bound:,g}{end}" for sign, bound, end in bounds if bound is not None)


NO_TARGET = Target()


@dataclass(frozen=True, slots=True)
class Row:
    """One measure: its value, and the baseline of the same minute in the same unit, where there is one."""

    measure: str
    value: float
    unit: str
    baseline: float | None = None
    target: Target = NO_TARGET

    @property
    def ratio(self) -> float | None:
        """Value by baseline; None without a baseline, or with one of 0."""
        return self.value / self.baseline if self.baseline else None

    @property
    def holds(self) -> bool:
        """Whether the target is reached; a row without a target is there to be read, and holds."""
        return self.target.holds(self.value, self.ratio)

    def to_dict(self) -> dict[str, str | float | bool | None]:
        """Return what JSON shows; `target` is a text, null where there is none."""
        return {
            "measure": self.measure,
            "value": _rounded(self.value),
            "unit": self.unit,
            "baseline": _rounded(self.baseline),
            "ratio": _rounded(self.ratio),
            "target": self.target.text(self.unit) or None,
            "holds": self.holds,
        }


@dataclass(frozen=True, slots=True)
class Size:
    """How much a benchmark works: events that are stored, and counted rounds of each comparison."""

    events: int
    rounds: int


@dataclass(frozen=True, slots=True)
class Benchmark:
    """A benchmark by its name; `run` starts what it needs, and ends it also when it is interrupted."""

    name: str
    description: str
    run: Callable[[Size, Progress], Iterable[Row]]
    full: Size
    quick: Size

    def rows(self, progress: Progress, *, quick: bool = False) -> Iterable[Row]:
        """Measure, and return the rows as they come."""
        return self.run(self.quick if quick else self.full, progress)


@dataclass(frozen=True, slots=True)
class Suite:
    """Benchmarks that run one after the other under one name; each of them runs under its own, too."""

    name: str
    description: str
    parts: tuple[Benchmark, ...]

    def rows(self, progress: Progress, *, quick: bool = False) -> Iterable[Row]:
        """Measure every part, and yield the rows as they come."""
        for part in self.parts:
            progress.say(f"{part.name}: {part.description}")
            yield from part.rows(progress, quick=quick)


class Medians(NamedTuple):
    """Median times of a measure and of its baseline, in milliseconds."""

    value_ms: float
    baseline_ms: float


def interleave(
    measure: Callable[[int], object],
    baseline: Callable[[int], object],
    rounds: int,
    *,
    warm_up: int = WARM_UP_ROUNDS,
    clock: Callable[[], float] = time.perf_counter,
) -> Medians:
    """Call both in turn, A B A B, so that whatever else the machine does strikes both; return the medians.

    Each is called with the number of its round, to ask the same question as the other one; the rounds that warm
    up have the numbers from 0 on, too. `clock` returns seconds.
    """
    for number in range(warm_up):
        measure(number)
        baseline(number)
    times: tuple[list[float], list[float]] = [], []
    for number in range(rounds):
        for call, taken in zip((measure, baseline), times, strict=True):
            started = clock()
            call(number)
            taken.append((clock() - started) * 1000)
    return Medians(median(times[0]), median(times[1]))


def _within(figure: float | None, low: float | None, high: float | None) -> bool:
    if low is None and high is None:
        return True
    return figure is not None and (low is None or low <= figure) and (high is None or figure <= high)


def _rounded(figure: float | None) -> float | None:
    return None if figure is None else round(figure, DECIMALS)
