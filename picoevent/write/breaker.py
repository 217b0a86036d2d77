"""A circuit breaker: once the database is known to be away, nobody waits for it, and one thread asks now and then."""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable

from picoevent.errors import PicoEventError

logger = logging.getLogger("picoevent")

FIRST_PAUSE_SECONDS = 0.1
LONGEST_PAUSE_SECONDS = 1.0
CALM_SECONDS = 10.0
"""Whoever fails again sooner than this is not away but slow."""
FIRST_STAY_SECONDS, LONGEST_STAY_SECONDS = 0.5, 8.0
"""How long it stays open then, although the database answers: else one caller after the other would wait in vain."""
RECOVERING_SECONDS = 0.05


class Breaker:
    """Closed while the database answers; open from a failure until a success.

    Written by any thread; the writer's thread alone asks when to probe.
    """

    def __init__(self, *, clock: Callable[[], float] = time.monotonic, rng: random.Random | None = None) -> None:
        self._clock = clock
        self._rng = rng or random.Random()
        self._pause = FIRST_PAUSE_SECONDS
        self._probe_at = 0.0
        self._open_since = 0.0
        self._closed_at = -CALM_SECONDS
        self._stay_seconds = 0.0
        self.error: PicoEventError | None = None
        """Why it is open; None while it is closed."""

    @property
    def is_open(self) -> bool:
        """Whether the database is known to be away."""
        return self.error is not None

    def trip(self, error: PicoEventError) -> None:
        """Open it; where it is open, nothing changes: a hundred callers may find the same thing out."""
        if self.error is not None:
            return
        self._open_since = self._clock()
        if self._open_since - self._closed_at < CALM_SECONDS:
            self._stay_seconds = min(max(FIRST_STAY_SECONDS, self._stay_seconds * 2), LONGEST_STAY_SECONDS)
        else:
            self._stay_seconds = 0.0
        self._pause = FIRST_PAUSE_SECONDS
        self.extend(error)
        logger.log(self._level, "PicoEvent: the database is away, events go to the spool until it is back: %s", error)

    def extend(self, error: PicoEventError) -> None:
        """Keep it open for longer, with full jitter, so that a hundred processes don't ask as one."""
        self._probe_at = self._clock() + self._rng.uniform(0, self._pause)
        self._pause = min(self._pause * 2, LONGEST_PAUSE_SECONDS)
        self.error = error

    def ask_now(self) -> None:
        """Let the next probe come at once: somebody waits for it."""
        self._probe_at = 0.0

    def reset(self) -> None:
        """Close it: the database answered. One that is slow again and again stays open for a while longer."""
        now = self._clock()
        if self.error is None:
            return
        if now < self._open_since + self._stay_seconds:
            self._probe_at = now + RECOVERING_SECONDS
            return
        self.error = None
        self._closed_at = now
        logger.log(self._level, "PicoEvent: the database is back after %.1f s", now - self._open_since)

    @property
    def _level(self) -> int:
        # What comes and goes is told once, not each time.
        return logging.INFO if self._stay_seconds else logging.WARNING

    def seconds_to_probe(self) -> float:
        """Return how long to wait before the database is asked again."""
        return max(0.0, self._probe_at - self._clock())
