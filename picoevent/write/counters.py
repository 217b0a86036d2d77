"""What became of the events of this process: exact at any moment, and never a lock that anybody waits for."""

from __future__ import annotations

import threading
from collections import Counter, deque
from collections.abc import Iterable

from picoevent.errors import RejectReason

STATES = ("stored", "refused", "spooled", "set_aside", "lost", "in_flight")
"""An event is in one of these at a time: sent + adopted is their sum."""

FIGURES = ("sent", "adopted", *STATES, "replayed", "already_stored", "given_another_id")
OF_REPORTS = ("report_hits", "report_stale", "report_misses", "report_computations", "report_waits")
REFUSED_FOR = "refused."
FOLD_AT = 1000
MAX_WAIT_SECONDS = 0.05
"""Only a signal handler that interrupted its own thread's reading can wait this long; it reads what was there."""

Change = tuple[tuple[str, int], ...]


class Counters:
    """Count each event in the state that it is in.

    A change is one entry of a queue, so that an event leaves one state and enters the next one at once, also where a
    signal handler logs in the middle of it. The figures:

    - sent: handed in here. adopted: taken over with the spool of a process that ended.
    - stored: in the database. refused: by the reasons, `refused.REASON`. spooled: on disk, on their way.
    - set_aside: spooled, and refused by the database afterwards, or illegible. lost: records that are missing in a
      damaged spool. in_flight: handed in, not answered yet.
    - replayed, already_stored, given_another_id: of the stored ones, those that came from a spool, that were there
      before, and whose id met another event and was changed.

    And how reports were answered, where they are cached: `report_hits` at once, `report_stale` at once from an answer
    that is being refreshed, or is all there is, `report_misses` neither. `report_computations` were done for that or
    ahead, and `report_waits` waited for one of somebody else.
    """

    def __init__(self) -> None:
        self._changes: deque[Change] = deque()
        self._totals: Counter[str] = Counter()
        self._folding = threading.Lock()

    def add(self, **change: int) -> None:
        """Change several figures at once."""
        self.apply(tuple(change.items()))

    def apply(self, change: Change) -> None:
        """As `add`, for a change that is made beforehand."""
        self._changes.append(change)
        # Not waited for: a signal handler may be in here while the call that it interrupted folds.
        if len(self._changes) > FOLD_AT and self._folding.acquire(blocking=False):
            self._fold_and_release()

    def refuse(self, reasons: Iterable[RejectReason], *, out_of: str) -> None:
        """Move one event for each reason out of a state (`sent` counts it as newly sent) and into `refused`."""
        counted = Counter(reasons)
        total = counted.total()
        leaves = ("sent", total) if out_of == "sent" else (out_of, -total)
        by_reason = tuple((f"{REFUSED_FOR}{reason}", count) for reason, count in counted.items())
        self.apply((leaves, ("refused", total), *by_reason))

    def to_dict(self) -> dict[str, int]:
        """Return all figures of one moment, refusals by reason as `refused.REASON`."""
        locked = self._folding.acquire(timeout=MAX_WAIT_SECONDS)
        totals = self._fold_and_release() if locked else self._totals.copy()
        reasons = sorted(name for name in totals if name.startswith(REFUSED_FOR))
        return {name: totals[name] for name in (*FIGURES, *OF_REPORTS, *reasons)}

    def _fold_and_release(self) -> Counter[str]:
        try:
            for _ in range(len(self._changes)):
                for name, by in self._changes.popleft():
                    self._totals[name] += by
            return self._totals.copy()
        finally:
            self._folding.release()
