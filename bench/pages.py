"""Benchmark `pages`: a page of 50 events out of a million, against the classic layout that holds the same events.

Each page is asked of the library, as an application asks; one row asks only the database, on both sides.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from bench.frame import Benchmark, Row, Size, Target, interleave
from bench.layouts import SOURCE, add_classic_key, create_layouts, load
from bench.progress import Progress
from bench.server import describe_server, production_mariadb
from bench.sides import CLASSIC_NEWEST_BY_ID, CLASSIC_NEWEST_BY_TIME, Pair, Sides, contents
from bench.traffic import COMMON, ENDED, MEAN, RARE
from picoevent import EventLog
from picoevent.errors import PicoEventError
from picoevent.settings import Settings

DATABASE = "bench"

WITHIN_5_MS = Target(at_most=5)
A_FIFTH_WITHIN_5_MS = Target(at_most=5, ratio_at_most=0.2)

FULL, QUICK = Size(events=1_000_000, rounds=31), Size(events=100_000, rounds=31)


class DifferentAnswers(PicoEventError):
    """The layouts do not answer a question alike, so that their times must not be compared."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """A question, what it is called, and what the library has to reach."""

    measure: str
    pair: Pair
    target: Target


def run(size: Size, progress: Progress) -> Iterator[Row]:
    """Start a server, store the events in both layouts, and yield a row for each comparison."""
    end = datetime.now(UTC).replace(second=0, microsecond=0)
    with ExitStack() as stack:
        progress.say("starting a private MariaDB")
        server = stack.enter_context(production_mariadb())
        create_layouts(server.address, DATABASE)
        cursor = stack.enter_context(server.address.cursor(DATABASE))
        progress.say(describe_server(cursor))
        progress.say(f"storing {size.events:,} events of 30 days in both layouts")
        known = load(cursor, size, int(end.timestamp()), progress)
        settings = Settings(url=server.url(DATABASE), source=SOURCE, cache_url="none://")
        log = stack.enter_context(EventLog(settings))
        cached_log = stack.enter_context(EventLog(settings.replaced(cache_url="memory://")))
        sides, cached = (Sides(one, cursor, end, known) for one in (log, cached_log))
        for key, compare in STAGES:
            if key:
                progress.say(f"adding KEY({', '.join(key)}) to the classic table")
                add_classic_key(cursor, key)
            for comparison in compare(sides, cached):
                progress.say(f"asking {size.rounds} times: {comparison.measure}")
                yield measure(comparison, size)


def _vs_classic(sides: Sides, cached: Sides) -> Iterator[Comparison]:
    yield Comparison("page of a 3% type, vs classic", sides.type_page(MEAN), A_FIFTH_WITHIN_5_MS)
    yield Comparison("page of a 3% type, cache warm, vs classic", cached.type_page(MEAN), A_FIFTH_WITHIN_5_MS)
    statements = sides.type_page_of_database(MEAN)
    yield Comparison("page of a 3% type, statements alone, vs classic", statements, A_FIFTH_WITHIN_5_MS)
    yield Comparison("page of a 44% type, vs classic", sides.type_page(COMMON), A_FIFTH_WITHIN_5_MS)
    yield Comparison("page of a 0.3% type, vs classic", sides.type_page(RARE), WITHIN_5_MS)
    yield Comparison("page of a type that has ended, vs classic", sides.type_page(ENDED), WITHIN_5_MS)
    yield Comparison("newest page of a user, vs classic", sides.user_page(), WITHIN_5_MS)
    yield Comparison("newest page of all, vs classic by id", sides.newest_page(CLASSIC_NEWEST_BY_ID), WITHIN_5_MS)
    yield Comparison("one event by id, vs classic", sides.one_event(), WITHIN_5_MS)


def _vs_classic_with_created(sides: Sides, _cached: Sides) -> Iterator[Comparison]:
    yield Comparison("page of a 3% type, vs classic + KEY(created)", sides.type_page(MEAN), WITHIN_5_MS)
    yield Comparison("page of a 44% type, vs classic + KEY(created)", sides.type_page(COMMON), WITHIN_5_MS)
    yield Comparison("page of a 0.3% type, vs classic + KEY(created)", sides.type_page(RARE), WITHIN_5_MS)
    newest = sides.newest_page(CLASSIC_NEWEST_BY_TIME)
    yield Comparison("newest page of all, vs classic + KEY(created)", newest, WITHIN_5_MS)


def _vs_classic_with_both(sides: Sides, _cached: Sides) -> Iterator[Comparison]:
    yield Comparison("page of a 3% type, vs classic + KEY(type, created)", sides.type_page(MEAN), WITHIN_5_MS)


STAGES: tuple[tuple[tuple[str, ...], Callable[[Sides, Sides], Iterator[Comparison]]], ...] = (
    ((), _vs_classic),
    (("created",), _vs_classic_with_created),
    (("event_type_id", "created"), _vs_classic_with_both),
)
"""The index that the classic table is given, on top of those before, and what is compared then."""


def measure(comparison: Comparison, size: Size) -> Row:
    """Ask both sides in turn; raise `DifferentAnswers` before any time is taken."""
    _check_same_answer(comparison)
    value, baseline = interleave(*comparison.pair, size.rounds)
    # The ratio is promised for a million events: of fewer, the classic layout has fewer to sort for its page.
    target = comparison.target if size.events >= FULL.events else WITHIN_5_MS
    return Row(comparison.measure, value, "ms", baseline, target)


def _check_same_answer(comparison: Comparison) -> None:
    ours, classic = (contents(ask(0)) for ask in comparison.pair)
    if ours is None or classic is None:
        return
    if not ours or _clear_of_the_edge(ours) != _clear_of_the_edge(classic):
        message = f"The layouts answer differently ({comparison.measure}): {len(ours)} and {len(classic)} events."
        raise DifferentAnswers(message, hint="Compare the statements in bench/sides.py.")


def _clear_of_the_edge(found: Sequence[tuple[datetime, str]]) -> set[tuple[datetime, str]]:
    """Return what was found, but of a page without its last second, where an order by id may keep other events."""
    edge = min(moment for moment, _ in found).replace(microsecond=0) + timedelta(seconds=1)
    return {(moment, session) for moment, session in found if moment >= edge or len(found) == 1}


PAGES = Benchmark(
    "pages",
    "A page of 50 events of one type, 10 days back in 1,000,000, and other pages, against the classic layout.",
    run,
    full=FULL,
    quick=QUICK,
)
