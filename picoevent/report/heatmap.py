"""The report `heatmap`: events by weekday and hour, in the zone asked for."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace

from picoevent.errors import InvalidQuery
from picoevent.report.asking import ask
from picoevent.report.counting import count_by_bucket
from picoevent.report.frame import Answer, Arguments, Desk, Report
from picoevent.report.intervals import calendar_of, cut
from picoevent.report.planner import Source
from picoevent.rollup.tiers import DAY_SECONDS, QUARTER_SECONDS, Calendar, Tier

DAY_MS, HOUR_MS, QUARTER_MS = DAY_SECONDS * 1000, 3_600_000, QUARTER_SECONDS * 1000
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


@dataclass(frozen=True, slots=True)
class HeatmapRow:
    """One hour of one weekday, by the clock of the zone; `day` is 1 for Monday, `hour` 0 to 23.

    `hours` is how long it was within the range, up to now: 4.0 in four whole weeks, else more of some weekdays than of
    others, part of an hour at the ends of the range, and less or more where clocks change. Events by `hours` compare.
    """

    day: int
    weekday: str
    hour: int
    events: int
    hours: float


def answer(desk: Desk, arguments: Arguments) -> Answer[HeatmapRow]:
    """Return all 168 hours of a week."""
    kept_ms = desk.state.kept_quarter * 1000
    notes = []
    if arguments.until_ms <= kept_ms:
        begin = calendar_of(arguments.zone).local(desk.state.kept_quarter).strftime("%Y-%m-%d %H:%M")
        raise InvalidQuery(f"Hours are kept from {begin} on.", hint="Ask for a later range, or by day: series.")
    if arguments.since_ms < kept_ms:
        arguments = replace(arguments, since_ms=kept_ms)
        notes.append("Begins where hours are kept from.")
    asked = ask(desk, arguments)
    asked.notes += notes
    source = asked.plan_counts(interval="hour")
    clock = LocalClock(calendar_of(arguments.zone))
    counted: Counter[tuple[int, int]] = Counter()
    for _, second, events in count_by_bucket(desk.connection, source, asked.selection):
        counted[clock.weekday_and_hour(second)] += events
    covered = _milliseconds(source, calendar_of(arguments.zone), desk.now_ms)
    rows = [
        HeatmapRow(day + 1, WEEKDAYS[day], hour, counted[day, hour], round(covered[day, hour] / HOUR_MS, 3))
        for day in range(len(WEEKDAYS))
        for hour in range(24)
    ]
    return asked.answer("heatmap", rows, source, totals={"events": sum(counted.values())})


def _milliseconds(source: Source, calendar: Calendar, now_ms: int) -> Counter[tuple[int, int]]:
    """Return how long each hour of a week was within what a source covers, up to now."""
    covered: Counter[tuple[int, int]] = Counter()
    clock, until_ms = LocalClock(calendar), min(source.until_ms, now_ms)
    for day in cut(source.since_ms // 1000, -(-until_ms // 1000), "day", calendar):
        begin_ms = max(day * 1000, source.since_ms)
        end_ms = min(calendar.following(Tier.DAY, day) * 1000, until_ms)
        if end_ms - begin_ms == DAY_MS:
            weekday, _ = clock.weekday_and_hour(day)
            covered.update({(weekday, hour): HOUR_MS for hour in range(24)})
            continue
        # In part, or clocks change: each zone changes its clocks by whole quarters.
        for quarter_ms in range(begin_ms // QUARTER_MS * QUARTER_MS, end_ms, QUARTER_MS):
            inside_ms = min(quarter_ms + QUARTER_MS, end_ms) - max(quarter_ms, begin_ms)
            covered[clock.weekday_and_hour(quarter_ms // 1000)] += inside_ms
    return covered


class LocalClock:
    """Weekday and hour of many seconds in a zone; a zone is asked once for a day, unless its clocks change on it."""

    def __init__(self, calendar: Calendar) -> None:
        self._calendar = calendar
        self._offsets: dict[int, int | None] = {}

    def weekday_and_hour(self, second: int) -> tuple[int, int]:
        """Return the weekday, 0 for Monday, and the hour."""
        day = second // DAY_SECONDS
        if day not in self._offsets:
            begin, end = (self._offset(moment) for moment in (day * DAY_SECONDS, day * DAY_SECONDS + DAY_SECONDS))
            self._offsets[day] = begin if begin == end else None
        offset = self._offsets[day]
        local_day, rest = divmod(second + (self._offset(second) if offset is None else offset), DAY_SECONDS)
        # 1970-01-01 was a Thursday.
        return (local_day + 3) % 7, rest // 3600

    def _offset(self, second: int) -> int:
        offset = self._calendar.local(second).utcoffset()
        return 0 if offset is None else int(offset.total_seconds())


HEATMAP = Report(
    "heatmap",
    "Events by weekday and hour",
    answer,
    takes=("types", "sources"),
    default_days=28,
    row=HeatmapRow,
)
