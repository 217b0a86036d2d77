"""What a report does first and last: names to numbers, a plan for the range, and the answer with what it is worth."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from difflib import get_close_matches
from typing import Any, TypeVar

from picoevent.ids import MIN_UNIX_MS
from picoevent.read.names import Dictionary
from picoevent.report.counting import ANY, NOTHING, Selection, count_rows
from picoevent.report.frame import Answer, Arguments, Desk
from picoevent.report.intervals import calendar_of, cut, interval_behind
from picoevent.report.periods import previous_period
from picoevent.report.planner import MAX_RAW_PAYLOADS, MAX_RAW_ROWS, Question, Source, plan
from picoevent.rollup.samples import MOST_SAMPLED, AnySet, Sample
from picoevent.rollup.tiers import Tier, Window

Row = TypeVar("Row")


class TypeNames(dict[int, str]):
    """Names of event types; one that came into being while the answer was computed is shown by its number."""

    def __missing__(self, number: int) -> str:
        """Return it as `NameDirectory` shows numbers without a name."""
        return f"#{number}"


@dataclass(slots=True)
class Asked:
    """A question on its way: the selection by numbers, the names of the types that are told apart, and notes."""

    desk: Desk
    arguments: Arguments
    selection: Selection
    type_names: TypeNames
    notes: list[str] = field(default_factory=list)
    noting: str = ""
    """What each note begins with: of which part of the answer it is."""
    counted: dict[tuple[Selection, Tier, int, int], int] = field(default_factory=dict)
    """What raw rows at the edges would cost, as far as that was asked for."""

    def plan(
        self,
        windows: Mapping[Tier, Window],
        *,
        interval: str | None = None,
        max_raw_rows: int = MAX_RAW_ROWS,
    ) -> Source:
        """Return what answers the range of the arguments; what had to change goes into the notes."""
        arguments = self.arguments
        question = Question(
            arguments.since_ms,
            arguments.until_ms,
            windows,
            interval,
            arguments.zone,
            max_raw_rows=max_raw_rows,
            open_end=self.desk.newest.is_before(arguments.until_ms),
        )
        source = plan(question, self.desk.state, self.desk.calendar, self._count_rows)
        for note in source.notes:
            self.note(note)
        return source

    def _count_rows(self, tier: Tier, since: int, until: int) -> int:
        key = self.selection.put_together, tier, since, until
        if key not in self.counted:
            self.counted[key] = count_rows(self.desk.connection, *key)
        return self.counted[key]

    def note(self, words: str) -> None:
        """Add a note to the answer, once."""
        if self.noting + words not in self.notes:
            self.notes.append(self.noting + words)

    @property
    def estimated(self) -> str:
        """What the notes of an answer say where numbers are those of samples."""
        off = 1 / math.sqrt(min(self.desk.settings.set_members_kept, MOST_SAMPLED) / 2)
        return f"Where very many users or values were counted, how many is an estimate, off by {off:.1%} as a rule."

    def how_many(self, members: AnySet) -> int:
        """Return the number of members; where it is an estimate, the answer says so."""
        if isinstance(members, Sample):
            self.note(self.estimated)
        return len(members)

    def local(self, second: int) -> str:
        """Return a Unix second as words, by the clock of the zone asked for."""
        return calendar_of(self.arguments.zone).local(second).strftime("%Y-%m-%d %H:%M")

    def plan_counts(self, *, interval: str | None = None) -> Source:
        """Return what answers a question about numbers of events."""
        return self.plan(self.desk.state.count_windows(), interval=interval)

    def plan_sets(self, *, interval: str | None = None) -> Source:
        """Return what answers a question about users."""
        return self.plan(self.desk.state.pile_windows(), interval=interval)

    def plan_values(self, selection: Selection, *, interval: str | None = None) -> Source:
        """Return what answers a question about declared values, of the rows that hold them."""
        asked = replace(self, selection=selection)
        return asked.plan(self.desk.state.pile_windows(), interval=interval, max_raw_rows=MAX_RAW_PAYLOADS)

    def moved(self, since_ms: int, until_ms: int) -> Asked:
        """Return the same question about another range."""
        return replace(self, arguments=replace(self.arguments, since_ms=since_ms, until_ms=until_ms))

    def period_before(self, source: Source) -> Asked:
        """Return the same question about the period before the one that a source really covers."""
        moved = self.moved(*previous_period(source.since_ms, source.until_ms, calendar_of(source.zone)))
        return replace(moved, noting="The period before: ")

    def answer(
        self,
        report: str,
        rows: Sequence[Row],
        source: Source,
        *,
        exact: bool = True,
        totals: Mapping[str, Any] | None = None,
    ) -> Answer[Row]:
        """Return the answer."""
        if not self.desk.state.heartbeat_ms:
            self.note("No event has been counted yet. Start picoevent worker, or serve.")
        return Answer(
            report=report,
            rows=tuple(rows),
            origin=source.origin,
            as_of=as_of(self.desk),
            since=to_moment(source.since_ms),
            until=to_moment(source.until_ms),
            zone=source.zone,
            exact=exact and not any(note.endswith(self.estimated) for note in self.notes),
            notes=tuple(self.notes),
            totals=totals or {},
        )


def ask(desk: Desk, arguments: Arguments, *, by_type: bool = False) -> Asked:
    """Return the question with its names as numbers; `by_type` where the types are told apart."""
    notes: list[str] = []
    type_ids = _numbers(desk, desk.names.event_types, arguments.event_types, "event type", notes)
    source_ids = _numbers(desk, desk.names.sources, arguments.sources, "source", notes)
    every_type = by_type and type_ids is None
    type_names = TypeNames()
    if every_type:
        type_names = TypeNames(desk.names.event_types.all(desk.connection, desk.newest.event_type))
        type_ids = tuple(type_names) or (NOTHING,)
    elif by_type:
        type_names.update(
            (number, desk.names.event_types.name_of(desk.connection, number))
            for number in type_ids or ()
            if number != NOTHING
        )
    selection = Selection(type_ids or (ANY,), source_ids or (ANY,), every_type=every_type)
    return Asked(desk, arguments, selection, type_names, notes)


def unknown_names(desk: Desk, arguments: Arguments) -> list[str]:
    """Return a note for each name of the arguments that nothing has."""
    notes: list[str] = []
    _numbers(desk, desk.names.event_types, arguments.event_types, "event type", notes)
    _numbers(desk, desk.names.sources, arguments.sources, "source", notes)
    return notes


def _numbers(
    desk: Desk, dictionary: Dictionary, names: tuple[str, ...] | None, what: str, notes: list[str]
) -> tuple[int, ...] | None:
    if names is None:
        return None
    numbers = {name: dictionary.number_of(desk.connection, name) for name in names}
    for name in [name for name, number in numbers.items() if number is None]:
        close = get_close_matches(name, dictionary.all(desk.connection).values(), n=1)
        meant = f" Did you mean {close[0]!r}?" if close else ""
        notes.append(f"Nothing has the {what} {name!r}.{meant}")
    return tuple(number for number in numbers.values() if number is not None) or (NOTHING,)


def as_of(desk: Desk) -> datetime:
    """Return how old the rollups are: when the fold's heart beat last; before all events where it never has."""
    return to_moment(desk.state.heartbeat_ms) if desk.state.heartbeat_ms else to_moment(MIN_UNIX_MS)


