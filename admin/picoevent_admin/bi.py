"""What a page works with: the event log, the analysts, the throttle and the names; one set each process."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from flask import current_app

from picoevent import EventLog, Settings
from picoevent.analysts import Analysts
from picoevent.report.warming import Warmer
from picoevent_admin.names import Names
from picoevent_admin.throttle import Throttle

EXTENSION = "picoevent"
WARMER_SECONDS = 1.0
"""How long an answer that nobody waits for may still take when all is closed."""


@dataclass(frozen=True)
class Bi:
    """The parts behind the pages; made by `create_app`."""

    settings: Settings
    events: EventLog
    analysts: Analysts
    throttle: Throttle
    names: Names
    warmer: Warmer

    def close(self) -> None:
        """Close every connection; idempotent."""
        self.warmer.close(WARMER_SECONDS)
        self.events.close()
        self.analysts.close()


def bi() -> Bi:
    """Return the parts of the application that serves this request."""
    return cast("Bi", current_app.extensions[EXTENSION])
