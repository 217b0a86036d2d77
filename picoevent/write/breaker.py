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
        self.error: PicoEventError | None = None
        """Why it is open; None while it is closed."""

    @property
    def is_open(self) -> bool:
        """Whether the database is known to be away."""
        return self.error is not None

    def trip(self, error: PicoEventError) -> None:
        """Open it; where it is open, nothing changes: a hundred callers may find the same thing out."""
        if self.error is None:
            self._pause = FIRST_PAUSE_SECONDS
            self._open_since = self._clock()
            self.extend(error)
            logger.warning("PicoEvent: the database is away, events go to the spool until it is back: %s", error)

    def extend(self, error: PicoEventError) -> None:
        """Keep it open for longer, with full jitter, so that a hundred processes don't ask as one."""
        self._probe_at = self._clock() + self._rng.uniform(0, self._pause)
        self._pause = min(self._pause * 2, LONGEST_PAUSE_SECONDS)
        self.error = error

    def reset(self) -> None:
        """Close it: the database answered."""
        if self.error is not None:
            self.error = None
            logger.warning("PicoEvent: the database is back after %.1f s", self._clock() - self._open_since)

    def ask_now(self) -> None:
        """Let the next probe come at once: somebody waits for it."""
        self._probe_at = 0.0

    def seconds_to_probe(self) -> float:
        """Return how long to wait before the database is asked again."""
        return max(0.0, self._probe_at - self._clock())
