"""Which buckets of a piled table have got several parts, and are due to be merged; in memory alone, it may be lost."""

from __future__ import annotations

from collections.abc import Iterable

from picoevent.rollup.tiers import MINUTE_SECONDS, Tier

MOST_PARTS = 64
"""A bucket that has got so many parts is merged at once."""
SETTLED_SECONDS, CALM_SECONDS = 5, 30
"""One that gets no more is merged after so long: a minute that is over, and any other bucket. Rounds write a part a
second; an open quarter would have a thousand, and a question about today would read them all."""


class Crowds:
    """Which buckets have got parts, how many times, and when last; for one table of parts."""

    def __init__(self) -> None:
        self._parts: dict[tuple[Tier, int], tuple[int, int]] = {}

    def notice(self, buckets: Iterable[tuple[Tier, int]], now: int) -> None:
        """Take note that each of these buckets got parts."""
        for bucket in buckets:
            parts, _ = self._parts.get(bucket, (0, 0))
            self._parts[bucket] = parts + 1, now

    def next_due(self, now: int) -> tuple[Tier, int] | None:
        """Return a bucket to be merged, and forget it: one that has many parts, or has got no more for a while."""
        for (tier, bucket), (parts, last) in self._parts.items():
            over = tier is not Tier.MINUTE or bucket + MINUTE_SECONDS + SETTLED_SECONDS <= now
            calm = last + (SETTLED_SECONDS if tier is Tier.MINUTE else CALM_SECONDS) <= now
            if over and (calm or parts >= MOST_PARTS):
                del self._parts[tier, bucket]
                return tier, bucket
        return None
