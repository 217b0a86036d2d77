"""What makes somebody suspicious: points for volume, spread, failures and haste, each with its reason; no SQL."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

VOLUMES = ((500, 3), (200, 2), (100, 1))
"""More than so many events, and the points for it."""
MANY_OBJECTS, OBJECTS_POINTS = 10, 2
MANY_TYPES, TYPES_POINTS = 3, 1
FAILURES_POINTS, BURST_POINTS = 2, 1
BURST_PART = 10
"""A burst is more than half of the events within this part of the window."""
LEVELS = ((4, "high"), (2, "medium"), (0, "low"))


@dataclass(frozen=True, slots=True)
class Conduct:
    """What somebody did within a window: moments in milliseconds, and how many different values each key had."""

    moments: Sequence[int]
    """In the order of time."""
    types: int
    objects: Mapping[str, int]
    failures: int
    window_ms: int

    @property
    def events(self) -> int:
        """How many events there were."""
        return len(self.moments)


@dataclass(frozen=True, slots=True)
class Verdict:
    """Points, the level that they make, and a reason in words for each of them."""

    score: int
    level: str
    reasons: tuple[str, ...]


def judge(conduct: Conduct) -> Verdict:
    """Return the verdict on what somebody did."""
    found = [point for check in CHECKS if (point := check(conduct)) is not None]
    score = sum(points for points, _ in found)
    level = next(level for least, level in LEVELS if score >= least)
    return Verdict(score, level, tuple(reason for _, reason in found))


def check_volume(conduct: Conduct) -> tuple[int, str] | None:
    """1, 2 or 3 points for more than 100, 200 or 500 events."""
    for most, points in VOLUMES:
        if conduct.events > most:
            return points, f"{conduct.events:,} events, more than {most}"
    return None


def check_objects(conduct: Conduct) -> tuple[int, str] | None:
    """2 points for more than 10 different values of a key that names objects."""
    many = [f"{count:,} different values of {path}" for path, count in conduct.objects.items() if count > MANY_OBJECTS]
    return (OBJECTS_POINTS, " and ".join(many)) if many else None


def check_types(conduct: Conduct) -> tuple[int, str] | None:
    """1 point for more than 3 event types."""
    return (TYPES_POINTS, f"{conduct.types} event types") if conduct.types > MANY_TYPES else None


def check_failures(conduct: Conduct) -> tuple[int, str] | None:
    """2 points where more than half of the events are failures."""
    if 2 * conduct.failures <= conduct.events:
        return None
    share = conduct.failures * 100 // conduct.events
    return FAILURES_POINTS, f"{conduct.failures:,} of {conduct.events:,} events are failures ({share} %)"


def check_burst(conduct: Conduct) -> tuple[int, str] | None:
    """1 point where more than half of the events lie within less than a tenth of the window."""
    half = conduct.events // 2
    spans = (last - first for first, last in zip(conduct.moments, conduct.moments[half:], strict=False))
    shortest = min(spans, default=None)
    if shortest is None or shortest * BURST_PART >= conduct.window_ms:
        return None
    return BURST_POINTS, f"{half + 1:,} of {conduct.events:,} events within {_in_words(shortest)}"


CHECKS: tuple[Callable[[Conduct], tuple[int, str] | None], ...] = (
    check_volume,
    check_objects,
    check_types,
    check_failures,
    check_burst,
)


def _in_words(milliseconds: int) -> str:
    seconds = -(-milliseconds // 1000)
    for unit, name in ((86_400, "days"), (3600, "hours"), (60, "minutes")):
        if seconds >= 2 * unit:
            return f"{-(-seconds // unit)} {name}"
    return "a second" if seconds <= 1 else f"{seconds} seconds"


def failure_pattern(values: Iterable[str]) -> re.Pattern[str]:
    """Return what a value that is a failure matches as a whole, in any case; `4xx` is 400 to 499."""
    words = [re.escape(value.strip()) for value in values if value.strip()]
    digits = [re.sub("[xX]", r"\\d", word) if re.search(r"\d", word) else word for word in words]
    return re.compile("|".join(digits) or r"(?!)", re.ASCII | re.IGNORECASE)
