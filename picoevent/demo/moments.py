"""Time in the demo shop: milliseconds of UTC, the shop's zone, spans, and the step, which has its moment.

Not a clock: nothing here knows what time it is.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

SHOP_ZONE = ZoneInfo("Europe/Berlin")
MINUTE_MS = 60_000
DAY_MS = 24 * 60 * MINUTE_MS

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


class Step(NamedTuple):
    """One thing that happens in the shop; `at_ms` counts UTC milliseconds since 1970."""

    at_ms: int
    event_type: str
    data: dict[str, object]
    user_id: int | str | None
    source: str


class Window(NamedTuple):
    """A span of UTC milliseconds, [begin_ms, end_ms)."""

    begin_ms: int
    end_ms: int

    def __contains__(self, at_ms: object) -> bool:
        return isinstance(at_ms, int) and self.begin_ms <= at_ms < self.end_ms

    def __str__(self) -> str:
        # In UTC, as the pages show times: whoever looks for it types these.
        begin, end = (to_datetime(at_ms) for at_ms in self)
        return f"{begin:%A} {begin.day} {begin:%B}, {begin:%H:%M} to {end:%H:%M}"


def to_ms(at: datetime) -> int:
    """Return the first whole millisecond since 1970 that is not before `at` (aware, else TypeError)."""
    return -((_EPOCH - at) // _MILLISECOND)


def to_datetime(at_ms: int) -> datetime:
    """Return the aware UTC time of a millisecond since 1970."""
    # By position: the name `milliseconds` would cost as much as the rest of this line.
    return _EPOCH + timedelta(0, 0, at_ms * 1_000)


def to_local(at_ms: int) -> datetime:
    """Return the time on the shop's clock at a millisecond since 1970."""
    return to_datetime(at_ms).astimezone(SHOP_ZONE)
