"""The report `funnel`: how many users take ordered steps, one after the other, within a time from the first one.

A try begins with each first step of a user; each further step is the first such event behind the one before it, and
counts where it is within the window of the try's beginning. Of a user the try that got furthest counts, of equal ones
the earliest.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from operator import itemgetter
from statistics import median
from typing import Any

from picoevent.ids import MILLISECOND_SHIFT, SECOND_SHIFT, TAG_SHIFT
from picoevent.report.frame import Answer, Arguments, Desk, Report
from picoevent.report.options import read_duration
from picoevent.report.raw import answer_of, chosen_rows, in_seconds, raw_rows, shortest, walk_of
from picoevent.report.steps import Step, read_steps
from picoevent.store.packed_rows import RowReader, Walk

NAME = "funnel"
WINDOW_SECONDS = 7 * 86_400
PLACE_BITS = 21
_PLACES, _TAG = (1 << 11) - 1, 1023


@dataclass(frozen=True, slots=True)
class FunnelStep:
    """How many users got to a step, as parts of those at the step before and at the first, and how long it took."""

    step: int
    name: str
    users: int
    conversion: float | None
    conversion_from_first: float | None
    median_seconds: float | None
    """From the step before, in the middle of all users who got here."""
    median_seconds_from_first: float | None


def answer(desk: Desk, arguments: Arguments) -> Answer[FunnelStep]:
    """Return a row for each step; all steps lie within the range."""
    steps = read_steps(arguments.options.get("steps"))
    window_seconds = read_duration(arguments.options.get("window"), "window", WINDOW_SECONDS)
    walks = [shortest(desk, replace(walk_of(desk, arguments, step.event_types), users_only=True)) for step in steps]
    with raw_rows(desk, NAME, *walks) as reader:
        started, by_step = _Reading(desk, reader, arguments.filters, steps, walks).read()
    tries = [best_try(keys, window_seconds * 1000) for keys in _by_user(by_step)]
    tries += [[0]] * (started - len(tries))
    rows = list(_rows(steps, tries))
    last = rows[-1]
    totals = {
        "users": rows[0].users,
        "completed": last.users,
        "conversion": last.conversion_from_first,
        "window_seconds": window_seconds,
    }
    names = tuple(dict.fromkeys(name for step in steps for name in step.event_types))
    return answer_of(desk, NAME, replace(arguments, event_types=names), rows, totals)


@dataclass(frozen=True, slots=True)
class _Reading:
    """Reads the events of each step by user: only of users who have all steps before it, but for the order."""

    desk: Desk
    reader: RowReader
    filters: Mapping[str, tuple[str, ...]]
    steps: Sequence[Step]
    walks: Sequence[Walk]

    def read(self) -> tuple[int, list[dict[int, array[int]]]]:
        """Return how many users have the first step, and the events of those of them that have the second one, too.

        The first step comes last: most users end there, and nothing but their number is kept.
        """
        further: list[dict[int, array[int]]] = []
        for place in range(1, len(self.steps)):
            further.append(self._by_user(place, further[-1] if further else None))
        started: set[int] = set()
        first = self._by_user(0, further[0], started)
        return len(started), [first, *further]

    def _by_user(
        self, place: int, among: Container[int] | None, everybody: set[int] | None = None
    ) -> dict[int, array[int]]:
        """Return the events of a step of some users; the numbers of all users go into `everybody`."""
        found: dict[int, array[int]] = {}
        filters = {**self.filters, **self.steps[place].filters}
        for rows in chosen_rows(self.desk, self.reader, self.walks[place], filters, ("event_id", "user_id")):
            if everybody is not None:
                everybody.update(map(itemgetter(1), rows))
            for event_id, user in rows:
                if user in found:
                    found[user].append(event_id)
                elif among is None or user in among:
                    found[user] = array("q", (event_id,))
        return found


def _by_user(by_step: Sequence[dict[int, array[int]]]) -> Iterator[list[list[int]]]:
    """Yield the sorted keys of each user of the first step, step by step, as far as there are any."""
    first, *others = by_step
    for user, event_ids in first.items():
        keys = [sorted(map(time_key, event_ids))]
        for found in others:
            if user not in found:
                break
            keys.append(sorted(map(time_key, found[user])))
        yield keys


def time_key(event_id: int) -> int:
    """Return a number that orders events by time, and those of one millisecond by their ids."""
    place = (event_id >> TAG_SHIFT & _TAG) << MILLISECOND_SHIFT | event_id & _PLACES
    return ((event_id >> SECOND_SHIFT) * 1000 + (event_id >> MILLISECOND_SHIFT & _TAG)) << PLACE_BITS | place


def best_try(keys: Sequence[Sequence[int]], window_ms: int) -> list[int]:
    """Return the milliseconds of the steps of the try that got furthest; all keys of a step are sorted."""
    best: list[int] = []
    for first in keys[0]:
        latest = ((first >> PLACE_BITS) + window_ms + 1) << PLACE_BITS
        reached = [first]
        for later in keys[1:]:
            place = bisect_right(later, reached[-1])
            if place == len(later) or later[place] >= latest:
                break
            reached.append(later[place])
        if len(reached) > len(best):
            best = reached
            if len(best) == len(keys):
                break
    return [key >> PLACE_BITS for key in best]


def _rows(steps: Sequence[Step], tries: Sequence[Sequence[int]]) -> Iterator[FunnelStep]:
    users = [sum(len(reached) > place for reached in tries) for place in range(len(steps))]
    for place, step in enumerate(steps):
        here = [reached for reached in tries if len(reached) > place]
        from_before = [reached[place] - reached[place - 1] for reached in here] if place else []
        from_first = [reached[place] - reached[0] for reached in here] if place else []
        yield FunnelStep(
            step=place + 1,
            name=step.name,
            users=users[place],
            conversion=_part(users[place], users[max(0, place - 1)]),
            conversion_from_first=_part(users[place], users[0]),
            median_seconds=_median(from_before),
            median_seconds_from_first=_median(from_first),
        )


def _part(some: int, of: int) -> float | None:
    return round(some / of, 6) if of else None


def _median(milliseconds: Sequence[Any]) -> float | None:
    return in_seconds(median(milliseconds)) if milliseconds else None


FUNNEL = Report(
    name=NAME,
    summary="How many users take ordered steps within a time, and how long that takes them",
    answer=answer,
    takes=("sources", "filters"),
    options={
        "steps": 'the steps, such as "page.view > cart.add > order.paid[plan=team]"; "a or b" is any of two',
        "window": "how long after the first step the last one may come: 30m, 2h, 7d (default)",
    },
    row=FunnelStep,
)
