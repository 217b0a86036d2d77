"""The report `suspicious`: addresses or users whose events look like an attack or a robot, with the reasons.

The points are those of `picoevent.report.suspicion`: 4 and more are high, 2 and 3 medium.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from picoevent.ids import id_unix_ms
from picoevent.read.names import users_of
from picoevent.report.asking import to_moment
from picoevent.report.frame import HOUR_SECONDS, Answer, Arguments, Desk, Report
from picoevent.report.options import read_duration, read_number, read_words
from picoevent.report.payload_values import PayloadFilter, PayloadKeys, as_text
from picoevent.report.raw import answer_of, raw_rows, walk_of
from picoevent.report.suspicion import Conduct, failure_pattern, judge
from picoevent.store.packed_rows import RowReader, Walk

NAME = "suspicious"
USER, ADDRESS = "user", "ip"
MIN_EVENTS = 100
OBJECT_PATHS = ("collection", "path")
FAILURE_PATHS = ("status", "result", "outcome")

Seen = tuple[int, int, int | None, Any]
"""The id of an event, its type, its user, and what is looked at of its payload."""


@dataclass(frozen=True, slots=True)
class Suspect:
    """Somebody with more than `min_events` events within a window: the points, what they are for, and what was done.

    The range is looked at window by window, an hour by default; one begins each half of that. All figures are those of
    the window with most points: 1, 2 or 3 for more than 100, 200 or 500 events, 2 for more than 10 different values of
    a key of `objects`, 1 for more than 3 event types, 2 where more than half of the events failed, 1 where more than
    half of them lie within a tenth of the window. `level` is high from 4 points on, medium from 2 on, else low;
    `objects` are the numbers of different values by key, `failures` the events that failed.
    """

    who: int | str
    score: int
    level: str
    reasons: tuple[str, ...]
    events: int
    types: int
    objects: Mapping[str, int]
    failures: int
    first_seen: datetime
    last_seen: datetime


def answer(desk: Desk, arguments: Arguments) -> Answer[Suspect]:
    """Return the suspects, those with most points first; events without an address, or user, belong to nobody."""
    walk = walk_of(desk, arguments)
    look = _Look.of(desk, arguments)
    with raw_rows(desk, NAME, walk) as reader:
        by_who = look.read(reader, walk)
    busy = {who: list(look.windows(seen)) for who, seen in by_who.items() if len(seen) > look.min_events}
    names: dict[Any, int | str] = users_of(desk.connection, [int(who) for who in busy]) if look.by == USER else {}
    suspects = [look.judge(names.get(who, who), windows) for who, windows in busy.items() if windows]
    suspects.sort(key=lambda suspect: (-suspect.score, -suspect.events, str(suspect.who)))
    levels = [suspect.level for suspect in suspects]
    totals = {
        "suspects": len(suspects),
        "window_seconds": look.window_ms // 1000,
        **{level: levels.count(level) for level in ("high", "medium", "low")},
    }
    return answer_of(desk, NAME, arguments, suspects[: arguments.limit], totals)


@dataclass(frozen=True, slots=True)
class _Look:
    """What is looked at: who an event belongs to, the keys that name objects, and those that say how it went."""

    by: str
    since_ms: int
    until_ms: int
    window_ms: int
    min_events: int
    objects: tuple[str, ...]
    failures: tuple[str, ...]
    is_failure: Callable[[str], object]
    filters: Mapping[str, tuple[str, ...]]
    keys: PayloadKeys

    @classmethod
    def of(cls, desk: Desk, arguments: Arguments) -> _Look:
        options = arguments.options
        by = read_words(options.get("by"), "by", (ADDRESS,))[0]
        objects = read_words(options.get("objects"), "objects", OBJECT_PATHS)
        failures = read_words(options.get("failures"), "failures", FAILURE_PATHS)
        return cls(
            by=by,
            since_ms=arguments.since_ms,
            until_ms=arguments.until_ms,
            window_ms=read_duration(options.get("window"), "window", HOUR_SECONDS) * 1000,
            min_events=read_number(options.get("min_events"), "number of events", MIN_EVENTS, least=0),
            objects=objects,
            failures=failures,
            is_failure=failure_pattern(desk.settings.failure_values.split(",")).fullmatch,
            filters=arguments.filters,
            keys=PayloadKeys([by, *objects, *failures, *arguments.filters]),
        )

    def read(self, reader: RowReader, walk: Walk) -> dict[int | str, list[Seen]]:
        """Return the events of everybody; of their payloads only what is looked at."""
        found: defaultdict[Any, list[Seen]] = defaultdict(list)
        wanted, who_of = PayloadFilter.of(self.filters, self.keys), self.keys.getter(self.by)
        of_users = self.by == USER
        for rows in reader.wide(walk, ("event_id", "event_type_id", "user_id"), self.keys.kind):
            kept = [row for row in rows if wanted.passes(row[-1])] if wanted else rows
            for row in kept:
                who = row[2] if of_users else as_text(who_of(row[3]))
                found[who].append(row)
        found.pop(None, None)
        return found

    def windows(self, seen: list[Seen]) -> Iterator[list[Seen]]:
        """Yield somebody's events of each window that has enough of them; a window begins each half of one."""
        step = self.window_ms // 2
        halves: defaultdict[int, list[Seen]] = defaultdict(list)
        for row in seen:
            halves[(id_unix_ms(row[0]) - self.since_ms) // step].append(row)
        last = max(0, -(-(self.until_ms - self.since_ms) // step) - 2)
        for place in sorted({*halves, *(half - 1 for half in halves)}):
            inside = [*halves.get(place, ()), *halves.get(place + 1, ())]
            if 0 <= place <= last and len(inside) > self.min_events:
                yield inside

    def judge(self, who: int | str, windows: list[list[Seen]]) -> Suspect:
        """Return what somebody's events amount to in the worst window, of equal ones the busiest."""
        return max((self._judge(who, seen) for seen in windows), key=lambda found: (found.score, found.events))

    def _judge(self, who: int | str, seen: list[Seen]) -> Suspect:
        moments = sorted(id_unix_ms(row[0]) for row in seen)
        objects = {path: len(self._values(path, seen) - {None}) for path in self.objects}
        failing = [self.keys.getter(path) for path in self.failures]
        failures = sum(any(self._failed(get(row[3])) for get in failing) for row in seen)
        conduct = Conduct(
            moments,
            len({row[1] for row in seen}),
            objects,
            failures,
            min(self.window_ms, self.until_ms - self.since_ms),
        )
        verdict = judge(conduct)
        return Suspect(
            who=who,
            score=verdict.score,
            level=verdict.level,
            reasons=verdict.reasons,
            events=conduct.events,
            types=conduct.types,
            objects=objects,
            failures=failures,
            first_seen=to_moment(moments[0]),
            last_seen=to_moment(moments[-1]),
        )

    def _values(self, path: str, seen: list[Seen]) -> set[str | None]:
        get = self.keys.getter(path)
        return {as_text(get(row[3])) for row in seen}

    def _failed(self, value: Any) -> bool:  # noqa: ANN401  # what JSON holds
        text = as_text(value)
        return text is not None and self.is_failure(text) is not None


SUSPICIOUS = Report(
    name=NAME,
    summary="Addresses or users whose events look like an attack or a robot, with the reasons",
    answer=answer,
    takes=("types", "sources", "filters", "limit"),
    options={
        "by": "user, or the key of the data that says who it was (default: ip)",
        "window": "the time that points are given for: 30m, 1h (default), 1d",
        "min_events": "how many events in a window are not looked at yet (default: 100)",
        "objects": "keys of the data that name what was touched, between commas (default: collection,path)",
        "failures": "keys of the data that say how it went, between commas (default: status,result,outcome)",
    },
    default_seconds=HOUR_SECONDS,
    row=Suspect,
)
