"""The report `sessions`: how many visits there were, how long they took, and with what they began and ended.

Days that the fold has closed come from their sums, the rest of the range from raw rows. What a session is, says
`picoevent.rollup.sessions`.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from picoevent.ids import MAX_UNIX_MS, id_unix_ms
from picoevent.report.asking import to_moment, unknown_names
from picoevent.report.frame import Answer, Arguments, Desk, Report
from picoevent.report.intervals import calendar_of, cut, interval_behind
from picoevent.report.options import read_text
from picoevent.report.payload_values import Getter, PayloadKeys, as_text
from picoevent.report.raw import ORIGIN, answer_of, in_seconds, raw_rows, walk_of
from picoevent.rollup.sessions import GAP_MS, InTime, Moment, OpenSession, SessionSums, SessionWalk, followed_until
from picoevent.rollup.tiers import Tier
from picoevent.store.packed_rows import Batch, RowReader, Walk
from picoevent.store.session_days import ANY_SOURCE, fresh_days

NAME = "sessions"
USER = "user"
COLUMNS = ("event_id", "event_type_id", "source_id", "user_id")


@dataclass(frozen=True, slots=True)
class SessionsRow:
    """The sessions that began in one interval, or in the whole range where no interval is asked for.

    The median is of whole seconds. `bounce_rate` is the part of sessions that have one event; `complete` says whether
    all of the interval is in the range, and over.
    """

    start: datetime
    sessions: int
    events: int
    events_per_session: float | None
    average_seconds: float | None
    median_seconds: float | None
    bounce_rate: float | None
    complete: bool


def answer(desk: Desk, arguments: Arguments) -> Answer[SessionsRow]:
    """Return a row for each interval; the totals have the same figures, and the types that sessions begin and end with.

    Of several sources each one's own sessions are added up; without a source, events of several are one session.
    """
    counting = _Counting.of(desk, arguments)
    spans = counting.take_closed_days()
    counting.count(spans)
    whole = SessionSums()
    for sums in counting.sums.values():
        whole.merge(sums)
    figures = _figures(whole)
    totals = {
        **figures,
        "entries": _named(desk, whole.entries, arguments.limit),
        "exits": _named(desk, whole.exits, arguments.limit),
    }
    found: Answer[SessionsRow] = answer_of(desk, NAME, arguments, list(counting.rows()), totals)
    notes = unknown_names(desk, arguments)
    exact = not spans or spans[0][0] >= desk.state.raw_from * 1000
    if not exact:
        notes.append("Raw rows of before are gone: there, only sessions of whole days that were closed are counted.")
    since = to_moment(arguments.since_ms)
    return replace(found, since=since, exact=exact, notes=tuple(notes), origin=counting.origin(spans))


@dataclass(slots=True)
class _Counting:
    """Counts the sessions of each interval."""

    desk: Desk
    arguments: Arguments
    starts: Sequence[int]
    """The Unix milliseconds at which the intervals begin; the first one may begin before the range."""
    ends: Sequence[int]
    walk: Walk
    by: str
    sums: defaultdict[int, SessionSums] = field(default_factory=lambda: defaultdict(SessionSums))
    closed: int = 0

    @classmethod
    def of(cls, desk: Desk, arguments: Arguments) -> _Counting:
        given = arguments.options.get("by")
        by = USER if given is None else read_text(given, "by")
        since, until = arguments.since_ms, arguments.until_ms
        walk = replace(walk_of(desk, arguments, None), users_only=by == USER)
        if arguments.interval is None:
            return cls(desk, arguments, [since], [until], walk, by)
        calendar = calendar_of(arguments.zone)
        starts = cut(since // 1000, -(-until // 1000), arguments.interval, calendar)
        ends = [interval_behind(start, arguments.interval, calendar) * 1000 for start in starts]
        return cls(desk, arguments, [start * 1000 for start in starts], ends, walk, by)

    def take_closed_days(self) -> list[tuple[int, int]]:
        """Count the closed days that lie whole in an interval and in the range; return the spans that remain, in ms."""
        since_ms, until_ms = self.arguments.since_ms, self.arguments.until_ms
        spans: list[tuple[int, int]] = []
        begin = since_ms
        for bucket, sums in self._closed_days().items():
            end_ms = self.desk.calendar.following(Tier.DAY, bucket) * 1000
            place = self._place(bucket * 1000)
            if bucket * 1000 < since_ms or end_ms > min(until_ms, self.ends[place]):
                continue
            self.sums[place].merge(sums)
            self.closed += 1
            if begin < bucket * 1000:
                spans.append((begin, bucket * 1000))
            begin = end_ms
        return [*spans, (begin, until_ms)] if begin < until_ms else spans

    def _closed_days(self) -> dict[int, SessionSums]:
        if self.by != USER:
            return {}
        sources = (ANY_SOURCE,) if self.walk.source_ids is None else self.walk.source_ids
        since, until = self.arguments.since_ms // 1000, self.arguments.until_ms // 1000
        return fresh_days(self.desk.connection, self.desk.calendar, since, until, sources)

    def count(self, spans: Sequence[tuple[int, int]]) -> None:
        """Count the sessions that begin in spans of raw rows."""
        walks = [self._walk(since_ms, until_ms) for since_ms, until_ms in spans]
        with raw_rows(self.desk, NAME, *walks) as reader:
            for (since_ms, until_ms), walk in zip(spans, walks, strict=True):
                self._count_span(
                    reader, SessionWalk(since_ms, until_ms, self.desk.calendar, self._take), walk, until_ms
                )

    def _walk(self, since_ms: int, until_ms: int) -> Walk:
        """Return the rows of a span, and those before and behind it that its sessions can reach into."""
        last = followed_until(self.desk.calendar, (until_ms - 1) // 1000) * 1000
        return replace(self.walk, since_ms=max(since_ms - GAP_MS, 0), until_ms=min(last, MAX_UNIX_MS))

    def _count_span(self, reader: RowReader, sessions: SessionWalk, walk: Walk, until_ms: int) -> None:
        in_time = InTime()
        for rows in self._batches(reader, walk):
            sessions.feed(in_time.push(rows))
            if sessions.now_ms >= until_ms and not sessions.may_change(sessions.now_ms):
                break
        sessions.feed(in_time.rest())
        sessions.end()

    def _batches(self, reader: RowReader, walk: Walk) -> Iterator[list[Moment]]:
        each = self.walk.source_ids is not None
        if self.by == USER:
            for rows in reader.narrow(walk, COLUMNS):
                yield [
                    (id_unix_ms(event_id), event_id, type_id, (source_id, user) if each else user)
                    for event_id, type_id, source_id, user in rows
                ]
            return
        keys = PayloadKeys([self.by])
        for rows in reader.wide(walk, COLUMNS[:3], keys.kind):
            yield list(_by_value(rows, keys.getter(self.by), each=each))

    def _take(self, _who: object, session: OpenSession) -> None:
        self.sums[self._place(session.first_ms)].add(session)

    def _place(self, unix_ms: int) -> int:
        return max(0, bisect_right(self.starts, unix_ms) - 1)

    def rows(self) -> Iterator[SessionsRow]:
        """Yield the row of each interval."""
        calendar = calendar_of(self.arguments.zone)
        since_ms, until_ms = self.arguments.since_ms, min(self.arguments.until_ms, self.desk.now_ms)
        for place, (start_ms, end_ms) in enumerate(zip(self.starts, self.ends, strict=True)):
            figures = _figures(self.sums[place])
            complete = since_ms <= start_ms and end_ms <= until_ms
            yield SessionsRow(calendar.local(start_ms // 1000), **figures, complete=complete)

    def origin(self, spans: Sequence[tuple[int, int]]) -> str:
        """Say in words where the figures come from."""
        if not self.closed:
            return ORIGIN
        return "rollup: day; raw rows for the other days" if spans else "rollup: day"


def _by_value(rows: Batch, get: Getter, *, each: bool) -> Iterator[Moment]:
    for event_id, type_id, source_id, payload in rows:
        who = as_text(get(payload))
        if who is not None:
            yield id_unix_ms(event_id), event_id, type_id, (source_id, who) if each else who


def _figures(sums: SessionSums) -> dict[str, Any]:
    def part(of: float, digits: int) -> float | None:
        return round(of / sums.sessions, digits) if sums.sessions else None

    return {
        "sessions": sums.sessions,
        "events": sums.events,
        "events_per_session": part(sums.events, 3),
        "average_seconds": in_seconds(sums.milliseconds / sums.sessions if sums.sessions else None),
        "median_seconds": sums.median_seconds(),
        "bounce_rate": part(sums.bounced, 6),
    }


def _named(desk: Desk, types: Counter[int], limit: int) -> dict[str, int]:
    """Return the most frequent types by name."""
    named = {desk.names.event_types.name_of(desk.connection, type_id): count for type_id, count in types.items()}
    return dict(sorted(named.items(), key=lambda pair: (-pair[1], pair[0]))[:limit])


SESSIONS = Report(
    name=NAME,
    summary="Visits, which end where nothing happens for 30 minutes: how many, how long, how they begin and end",
    answer=answer,
    takes=("sources", "interval", "limit"),
    options={"by": "whose sessions: user (default), or a key of the data such as ip, always from raw rows"},
    row=SessionsRow,
    reads_behind_days=2,
)
