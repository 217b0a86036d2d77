"""What a dashboard asks: reports by their names, and beside each the SQL that counts the same from rows.

Answers of both sides are compared before any time is taken.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from bench import reports_sql as sql
from bench.reports_sql import Rows, Span
from bench.reports_visits import CART, DAY_MS, ORDER, PAGE_VIEW, Visits
from picoevent import EventLog
from picoevent.report.frame import Answer
from picoevent.rollup.shown_values import OTHER_VALUES

Figures = Callable[[Answer[Any]], Rows]
TOP = 20
TOP_COUNTRIES = {"value": "country", "limit": 10}
TYPE_NUMBERS = {name: number for number, name in enumerate(Visits(0, 0).type_names(), 1)}


@dataclass(frozen=True, slots=True)
class Panel:
    """One report, and the SQL that asks the same; `figures` makes the answer into the rows of that SQL."""

    report: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    statement: str = ""
    more: Mapping[str, object] = field(default_factory=dict)
    figures: Figures | None = None


@dataclass(frozen=True, slots=True)
class Question:
    """Some panels over one range, and the milliseconds that all of them may take together."""

    measure: str
    span: Span
    panels: Sequence[Panel]
    at_most_ms: float
    raw: bool = True
    duck: bool = True
    grows: bool = True
    """Whether ten times the events may take 1.3 times as long at most; not where raw rows are read."""

    def ask(self, log: EventLog) -> list[Answer[Any]]:
        """Ask all panels, one after the other."""
        since, until = moment(self.span.since_ms), moment(self.span.until_ms)
        return [log.report(panel.report, since=since, until=until, **panel.arguments) for panel in self.panels]

    def ask_panel(self, log: EventLog, number: int) -> Answer[Any]:
        """Ask one of the panels."""
        return replace(self, panels=self.panels[number : number + 1]).ask(log)[0]

    def ask_sql(self, side: sql.RawRows | sql.Parquet) -> list[Rows]:
        """Ask the same of one that counts rows."""
        return [side.ask(panel.statement, self.span, **panel.more) for panel in self.panels if panel.statement]


def questions(visits: Visits) -> list[Question]:
    """Return every question about the time before the last event."""
    end = visits.end_ms
    midnight = end - end % DAY_MS

    def back(days: int) -> Span:
        return Span(midnight - days * DAY_MS, end)

    odd = Span(end - 33 * DAY_MS - 26_007_531, end - 2 * DAY_MS - 18_131_301)
    return [
        Question("today by hour", back(0), [_by("hour", sql.BY_HOUR)], 5),
        Question("7 days by day, by type, with users", back(6), _by_day_and_type(), 10),
        Question("30 days, all panels of a dashboard", back(29), dashboard(), 40),
        Question("90 days, top 20 of a dimension with users per value", back(89), [_top("path")], 25),
        Question("a range off the edges of buckets, users by day", odd, [_by("day", sql.USERS_BY_DAY, "users")], 60),
    ]


def raw_questions(visits: Visits) -> list[Question]:
    """Return the questions that no rollup answers, or only in part."""
    end = visits.end_ms
    funnel = Panel("funnel", {"steps": f"{PAGE_VIEW} > {CART} > {ORDER}"})
    weeks = Panel("retention", {"interval": "week"})
    alone = {"raw": False, "duck": False, "grows": False}
    return [
        Question("funnel of 3 steps over 7 days", Span(end - 7 * DAY_MS, end), [funnel], 1000, **alone),
        Question(
            "retention over 8 weeks",
            Span(end - 56 * DAY_MS, end),
            [weeks],
            200,
            **alone,
        ),
        Question("suspicious, last hour", Span(end - DAY_MS // 24, end), [Panel("suspicious")], 20, **alone),
    ]


def dashboard() -> list[Panel]:
    """Return what is on a dashboard."""
    return [
        _by("day", sql.BY_DAY),
        _by("day", sql.USERS_BY_DAY, "users"),
        Panel("uniques", {"compare": True}, sql.USERS, figures=lambda answer: [(answer.totals["uniques"],)]),
        Panel("compare", {"limit": TOP}, sql.BY_TYPE_WITH_USERS),
        Panel("top_types", {"limit": len(TYPE_NUMBERS)}, sql.BY_TYPE_WITH_USERS, figures=_types),
        Panel("top_values", {"of": "country", "types": [PAGE_VIEW]}, sql.TOP_VALUES, TOP_COUNTRIES, _values),
        Panel("heatmap", {}, sql.BY_HOUR_OF_WEEK, figures=_hours_of_week),
    ]


def _by(interval: str, statement: str, measure: str = "events") -> Panel:
    return Panel("series", {"interval": interval, "measure": measure}, statement, figures=_series)


def _by_day_and_type() -> list[Panel]:
    asked = (("events", sql.BY_DAY_AND_TYPE), ("users", sql.USERS_BY_DAY_AND_TYPE))
    return [
        Panel("series", {"interval": "day", "split": "type", "measure": measure}, statement, figures=_series_by_type)
        for measure, statement in asked
    ]


def _top(path: str) -> Panel:
    return Panel(
        "breakdown",
        {"by": path, "types": [PAGE_VIEW], "limit": TOP},
        sql.TOP_VALUES,
        {"value": path, "limit": TOP},
        _values,
    )


def _types(answer: Answer[Any]) -> Rows:
    return [(TYPE_NUMBERS[row.event_type], row.events, row.users) for row in answer.rows]


def _hours_of_week(answer: Answer[Any]) -> Rows:
    # The SQL counts hours from 1970-01-01, a Thursday.
    return [((row.day + 3) % 7 * 24 + row.hour, row.events) for row in answer.rows if row.events]


def _series(answer: Answer[Any]) -> Rows:
    return [(int(row.start.timestamp()), row.value) for row in answer.rows if row.value]


def _series_by_type(answer: Answer[Any]) -> Rows:
    rows = [row for row in answer.rows if row.value]
    return [(int(row.start.timestamp()), TYPE_NUMBERS[row.event_type], row.value) for row in rows]


def _values(answer: Answer[Any]) -> Rows:
    return [(row.value, row.events, row.users) for row in answer.rows if row.value != OTHER_VALUES]


def moment(unix_ms: int) -> datetime:
    """Return Unix milliseconds as an aware time."""
    return datetime.fromtimestamp(unix_ms // 1000, UTC) + timedelta(milliseconds=unix_ms % 1000)
