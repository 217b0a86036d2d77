"""Whether the rollups hold what the events say: raw = rollup + pending, day by day, each in a snapshot of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial

from sqlalchemy import Connection, func, select

from picoevent.errors import PicoEventError
from picoevent.fold.declared_evidence import DeclaredEvidence, DeclaredTally, read_declared, read_declared_days
from picoevent.fold.declared_values import value_text_of
from picoevent.fold.differences import Difference, compare, compare_declared, compare_index
from picoevent.fold.evidence import Evidence, Numbers, Tally, Windows, read_days, read_rollups
from picoevent.fold.index_evidence import IndexTally
from picoevent.fold.raw import RawRowsGone, leave_out, next_filled, read_pages, read_waiting
from picoevent.fold.session_evidence import SessionCheck
from picoevent.ids import EPOCH_UNIX, SECOND_SHIFT
from picoevent.rollup.tiers import Calendar, Tier
from picoevent.store.declarations import read_declarations
from picoevent.store.fold_state import FoldState, read_state
from picoevent.store.installation import read_zone
from picoevent.store.rollup_tables import rollup
from picoevent.store.sql import SqlStore
from picoevent.store.tables import event_log

MOST_DIFFERENCES = 1000
"""So many are told; the others are counted."""
DAILY_TIERS = (Tier.MINUTE, Tier.QUARTER, Tier.DAY)
"""What is compared with the events of one day; months are compared with their days, where those are kept."""
MONTHLY_TIERS = (Tier.DAY, Tier.MONTH)

Span = tuple[int, int]
BothWindows = tuple[Windows, Windows]
"""Where tiers can answer for counts, and for what is piled."""
Progress = Callable[[int, int, int], None]
"""Is told the seconds of the range that are done, all of them, and the events that were read."""


@dataclass(slots=True)
class Findings:
    """What was compared, and what was found: `since` and `until` are Unix seconds, whole days of `zone`.

    `events` were compared, `waiting` more wait to be counted; `begun` is whether anything was ever counted.
    `unreadable` batches of `pending`, by their number, hold so many events that no rollup has. Of the differences the
    first thousand are kept, `more` were found beside them.
    """

    zone: str
    since: int
    until: int
    days: int = 0
    events: int = 0
    waiting: int = 0
    begun: bool = True
    differences: list[Difference] = field(default_factory=list)
    more: int = 0
    unreadable: dict[int, int] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    @property
    def agree(self) -> bool:
        """Whether rollups and events say the same."""
        return not self.differences

    def add(self, differences: Iterator[Difference]) -> None:
        """Keep differences, up to a bound."""
        for difference in differences:
            if len(self.differences) < MOST_DIFFERENCES:
                self.differences.append(difference)
            else:
                self.more += 1


class Verifier:
    """Compares rollups with raw rows; reads only, and may run beside anything."""

    def __init__(self, store: SqlStore) -> None:
        self._store = store

    def verify(
        self, since: int | None = None, until: int | None = None, progress: Progress = lambda *_: None
    ) -> Findings:
        """Compare all days that a range (Unix seconds) touches, by default all that have raw rows.

        Raises `RawRowsGone` where the range begins before them.
        """
        with self._store.snapshot() as connection:
            calendar = Calendar(read_zone(connection))
            span = choose_span(connection, calendar, since, until)
            begun = read_state(connection).closed_quarter > 0
        run = _Run(self._store, calendar, Findings(calendar.zone, *span, begun=begun))
        day, (begin, end) = span[0], span
        while day < end:
            day = run.verify_next(day)
            progress(day - begin, end - begin, run.findings.events)
        month = calendar.bucket(Tier.MONTH, begin)
        while month < end:
            month = run.verify_next_month(month)
        run.note_stale_sessions()
        return run.findings


class _Run:
    """One verification on its way."""

    def __init__(self, store: SqlStore, calendar: Calendar, findings: Findings) -> None:
        self._store = store
        self._calendar = calendar
        self._numbers = Numbers()
        self._sessions = SessionCheck(calendar)
        self.findings = findings

    def verify_next(self, day: int) -> int:
        """Verify the first day from one on in which there is anything; return the one behind it."""
        calendar, findings = self._calendar, self.findings
        with self._snapshot() as connection:
            filled = next_filled(connection, day, DAILY_TIERS)
            if filled is None or filled >= findings.until:
                findings.days += _days(calendar, day, findings.until)
                return findings.until
            begin = calendar.bucket(Tier.DAY, filled)
            end = calendar.following(Tier.DAY, begin)
            findings.days += _days(calendar, day, end)
            state = read_state(connection)
            windows = _of(DAILY_TIERS, state)
            index = IndexTally()
            expected, declared = self._count(connection, (begin, end), windows, index)
            self._compare(connection, expected, declared, (begin, end), windows)
            findings.add(self._without_number(begin))
            findings.add(compare_index(connection, index, (begin, end)))
            findings.add(self._sessions.compare(connection, state, begin))
        return end

    def verify_next_month(self, month: int) -> int:
        """Verify the first month from one on in which there is anything; return the one behind it.

        It is compared with its days, or with its events where days are not kept any more.
        """
        with self._snapshot() as connection:
            filled = next_filled(connection, month, MONTHLY_TIERS)
            if filled is None or filled >= self.findings.until:
                return self.findings.until
            month = self._calendar.bucket(Tier.MONTH, filled)
            end = self._calendar.following(Tier.MONTH, month)
            state = read_state(connection)
            windows = _of((Tier.MONTH,), state)
            if month >= state.kept_day:
                expected, declared = read_days(connection, month, end, windows[1]), DeclaredEvidence()
                if month < state.closed_month:
                    declared = read_declared_days(connection, month, end)
            elif month >= state.raw_from:
                expected, declared = self._count(connection, (month, end), windows)
            else:
                words = self._calendar.local(month).strftime("%Y-%m")
                self.findings.notes.append(f"{words} has neither all of its events nor its days any more.")
                return end
            self._compare(connection, expected, declared, (month, month + 1), windows)
        return end

    def note_stale_sessions(self) -> None:
        """Say which days of sessions could not be compared."""
        stale = self._sessions.stale
        if stale:
            days = (
                f"{len(stale):,} days, from {self._calendar.day_of(stale[0])} on,"
                if len(stale) > 1
                else f"{self._calendar.day_of(stale[0])}"
            )
            words = "are yet to be counted again by whoever folds; until then reports count them from raw rows."
            self.findings.notes.append(f"The sessions of {days} {words}")

    def _compare(
        self, connection: Connection, expected: Evidence, declared: DeclaredEvidence, span: Span, windows: BothWindows
    ) -> None:
        self.findings.add(compare(expected, read_rollups(connection, span, *windows)))
        found = read_declared(connection, span, windows[1])
        text = partial(value_text_of, connection)
        self.findings.add(compare_declared(read_declarations(connection), declared, found, text))

    def _count(
        self, connection: Connection, span: Span, windows: BothWindows, index: IndexTally | None = None
    ) -> tuple[Evidence, DeclaredEvidence]:
        """Count the events of a span but those that wait; with an `index` for the first time, in the findings too."""
        waiting = read_waiting(connection, *span)
        tally = Tally(self._calendar, *windows)
        declared = DeclaredTally(read_declarations(connection), self._calendar, windows[1], index)
        for page in read_pages(connection, *span):
            columns = leave_out(page, waiting.event_ids)
            self._numbers.number_all(connection, columns)
            tally.add(columns)
            declared.add(connection, columns)
            self.findings.events += len(columns) if index is not None else 0
        self.findings.unreadable |= waiting.unreadable
        self.findings.waiting += len(waiting.event_ids) if index is not None else 0
        return tally.evidence(), declared.evidence

    def _without_number(self, day: int) -> Iterator[Difference]:
        missing, self._numbers.missing = self._numbers.missing, set()
        if missing:
            yield Difference(Tier.DAY, day, 0, 0, "users that have a number", 0, len(missing))

    @contextmanager
    def _snapshot(self) -> Iterator[Connection]:
        with self._store.snapshot() as connection:
            if read_zone(connection) != self._calendar.zone:
                raise PicoEventError("The reporting zone was changed meanwhile.", hint="Begin again.")
            yield connection


def choose_span(connection: Connection, calendar: Calendar, since: int | None, until: int | None) -> tuple[int, int]:
    """Return the days that a range touches, by default all that there are; raise `RawRowsGone`, as `verify` does."""
    raw_from = read_state(connection).raw_from
    first = calendar.first_at_or_after(Tier.DAY, raw_from)
    begin = next_filled(connection, first, (Tier.DAY,)) if since is None else since
    last = _last_second(connection) if until is None else until - 1
    if begin is None or last < begin:
        return first, first
    begin = calendar.bucket(Tier.DAY, begin)
    if begin < raw_from:
        moment = calendar.local(first).isoformat(timespec="minutes")
        raise RawRowsGone("The range begins where events were dropped already.", hint=f"Begin with --since {moment}")
    return begin, calendar.following(Tier.DAY, calendar.bucket(Tier.DAY, last))


def _last_second(connection: Connection) -> int:
    """Return the last second with an event or a day of rollups."""
    event_id = connection.execute(select(func.max(event_log.c.event_id))).scalar() or 0
    bucket = connection.execute(select(func.max(rollup.c.bucket)).where(rollup.c.tier == int(Tier.DAY))).scalar() or 0
    return max((event_id >> SECOND_SHIFT) + EPOCH_UNIX, bucket)


def _days(calendar: Calendar, since: int, until: int) -> int:
    return sum(1 for _ in calendar.buckets(Tier.DAY, since, until))


def _of(tiers: Sequence[Tier], state: FoldState) -> BothWindows:
    """Return where these tiers can answer for counts, and for all that is piled."""
    counts, piles = state.count_windows(), state.pile_windows()
    return {tier: counts[tier] for tier in tiers}, {tier: piles[tier] for tier in tiers}
