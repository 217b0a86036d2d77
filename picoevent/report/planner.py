"""Which buckets, of which tiers, and which raw rows answer a question exactly; no SQL, and no counting.

The coarsest tiers that lie whole within the range, and within the intervals asked for, come first; what is left at the
edges comes from finer ones, and at last from raw rows. Where something finer is asked for than is kept, the question
is made coarser, and `notes` say so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import pairwise

from picoevent.report.intervals import INTERVALS, calendar_of, cut
from picoevent.rollup.tiers import Calendar, Piece, Tier, Window, cover
from picoevent.store.fold_state import FoldState

MAX_RAW_ROWS = 200_000
"""How many narrow rows the edges of a range may cost, each; beyond that the range snaps to a bucket."""
MAX_RAW_PAYLOADS = 5000
"""The same where payloads must be read."""

CountRows = Callable[[Tier, int, int], int]
"""How many events lie in buckets of a tier, from a Unix second up to but without another."""
_DIVIDING: Mapping[str | None, tuple[Tier, ...]] = {
    "minute": (Tier.MINUTE,),
    "quarter": (Tier.MINUTE, Tier.QUARTER),
    "hour": (Tier.MINUTE, Tier.QUARTER),
    "day": (Tier.MINUTE, Tier.QUARTER, Tier.DAY),
    "week": (Tier.MINUTE, Tier.QUARTER, Tier.DAY),
    "month": tuple(Tier),
    None: tuple(Tier),
}
"""The tiers whose buckets each lie in one interval, where the interval is of the reporting zone."""


@dataclass(frozen=True, slots=True)
class Question:
    """What is to be counted: a range in Unix milliseconds, the intervals it is cut in, and where each tier is whole."""

    since_ms: int
    until_ms: int
    windows: Mapping[Tier, Window]
    interval: str | None = None
    zone: str = "UTC"
    max_raw_rows: int = MAX_RAW_ROWS
    open_end: bool = False
    """Whether there is nothing behind the range, so that buckets that reach beyond its end answer it, too."""


@dataclass(frozen=True, slots=True)
class Span:
    """A span of raw rows, Unix milliseconds; `until_ms` does not count."""

    since_ms: int
    until_ms: int


@dataclass(frozen=True, slots=True)
class Source:
    """What answers a question: spans of buckets by tier (Unix seconds), spans of raw rows, and what had to change."""

    since_ms: int
    until_ms: int
    interval: str | None
    zone: str
    tiers: Mapping[Tier, tuple[Window, ...]]
    raw: tuple[Span, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def origin(self) -> str:
        """Say in words where the answer comes from."""
        names = ", ".join(tier.name.lower() for tier in sorted(self.tiers, reverse=True))
        if not names:
            return "raw rows" if self.raw else "nothing: the range is empty"
        return f"rollup: {names}; raw rows at the edges" if self.raw else f"rollup: {names}"


def together(one: Source, other: Source) -> Source:
    """Return what answers both of two questions, one after the other in time, by one statement for all their tiers."""
    tiers = {tier: (*one.tiers.get(tier, ()), *other.tiers.get(tier, ())) for tier in {**one.tiers, **other.tiers}}
    return replace(one, until_ms=other.until_ms, tiers=tiers, raw=(*one.raw, *other.raw))


def plan(question: Question, state: FoldState, calendar: Calendar, count_rows: CountRows) -> Source:
    """Return what answers a question; `calendar` is that of the reporting zone."""
    question, notes = _made_coarser(question, state, calendar)
    tiers = _dividing_tiers(question, calendar)
    windows = {tier: question.windows[tier] for tier in tiers}
    edges = _Edges(question, state, calendar, windows, count_rows)
    since_ms, until_ms, pieces = edges.settle()
    if (since_ms, until_ms) != (question.since_ms, question.until_ms):
        notes.append("The range was widened to whole buckets: nothing finer is kept, or it would read too many rows.")
    spans = [part for span in _spans(pieces, since_ms, until_ms) for part in _within_intervals(span, question)]
    by_tier = {
        tier: tuple(Window(piece.since, piece.until) for piece in pieces if piece.tier is tier)
        for tier in tiers
        if any(piece.tier is tier for piece in pieces)
    }
    return Source(since_ms, until_ms, question.interval, question.zone, by_tier, tuple(spans), tuple(notes))


def _dividing_tiers(question: Question, calendar: Calendar) -> tuple[Tier, ...]:
    tiers = _DIVIDING[question.interval]
    if question.interval is None or question.zone == calendar.zone:
        return tiers
    return tuple(tier for tier in tiers if tier <= Tier.QUARTER)


def _made_coarser(question: Question, state: FoldState, calendar: Calendar) -> tuple[Question, list[str]]:
    """Return a question that what is kept can answer, and what was changed, in words."""
    notes: list[str] = []
    second = question.since_ms // 1000
    kept = (("minute", state.kept_minute, "quarter"), ("quarter", state.kept_quarter, "day"))
    for finest, kept_from, instead in (*kept, ("day", state.kept_day, "month")):
        if second >= kept_from or question.interval is None:
            break
        if finest == "quarter" and question.zone != calendar.zone:
            notes.append(f"Days are those of {calendar.zone}: so far back, other zones' days can't be told apart.")
            question = replace(question, zone=calendar.zone)
        if INTERVALS.index(question.interval) < INTERVALS.index(instead) and question.interval != "month":
            notes.append(f"Shown by {instead}: nothing finer is kept so far back.")
            question = replace(question, interval=instead)
    return question, notes


def _spans(pieces: list[Piece], since_ms: int, until_ms: int) -> Iterator[Span]:
    """Yield what no bucket answers, the milliseconds at both ends included."""
    place = since_ms
    for piece in pieces:
        if piece.tier is None:
            continue
        if piece.since * 1000 > place:
            yield Span(place, piece.since * 1000)
        place = piece.until * 1000
    if place < until_ms:
        yield Span(place, until_ms)


def _within_intervals(span: Span, question: Question) -> Iterator[Span]:
    """Cut a span of raw rows where another interval begins: it is counted as one."""
    if question.interval is None:
        yield span
        return
    ends = cut(span.since_ms // 1000, -(-span.until_ms // 1000), question.interval, calendar_of(question.zone))
    moments = [span.since_ms, *(1000 * end for end in ends[1:]), span.until_ms]
    yield from (Span(begin, end) for begin, end in pairwise(moments))


@dataclass(frozen=True, slots=True)
class _Edges:
    """Both ends of a range: answered from raw rows where that is cheap, else moved out to the next bucket."""

    question: Question
    state: FoldState
    calendar: Calendar
    windows: Mapping[Tier, Window]
    count_rows: CountRows

    def settle(self) -> tuple[int, int, list[Piece]]:
        """Return the range that is really covered, and its pieces."""
        since_ms, until_ms = self.question.since_ms, self.question.until_ms
        pieces = self._cover(since_ms, until_ms)
        for span in list(_spans(pieces, since_ms, until_ms)):
            enclosing = self._enclosing(span)
            if enclosing is None or self._is_cheap(span, *enclosing):
                continue
            _, begin, end = enclosing
            since_ms, until_ms = min(since_ms, begin * 1000), max(until_ms, end * 1000)
        return since_ms, until_ms, self._cover(since_ms, until_ms)

    def _cover(self, since_ms: int, until_ms: int) -> list[Piece]:
        until = until_ms // 1000
        if self.question.open_end:
            until = self.calendar.following(Tier.MONTH, self.calendar.bucket(Tier.MONTH, until))
        return cover(-(-since_ms // 1000), until, self.windows, self.calendar)

    def _is_cheap(self, span: Span, tier: Tier, begin: int, end: int) -> bool:
        if not self.question.max_raw_rows or span.since_ms < self.state.raw_from * 1000:
            return False
        return self.count_rows(tier, begin, end) <= self.question.max_raw_rows

    def _enclosing(self, span: Span) -> tuple[Tier, int, int] | None:
        """Return the finest buckets that hold a span, where a tier has them: the tier, their begin and their end."""
        for tier in sorted(self.windows):
            begin = self.calendar.bucket(tier, span.since_ms // 1000)
            end = self.calendar.first_at_or_after(tier, -(-span.until_ms // 1000))
            if self.windows[tier].since <= begin and end <= self.windows[tier].until:
                return tier, begin, end
        return None
