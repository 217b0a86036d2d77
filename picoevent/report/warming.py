"""Answers computed ahead: a dashboard is in the cache before somebody opens it, and is refreshed as it grows stale."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from picoevent.errors import PicoEventError
from picoevent.report.frame import Answer
from picoevent.report.freshness import ttl_seconds
from picoevent.report.intervals import calendar_of

logger = logging.getLogger("picoevent")

AWAY_SECONDS = 5.0
"""How long a panel that could not be answered is left alone."""
LEAST_SECONDS = 1.0

Ask = Callable[..., Answer[Any]]


@dataclass(frozen=True, slots=True)
class Panel:
    """A report as a dashboard asks for it: ranges in words ("7d", "today"), the same question all the time."""

    report: str
    arguments: Mapping[str, Any] = field(default_factory=dict)


def warm_up(ask: Ask, panels: Sequence[Panel], *, clock: Callable[[], float] = time.time) -> float:
    """Have each panel answered, as `EventLog.report` does; return how many seconds they stay fresh, all of them.

    What can't be answered is logged, and stops no other panel. Several processes that share a cache may do this: each
    answer is computed by one of them.
    """
    return min((_warm(ask, panel, clock) for panel in panels), default=AWAY_SECONDS)


def keep_warm(ask: Ask, panels: Sequence[Panel], stop: threading.Event) -> None:
    """Warm up again and again until `stop` is set: what has become stale is refreshed in the background then."""
    while not stop.is_set():
        stop.wait(warm_up(ask, panels))


def _warm(ask: Ask, panel: Panel, clock: Callable[[], float]) -> float:
    try:
        answer = ask(panel.report, **panel.arguments)
    except PicoEventError as error:
        logger.warning("PicoEvent: the report %s can't be computed ahead: %s", panel.report, error)
        return AWAY_SECONDS
    age = answer.cached_seconds or 0.0
    since_ms, until_ms = (round(moment.timestamp() * 1000) for moment in (answer.since, answer.until))
    ttl = ttl_seconds(since_ms, until_ms, round((clock() - age) * 1000), calendar_of(answer.zone))
    return max(LEAST_SECONDS, ttl - age)
