"""What happens to a refused event: logged and kept in `rejected_event` at a bounded rate."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable
from functools import partial

from picoevent.errors import PicoEventError, Rejected
from picoevent.event import NewEvent
from picoevent.ids import wall_clock_ms
from picoevent.settings import Settings
from picoevent.store.base import WritingStore
from picoevent.store.record import RejectedEvent

logger = logging.getLogger("picoevent")

BURST = 100
KEPT_PER_SECOND = 10.0
"""How many refused events a process logs and keeps each second once the burst is used up; the rest is only counted."""


class RejectedKeeper:
    """Keep refused events without holding up whoever sends many of them; never raises."""

    def __init__(
        self,
        settings: Settings,
        store: WritingStore,
        run: Callable[[Callable[[], None], float], None],
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._source = settings.source
        self._cap = settings.max_rejected_events
        self._store = store
        self._run = run
        """Has the writer's thread do something, and waits for it until a moment of `time.monotonic()`."""
        self._clock = clock
        # Reentrant: a signal handler may log within a call that holds it.
        self._lock = threading.RLock()
        self._allowance = float(BURST)
        self._filled_at = clock()

    def reject(self, refused: list[tuple[NewEvent, Rejected]], *, keep_until: float | None) -> None:
        """Log and keep as many of these as the rate allows; wait for that until a moment of `time.monotonic()`.

        None where the store can't be asked.
        """
        kept = refused[: self._take(len(refused))]
        for _, rejected in kept:
            logger.warning("Event refused (%s): %s", rejected.reason, ascii(rejected.detail)[1:-1])
        if kept and self._cap and keep_until is not None:
            rows = [_to_row(event, rejected, self._source) for event, rejected in kept]
            self._run(partial(self._store_rows, rows), keep_until)

    def _take(self, wanted: int) -> int:
        with self._lock:
            now = self._clock()
            self._allowance = min(BURST, self._allowance + (now - self._filled_at) * KEPT_PER_SECOND)
            self._filled_at = now
            taken = min(wanted, int(self._allowance))
            self._allowance -= taken
            return taken

    def _store_rows(self, rows: list[RejectedEvent]) -> None:
        try:
            self._store.keep_rejected(rows, self._cap)
        except PicoEventError as error:
            logger.warning("Refused events could not be kept: %s", error)


def _to_row(event: NewEvent, rejected: Rejected, default_source: str) -> RejectedEvent:
    # Not isinstance(): that asks the object itself, which may raise.
    source = event.source if type(event.source) is str else default_source
    return RejectedEvent(wall_clock_ms(), _storable(source), rejected.reason, rejected.detail, _raw(event))


def _raw(event: NewEvent) -> bytes:
    """Return what came in as JSON that says as much as can be said; a hostile value costs its own text alone."""
    fields = {"type": event.event_type, "user_id": event.user_id, "source": event.source, "data": event.data}
    try:
        return json.dumps(fields, default=_text_of).encode("utf-8", "backslashreplace")
    except Exception:  # noqa: BLE001  # the refused event's own code may raise anything
        return b""


def _text_of(value: object) -> str:
    return f"<{type(value).__name__}>"


def _storable(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode()
