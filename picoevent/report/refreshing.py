"""`Refresher`: work that nobody waits for, each key once at a time, in a few threads that end when it is done."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable

logger = logging.getLogger("picoevent")

THREADS = 2
MAX_QUEUED = 200
"""What is asked for beyond this is left to whoever asks next."""


class Refresher:
    """Run work in the background; safe under threads, not across a fork. No thread outlives its work."""

    def __init__(self, threads: int = THREADS) -> None:
        self._max_threads = threads
        self._changed = threading.Condition()
        self._queue: deque[tuple[str, Callable[[], object]]] = deque()
        self._keys: set[str] = set()
        self._running = 0
        self._closed = False

    def submit(self, key: str, work: Callable[[], object]) -> bool:
        """Have work done soon; return False where that of the same key is under way, or too much is queued."""
        with self._changed:
            if self._closed or key in self._keys or len(self._queue) >= MAX_QUEUED:
                return False
            self._keys.add(key)
            self._queue.append((key, work))
            if self._running >= self._max_threads:
                return True
            self._running += 1
        return self._start()

    def close(self, timeout: float) -> bool:
        """Begin nothing more, and wait so many seconds for what is under way; return whether it has ended."""
        with self._changed:
            self._closed = True
            self._queue.clear()
            return self._changed.wait_for(lambda: self._running == 0, max(0.0, timeout))

    def _start(self) -> bool:
        try:
            threading.Thread(target=self._run, name="picoevent-refresher", daemon=True).start()
        except RuntimeError:
            # The system has no thread left, or the interpreter ends.
            with self._changed:
                self._running -= 1
                if not self._running:
                    self._queue.clear()
                    self._keys.clear()
            return False
        return True

    def _run(self) -> None:
        while (taken := self._next()) is not None:
            key, work = taken
            try:
                work()
            except Exception as error:  # noqa: BLE001  # whoever asks next computes, and is told
                logger.warning("An answer could not be refreshed: %s", error)
            finally:
                with self._changed:
                    self._keys.discard(key)

    def _next(self) -> tuple[str, Callable[[], object]] | None:
        with self._changed:
            if self._queue:
                return self._queue.popleft()
            self._running -= 1
            self._changed.notify_all()
            return None
