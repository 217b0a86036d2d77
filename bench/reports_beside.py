"""Part `reports.beside`: ingest for two minutes with the fold running beside it, against ingest alone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from statistics import mean

from bench.frame import Benchmark, Row, Size, Target
from bench.ingest_crew import Crew
from bench.ingest_place import BASELINE, OURS, Place, open_place
from bench.progress import Progress
from bench.reports_place import MADE_EVENTS, declare_dimensions, events_to_log, source_names
from bench.reports_visits import Visits
from bench.reports_writers import Fold, LogVisits, watching

WRITERS = 2
OF_INGEST_ALONE = 0.6
MOST_LEFT_PERCENT = 1.0
EVENTS_A_SECOND = 50_000
"""About as many come; it makes a size out of seconds."""


def run(size: Size, progress: Progress) -> Iterator[Row]:
    """Store for as long as `size` says beside the fold, and a quarter of that alone, before it and behind it."""
    seconds = size.events / EVENTS_A_SECOND
    with open_place(progress, Visits(0, 0).type_names(), source_names()) as place, ExitStack() as stack:
        for database in (OURS, BASELINE):
            declare_dimensions(place.settings(database))
        alone, beside = (stack.enter_context(Crew(*_writers(place, name, size))) for name in (BASELINE, OURS))
        fold = stack.enter_context(Crew(Fold(place.settings(OURS))))
        waiting = stack.enter_context(place.address.cursor(OURS))
        rates = [_rate(alone, seconds / 4, progress, "alone")]
        with watching(waiting) as pending:
            fold.begin(seconds)
            rate = _rate(beside, seconds, progress, "beside the fold")
            fold.end()
        place.empty(BASELINE)
        rates.append(_rate(alone, seconds / 4, progress, "alone"))
        yield Row(
            "ingest beside the fold, vs alone", rate, "events/s", mean(rates), Target(ratio_at_least=OF_INGEST_ALONE)
        )
        yield from _waiting_rows(pending.seen, rate * seconds, rate)


def _writers(place: Place, database: str, size: Size) -> list[LogVisits]:
    made = min(MADE_EVENTS, size.events)
    file = events_to_log(place, made)
    return [LogVisits(place.settings(database), number, made, file=file) for number in range(WRITERS)]


def _rate(writers: Crew, seconds: float, progress: Progress, how: str) -> float:
    laps = writers.run(seconds)
    rate = sum(lap.result for lap in laps) / (max(lap.ended for lap in laps) - min(lap.started for lap in laps))
    progress.say(f"ingest {how}: {rate:,.0f} events/s")
    return rate


def _waiting_rows(seen: list[int], stored: float, rate: float) -> Iterator[Row]:
    """Say how `pending` grew from the second quarter of the time to the last one, and what waited on the average."""
    quarter = max(1, len(seen) // 4)
    before, after = mean(seen[quarter : 2 * quarter] or seen), mean(seen[-quarter:])
    left = max(0.0, after - before) / (stored / 2) * 100
    yield Row("events that pile up in `pending`, of those stored", left, "%", target=Target(at_most=MOST_LEFT_PERCENT))
    yield Row("what waits in `pending` in the last quarter, in ingest's time", after / rate, "s", before / rate)


BESIDE = Benchmark(
    "reports.beside",
    "Events stored in a second for 2 minutes while they are folded, against ingest alone.",
    run,
    full=Size(events=120 * EVENTS_A_SECOND, rounds=1),
    quick=Size(events=16 * EVENTS_A_SECOND, rounds=1),
)
