"""The events of a small web shop, made up from a seed: weeks of history, and a trickle without end.

No clock, no files, no network: whoever wants the events stored logs them.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import chain, count
from random import Random

from picoevent.demo import catalogue
from picoevent.demo.chance import pick
from picoevent.demo.incidents import Incidents, attack_steps, incidents_between, interrupt, postpone
from picoevent.demo.moments import MINUTE_MS, Step, to_datetime, to_ms
from picoevent.demo.orders import aftermath
from picoevent.demo.people import ATTACKER_IP, People
from picoevent.demo.rhythm import arrivals, make_rhythm, steady_arrivals
from picoevent.demo.visits import Visit
from picoevent.event import NewEvent

EVENTS_PER_DAY = 8_000

# Measured over 100,000 visits with what follows them; a test holds the day's total to it.
_EVENTS_PER_VISIT = 7.9
_ATTACK_SHARE_OF_DAY = 0.28
_CAMPAIGN_SHARE = 0.45
_NO_INCIDENTS = Incidents(attack=None, outage=None, campaign=None)
_TRICKLE_WARM_UP_MS = 15 * MINUTE_MS


def shop_events(
    start: datetime, end: datetime, seed: int = 1, events_per_day: int = EVENTS_PER_DAY
) -> Iterator[NewEvent]:
    """Yield the shop's events in [start, end) in the order of their times.

    Each has its own `at`, in UTC and of whole milliseconds. Equal arguments give equal events. `start` and
    `end` are aware (else TypeError); `events_per_day`, 1 or more, is an average: a Sunday has more.
    """
    start_ms, end_ms = to_ms(start), to_ms(end)
    if start_ms >= end_ms:
        return
    rng = _seeded("shop", seed)
    incidents = incidents_between(start, end)
    busy = make_rhythm(start_ms, end_ms, incidents.campaign)
    begins = arrivals(rng, start_ms, end_ms, events_per_day / _EVENTS_PER_VISIT, busy)
    visits = _visits(rng, People(rng), begins, incidents)
    if incidents.attack:
        attack = attack_steps(rng, incidents.attack, int(events_per_day * _ATTACK_SHARE_OF_DAY))
        visits = chain([attack], visits)
    for step in _in_order(visits):
        if step.at_ms >= end_ms:
            return
        yield NewEvent(step.event_type, step.data, step.user_id, step.source, to_datetime(step.at_ms))


def trickle(seed: int, events_per_second: float = 3.0) -> Iterator[tuple[float, NewEvent]]:
    """Yield without end (seconds to wait before it, event without `at`), `events_per_second` on average.

    The visits are of the same kinds as those of `shop_events`, without its incidents; each seed has its own.
    """
    rng = _seeded("trickle", seed)
    # Each seed has a thousand ids of its own for new customers, far above those of the history.
    people = People(rng, next_customer=100_000 + seed % 1_000_000 * 1_000)
    begins = steady_arrivals(rng, -_TRICKLE_WARM_UP_MS, events_per_second / _EVENTS_PER_VISIT)
    now_ms = 0
    for step in _in_order(_visits(rng, people, begins, _NO_INCIDENTS)):
        # Before zero the shop fills with visitors, so that the first second is as lively as the next.
        if step.at_ms >= 0:
            event = NewEvent(step.event_type, step.data, step.user_id, step.source)
            yield (step.at_ms - now_ms) / 1_000, event
            now_ms = step.at_ms


def story(start: datetime, end: datetime) -> tuple[str, ...]:
    """Return in sentences what `shop_events` hides in [start, end) for the reader to find, earliest first."""
    incidents = incidents_between(start, end)
    lines = (
        (incidents.campaign, "a campaign doubles the visits; half of them come through mail.example."),
        (incidents.outage, "the shop is down; only app.error and payment.failed come through."),
        (incidents.attack, f"{ATTACKER_IP} guesses passwords (sign_in.failed) and tries odd paths."),
    )
    return tuple(f"{window} UTC: {line}" for window, line in lines if window)


def _seeded(purpose: str, seed: int) -> Random:
    """Return a generator for one purpose, so that history and trickle share no session."""
    return Random(f"{purpose} {seed}")


def _visits(rng: Random, people: People, begins: Iterable[int], incidents: Incidents) -> Iterator[list[Step]]:
    """Yield each visit with all that follows from it; visits begin in ascending order."""
    _, outage, campaign = incidents
    for at_ms in begins:
        entrance = pick(rng, catalogue.ENTRANCES)
        if campaign and at_ms in campaign and rng.random() < _CAMPAIGN_SHARE:
            entrance = catalogue.CAMPAIGN_ENTRANCE
        steps = Visit(rng, at_ms, people, people.someone()).walk(entrance)
        if outage:
            steps = interrupt(steps, outage)
        # A paid order ends its visit, unless the outage ended the visit before.
        if steps[-1].event_type == "order.paid":
            later = aftermath(rng, steps[-1])
            steps.extend(postpone(step, outage) if outage else step for step in later)
        yield steps


def _in_order(visits: Iterable[list[Step]]) -> Iterator[Step]:
    """Merge visits that overlap into one stream in the order of time; later visits begin no earlier."""
    waiting: list[tuple[int, int, Step]] = []
    # The number keeps equal milliseconds in the order of arrival, and steps from being compared.
    number = count()
    for visit in visits:
        while waiting and waiting[0][0] < visit[0].at_ms:
            yield heapq.heappop(waiting)[2]
        for step in visit:
            heapq.heappush(waiting, (step.at_ms, next(number), step))
    while waiting:
        yield heapq.heappop(waiting)[2]