def previous_range(earlier: Source) -> dict[str, datetime]:
    """Return, for the totals of an answer, the range that the period before really covers."""
    return {"previous_since": to_moment(earlier.since_ms), "previous_until": to_moment(earlier.until_ms)}


def to_moment(unix_ms: int) -> datetime:
    """Return Unix milliseconds as an aware time."""
    return datetime.fromtimestamp(unix_ms // 1000, UTC).replace(microsecond=unix_ms % 1000 * 1000)


class Intervals:
    """The intervals of an answer: where each begins, and which one a second lies in."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._calendar = calendar_of(source.zone)
        self._interval = source.interval or "day"
        self.starts = cut(source.since_ms // 1000, -(-source.until_ms // 1000), self._interval, self._calendar)
        self._places: dict[int, int] = {}

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self.starts)

    def place_of(self, second: int) -> int:
        """Return the number of the interval that a Unix second within the range lies in."""
        place = self._places.get(second)
        if place is None:
            place = self._places[second] = bisect_right(self.starts, second) - 1
        return place

    def start_of(self, place: int) -> datetime:
        """Return where an interval begins, in the zone of the answer."""
        return self._calendar.local(self.starts[place])

    def is_whole(self, place: int, now_ms: int) -> bool:
        """Return whether all of an interval lies within the range, and is over."""
        begin = self.starts[place]
        end_ms = interval_behind(begin, self._interval, self._calendar) * 1000
        return begin * 1000 >= self._source.since_ms and end_ms <= min(self._source.until_ms, now_ms)
