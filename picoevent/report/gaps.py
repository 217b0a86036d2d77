"""The report `intervals`: how much time passes between one event and the next, of a type or of a user."""

from __future__ import annotations

from array import array
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from statistics import median
from typing import Any

from picoevent.ids import id_unix_ms
from picoevent.report.frame import Answer, Arguments, Desk, Report
from picoevent.report.options import read_user
from picoevent.report.raw import answer_of, chosen_rows, in_seconds, raw_rows, walk_of

NAME = "intervals"


@dataclass(frozen=True, slots=True)
class Interval:
    """The time between each event of a type and the next one; None where there is only one event."""

    event_type: str
    events: int
    average_seconds: float | None
    median_seconds: float | None
    shortest_seconds: float | None
    longest_seconds: float | None


def answer(desk: Desk, arguments: Arguments) -> Answer[Interval]:
    """Return a row for each event type, most events first; the totals are those of all these events together."""
    walk = replace(walk_of(desk, arguments), user_number=read_user(desk, arguments.options.get("user")))
    times: defaultdict[int, array[int]] = defaultdict(lambda: array("q"))
    with raw_rows(desk, NAME, walk) as reader:
        for rows in chosen_rows(desk, reader, walk, arguments.filters, ("event_id", "event_type_id")):
            for event_id, type_id in rows:
                times[type_id].append(id_unix_ms(event_id))
    names = {type_id: desk.names.event_types.name_of(desk.connection, type_id) for type_id in times}
    found = [Interval(names[type_id], *_between(moments)) for type_id, moments in times.items()]
    found.sort(key=lambda row: (-row.events, row.event_type))
    events, average, middle, _, _ = _between([moment for moments in times.values() for moment in moments])
    totals: dict[str, Any] = {"events": events, "average_seconds": average, "median_seconds": middle}
    return answer_of(desk, NAME, arguments, found[: arguments.limit], totals)


def _between(moments: Sequence[int]) -> tuple[int, float | None, float | None, float | None, float | None]:
    """Return how many moments these are, and the average, median, least and greatest time from one to the next."""
    ordered = sorted(moments)
    gaps = [later - earlier for earlier, later in pairwise(ordered)]
    if not gaps:
        return len(ordered), None, None, None, None
    average = (ordered[-1] - ordered[0]) / len(gaps)
    return (
        len(ordered),
        in_seconds(average),
        in_seconds(median(gaps)),
        in_seconds(min(gaps)),
        in_seconds(max(gaps)),
    )


INTERVALS = Report(
    name=NAME,
    summary="Average and median time between the events of a type, or of a user",
    answer=answer,
    takes=("types", "sources", "filters", "limit"),
    options={"user": "only events of this user: a number, or a text (digits in double quotes are a text)"},
    row=Interval,
)
