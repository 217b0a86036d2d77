"""The report `series`: a figure by minute, hour, day, week or month, zero-filled, in total or by event type."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from picoevent.errors import InvalidQuery
from picoevent.report.arguments import check_rows, choose
from picoevent.report.asking import Asked, Intervals, ask, previous_range
from picoevent.report.counting import ANY
from picoevent.report.frame import Answer, Arguments, Desk, Report
from picoevent.report.intervals import default_interval
from picoevent.report.measures import TAKEN
from picoevent.report.measuring import FIGURES, Measured


@dataclass(frozen=True, slots=True)
class SeriesRow:
    """One interval.

    `start` is where it begins, in the zone of the answer; `value` the figure, empty where there is nothing to take an
    average or a quantile of; `event_type` the type, with split=type; `previous` the figure of the interval in the same
    place of the period before, with compare; `complete` says whether all of the interval is in the range, and over.
    """

    start: datetime
    value: int | float | Decimal | None
    event_type: str | None = None
    previous: int | float | Decimal | None = None
    complete: bool = True


def answer(desk: Desk, arguments: Arguments) -> Answer[SeriesRow]:
    """Return the series."""
    measure = choose(arguments.options.get("measure"), "measure", FIGURES, "events")
    if "of" in arguments.options and measure not in TAKEN:
        message = f"The measure {measure} is of nothing: it counts."
        raise InvalidQuery(message, hint=f"Leave out `of`, or choose what of it: measure is {', '.join(TAKEN)}.")
    split = choose(arguments.options.get("split"), "split", ("none", "type"), "none") == "type"
    interval = arguments.interval or default_interval(arguments.since_ms, arguments.until_ms)
    asked = ask(desk, arguments, by_type=split)
    check_rows(interval, arguments.since_ms, arguments.until_ms, len(asked.type_names) if split else 1)
    found = FIGURES[measure](asked, interval, split=split)
    totals, exact, before = found.totals(asked.type_names), found.exact, None
    if arguments.compare:
        before = FIGURES[measure](asked.period_before(found.source), found.source.interval, split=split)
        totals |= {"previous": before.total, **previous_range(before.source)}
        exact = exact and before.exact
        if before.source.interval != found.source.interval:
            asked.note("The period before is so far back that only its total can be compared.")
            before = None
    return asked.answer("series", _rows(asked, found, before), found.source, exact=exact, totals=totals)


def _rows(asked: Asked, found: Measured, before: Measured | None) -> list[SeriesRow]:
    intervals = Intervals(found.source)
    names: Mapping[int, str | None] = asked.type_names or {ANY: None}
    by_name = sorted(names, key=lambda number: names[number] or "")
    rows = []
    for place in range(len(intervals)):
        start, whole = intervals.start_of(place), intervals.is_whole(place, asked.desk.now_ms)
        for type_id in by_name:
            value = found.values.get((type_id, place), found.empty)
            previous = before.values.get((type_id, place), before.empty) if before is not None else None
            rows.append(SeriesRow(start, value, names[type_id], previous, whole))
    return rows


SERIES = Report(
    "series",
    "A figure by minute, hour, day, week or month",
    answer,
    takes=("types", "sources", "interval", "filters", "compare"),
    options={
        "measure": "events (default), users, per_user, or sum, avg, min, max, p50, p95 of a measure",
        "of": "the measure that sum, avg, min, max, p50 and p95 are of: a declared path such as amount",
        "split": "type: a row for each event type (default: none)",
    },
    row=SeriesRow,
)
