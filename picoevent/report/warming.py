"""Answers computed ahead: a dashboard is in the cache before somebody opens it, and is refreshed as it grows stale."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import takewhile
from typing import Any

from picoevent.errors import PicoEventError
from picoevent.report.frame import Answer
from picoevent.report.freshness import ttl_seconds
from picoevent.report.intervals import calendar_of
from picoevent.report.query_cache import not_counted

logger = logging.getLogger("picoevent")

AWAY_SECONDS = 5.0
"""How long a panel that could not be answered is left alone."""
LEAST_SECONDS = 1.0
IDLE_SECONDS = 300.0
"""How long panels are kept warm after somebody has looked."""

Ask = Callable[..., Answer[Any]]


@dataclass(frozen=True, slots=True)
class Panel:
    """A report as a dashboard asks for it: ranges in words ("7d", "today"), the same question all the time."""

    report: str
    arguments: Mapping[str, Any] = field(default_factory=dict)


DASHBOARD = (
    Panel("realtime"),
    Panel("series", {"interval": "day", "compare": True}),
    Panel("uniques", {"interval": "day", "compare": True}),
    Panel("top_types"),
    Panel("heatmap"),
)
"""What the first dashboard shows: now, events and users of the last 7 days by day, the busiest types, and when."""


class Warmer:
    """Keep panels warm while somebody looks; safe under threads, not across a fork.

    Its thread begins with the first look, and ends when nobody has looked for `idle_seconds`. `ask` answers a report,
    as `EventLog.report` does.
    """

    def __init__(self, ask: Ask, panels: Sequence[Panel] = DASHBOARD, *, idle_seconds: float = IDLE_SECONDS) -> None:
        self._ask = ask
        self._panels = panels
        self._idle_seconds = idle_seconds
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._thread: threading.Thread | None = None
        self._looked_at = 0.0

    def look(self) -> None:
        """Say that somebody looks; costs next to nothing, and waits for nobody."""
        with self._lock:
            self._looked_at = time.monotonic()
            if self._panels and self._thread is None and not self._closed.is_set():
                self._thread = threading.Thread(target=self._run, name="picoevent-warmer", daemon=True)
                self._thread.start()

    def close(self, timeout: float = 0) -> None:
        """Begin nothing more, and wait so many seconds for the panel that is under way; idempotent."""
        self._closed.set()
        thread = self._thread
        if thread is not None:
            thread.join(timeout)

    def _run(self) -> None:
        while self._is_wanted():
            fresh_seconds = warm_up(self._ask, takewhile(lambda _: not self._closed.is_set(), self._panels))
            self._closed.wait(min(fresh_seconds, self._idle_seconds))

    def _is_wanted(self) -> bool:
        with self._lock:
            if not self._closed.is_set() and time.monotonic() - self._looked_at < self._idle_seconds:
                return True
            self._thread = None
            return False


def warm_up(ask: Ask, panels: Iterable[Panel], *, clock: Callable[[], float] = time.time) -> float:
    """Have each panel answered; return how many seconds they stay fresh, all of them.

    What can't be answered is logged, and stops no other panel. Several processes that share a cache may do this: each
    answer is computed by one of them. What is stale is refreshed in the background. Nobody looks at these answers: they
    do not count as given.
    """
    with not_counted():
        return min((_warm(ask, panel, clock) for panel in panels), default=AWAY_SECONDS)


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
