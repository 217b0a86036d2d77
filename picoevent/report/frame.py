"""What a report is: a name, arguments that are checked, and an answer that says where it comes from.

Not how anything is counted: each report has a file of its own, and the planner decides what answers it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar

from picoevent.report.intervals import INTERVALS
from picoevent.rollup.tiers import MINUTE_SECONDS, Calendar

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from picoevent.read.names import NameDirectory
    from picoevent.settings import Settings
    from picoevent.store.fold_state import FoldState

Row = TypeVar("Row")

HOUR_SECONDS = 3600
ALL_DAYS = 365 * 40
"""A range of so many days goes back to before the first event that can be stored."""


@dataclass(frozen=True, slots=True)
class Arguments:
    """What was asked, checked; moments are Unix milliseconds, `until_ms` does not count.

    `filters` maps a dimension's path to the values that are let through; `options` holds what only this report takes.
    `zone` is the one that the intervals are cut in.
    """

    since_ms: int
    until_ms: int
    event_types: tuple[str, ...] | None = None
    sources: tuple[str, ...] | None = None
    interval: str | None = None
    filters: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    limit: int = 10
    compare: bool = False
    zone: str = "UTC"
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Answer(Generic[Row]):
    """Rows of one report, and what they are worth.

    `origin` says in words where they come from ("rollup: day, quarter", "raw rows"); `as_of` how old the data is;
    `exact` is False where a figure is an estimate or "at least"; `since` and `until` are the range that is really
    covered. `totals` belong to the whole range, not to a row. `cached_seconds` is how long ago the answer was computed,
    None where that was done for this call.
    """

    report: str
    rows: tuple[Row, ...]
    origin: str
    as_of: datetime
    since: datetime
    until: datetime
    zone: str = "UTC"
    exact: bool = True
    notes: tuple[str, ...] = ()
    totals: Mapping[str, Any] = field(default_factory=dict)
    cached_seconds: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the answer as JSON has it: times as ISO 8601, ids and decimal numbers as texts."""
        return {
            "report": self.report,
            "origin": self.origin,
            "as_of": to_json(self.as_of),
            "since": to_json(self.since),
            "until": to_json(self.until),
            "zone": self.zone,
            "exact": self.exact,
            "notes": list(self.notes),
            "cached_seconds": self.cached_seconds,
            "totals": to_json(dict(self.totals)),
            "rows": [to_json(asdict(row)) for row in self.rows],  # type: ignore[call-overload]  # rows are dataclasses
        }


def to_json(value: Any) -> Any:  # noqa: ANN401  # any part of an answer
    """Return a part of an answer as JSON has it."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    if isinstance(value, Mapping):
        return {str(key): to_json(part) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [to_json(part) for part in value]
    return value if value is None or isinstance(value, (str, bool, int, float)) else str(value)


class Newest(NamedTuple):
    """The highest numbers of event types and of sources, and the last minute in which anything was counted.

    That is a Unix second: of nothing older than minutes are kept. None is what nobody has looked for.
    """

    event_type: int | None = None
    source: int | None = None
    minute: int | None = None

    def is_before(self, unix_ms: int) -> bool:
        """Return whether nothing was counted at a moment or after it."""
        return self.minute is not None and (self.minute + MINUTE_SECONDS) * 1000 <= unix_ms


@dataclass(slots=True)
class Desk:
    """What a report works with: one reading transaction, and what was read first in it."""

    connection: Connection
    state: FoldState
    calendar: Calendar
    """That of the reporting zone, which days and months of the rollups are cut in."""
    names: NameDirectory
    key: bytes
    """The installation's key, which numbers text users."""
    settings: Settings
    now_ms: int
    newest: Newest = field(default_factory=Newest)
    users: dict[int, int] = field(default_factory=dict)
    """The dense numbers of the users that raw rows had: whoever has none yet has the same one in the whole question."""


@dataclass(frozen=True, slots=True)
class Report:
    """One report: its options by name, each with a line of help, and the function that answers."""

    name: str
    summary: str
    answer: Callable[[Desk, Arguments], Answer[Any]]
    takes: Sequence[str] = ()
    """Which of the common arguments it heeds, beside the range: types, sources, interval, filters, limit, compare."""
    options: Mapping[str, str] = field(default_factory=dict)
    intervals: Sequence[str] = INTERVALS
    """Those that it can be asked by, where it takes an interval."""
    default_days: int = 7
    default_seconds: int = 0
    """Where it is set, the default range is the last so many seconds instead."""
    row: type[Any] | None = None
    """The class of its rows; what its fields are stands in its docstring. Without it answers are not cached."""
    only_range: str = ""
    """The range in words, where it is always the same, whatever is asked for."""
    live: bool = False
    """Whether its answers stay fresh for seconds only, whatever range is asked for."""
    reads_before: float = 0
    """How far before its range it reads, in lengths of the range; `math.inf` where it reads all that there was."""
    reads_behind_days: int = 0
    """How many days behind its range it reads: what began in it is followed."""
    depends_on: Callable[[Connection], object] | None = None
    """Reads what its answers depend on beside events, as plain values: another value is another question."""

    @property
    def range_in_words(self) -> str:
        """The range of an answer where none is asked for, in words."""
        if self.only_range:
            return f"always {self.only_range}"
        if self.default_seconds:
            minutes = self.default_seconds // MINUTE_SECONDS
            last = "hour" if self.default_seconds == HOUR_SECONDS else f"{minutes} minutes"
            return f"by default the last {last}"
        if self.default_days >= ALL_DAYS:
            return "by default all time"
        days = "today" if self.default_days == 1 else f"the last {self.default_days} days, today included"
        return f"by default {days}"
