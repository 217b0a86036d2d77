"""What follows a paid order in the days after it: parcel, refund, review. Not the payment itself."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, time, timedelta
from random import Random

from picoevent.demo import catalogue
from picoevent.demo.chance import pick
from picoevent.demo.moments import DAY_MS, MINUTE_MS, SHOP_ZONE, Step, to_local, to_ms

REFUND = 0.05
REVIEW = 0.22
_SUNDAY = 6


def aftermath(rng: Random, paid: Step) -> Iterator[Step]:
    """Yield the later steps of a paid order, in any order of time."""
    order = {key: paid.data[key] for key in ("order", "country")}
    parcel = order | {"carrier": pick(rng, catalogue.CARRIERS)}
    yield Step(_next_working_day(rng, paid.at_ms), "order.shipped", parcel, paid.user_id, "shop-api")
    if rng.random() < REFUND:
        bill = {key: paid.data[key] for key in ("amount", "currency", "category")}
        reason = pick(rng, catalogue.REFUND_REASONS)
        at_ms = _next_working_day(rng, paid.at_ms + int(DAY_MS * (3 + 6 * rng.random())))
        yield Step(at_ms, "order.refunded", order | bill | {"reason": reason}, paid.user_id, "shop-api")
    if paid.user_id is not None and rng.random() < REVIEW:
        yield _review(rng, paid)


def _review(rng: Random, paid: Step) -> Step:
    """Return the customer's review: some days later, at about the time of day when that person shops."""
    days = 3 + int(8 * rng.random())
    at_ms = paid.at_ms + days * DAY_MS + int(90 * MINUTE_MS * (rng.random() - 0.5))
    kept = {key: paid.data[key] for key in ("ip", "device", "country", "sku", "category")}
    words = {"stars": pick(rng, catalogue.STARS), "characters": 20 + int(600 * rng.random() ** 2)}
    return Step(at_ms, "review.posted", kept | words, paid.user_id, "shop")


def _next_working_day(rng: Random, at_ms: int) -> int:
    """Return a moment between 8 and 17 o'clock of the next day that is not a Sunday."""
    day = to_local(at_ms).date() + timedelta(days=1)
    if day.weekday() == _SUNDAY:
        day += timedelta(days=1)
    opening = to_ms(datetime.combine(day, time(8), tzinfo=SHOP_ZONE))
    return opening + int(9 * 60 * MINUTE_MS * rng.random())
