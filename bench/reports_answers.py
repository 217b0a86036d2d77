"""Part `reports.answers`: every question of a dashboard, cold, beside the same as SQL on raw rows and on Parquet."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from bench.frame import Benchmark, Row, Size, Target
from bench.progress import Progress
from bench.reports_crowd import crowd_rows
from bench.reports_kept import bytes_rows, cached_rows
from bench.reports_now import realtime_rows
from bench.reports_pages import page_rows
from bench.reports_questions import Question, questions, raw_questions
from bench.reports_site import Site, open_site
from bench.reports_sql import RawRows, Rows
from bench.reports_turns import in_turn
from picoevent import EventLog
from picoevent.errors import PicoEventError

TIMES_AS_LONG = 1.3
RAW_ROUNDS, RAW_PATIENCE_SECONDS = 5, 10.0
FULL, QUICK = Size(events=10_000_000, rounds=21), Size(events=1_000_000, rounds=11)


class DifferentAnswers(PicoEventError):
    """A report and the SQL beside it do not count the same, so that their times must not be compared."""


def run(size: Size, progress: Progress) -> Iterator[Row]:
    """Fill the databases, and yield the rows of every question."""
    with open_site(size, progress) as site:
        yield Row("fold of events of the past 90 days", site.fold_rate, "events/s")
        yield from bytes_rows(site)
        for question in [*questions(site.visits), *raw_questions(site.visits)]:
            yield from _question_rows(question, site, size)
        yield from realtime_rows(site, size)
        yield from cached_rows(site)
        yield from page_rows(site, size)
        yield from crowd_rows(site, size, progress)


def _question_rows(question: Question, site: Site, size: Size) -> Iterator[Row]:
    sides = [partial(question.ask, site.log), partial(question.ask, site.small_log)]
    if question.raw:
        check(question, site.log, site.raw)
    if question.duck:
        sides.append(partial(question.ask_sql, site.parquet))
    ours, small, *duck = in_turn(sides, size.rounds)
    target = Target(at_most=question.at_most_ms)
    if not question.raw and not question.duck:
        yield Row(question.measure, ours, "ms", target=target)
    for baseline in duck:
        yield Row(f"{question.measure}, vs DuckDB", ours, "ms", baseline, target)
    if question.raw:
        (raw,) = in_turn([partial(question.ask_sql, site.raw)], RAW_ROUNDS, warm_up=1, patience=RAW_PATIENCE_SECONDS)
        yield Row(f"{question.measure}, vs SQL on raw rows", ours, "ms", raw, target)
    if question.grows:
        growth = f"{question.measure}: {site.visits.events:,} events vs {site.small_visits.events:,}"
        # With fewer events, sets of users are far from full, and grow.
        bound = Target(ratio_at_most=TIMES_AS_LONG) if size.events >= FULL.events else Target()
        yield Row(growth, ours, "ms", small, bound)


def check(question: Question, log: EventLog, raw: RawRows) -> None:
    """Raise `DifferentAnswers` where a report does not say what its SQL says."""
    for panel, answer in zip(question.panels, question.ask(log), strict=True):
        if panel.figures is None:
            continue
        ours, theirs = panel.figures(answer), raw.ask(panel.statement, question.span, **panel.more)
        if _in_order(ours) != _in_order(theirs):
            message = f"{question.measure}, {panel.report}: {len(ours)} rows of the report, {len(theirs)} of the SQL."
            raise DifferentAnswers(message, hint="Compare bench/reports_questions.py with the report.")


def _in_order(rows: Rows) -> list[tuple[str, ...]]:
    return sorted(tuple(str(value) for value in row) for row in rows)


ANSWERS = Benchmark(
    "reports.answers",
    "Questions of a dashboard to 10,000,000 events of 90 days, against SQL on raw rows, DuckDB and the classic layout.",
    run,
    full=FULL,
    quick=QUICK,
)
