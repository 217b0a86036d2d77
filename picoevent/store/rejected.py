"""Refused events, kept to be looked at: written beside the event log, capped, the oldest go first."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, delete, func, insert, select

from picoevent.store.record import RejectedEvent
from picoevent.store.tables import rejected_event

MAX_RAW_BYTES = 65_536
MAX_DETAIL_CHARACTERS = 1000


def keep(connection: Connection, events: Sequence[RejectedEvent], cap: int) -> None:
    """Insert refused events, and delete what is more than `cap` rows old."""
    connection.execute(insert(rejected_event), [_row(event) for event in events])
    newest = connection.execute(select(func.max(rejected_event.c.rejected_id))).scalar() or 0
    connection.execute(delete(rejected_event).where(rejected_event.c.rejected_id <= newest - cap))


def _row(event: RejectedEvent) -> dict[str, object]:
    return {
        "rejected_ms": event.rejected_ms,
        "source": event.source[:100],
        "reason": event.reason,
        "detail": event.detail[:MAX_DETAIL_CHARACTERS],
        "raw": event.raw[:MAX_RAW_BYTES],
    }


def list_rejected(connection: Connection, limit: int) -> list[RejectedEvent]:
    """Return the newest refused events, newest first."""
    columns = [rejected_event.c[name] for name in ("rejected_ms", "source", "reason", "detail", "raw")]
    rows = select(*columns).order_by(rejected_event.c.rejected_id.desc()).limit(limit)
    return [RejectedEvent(*row) for row in connection.execute(rows)]
