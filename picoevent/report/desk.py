"""Opens a desk for each report: one short reading transaction, with the state of the fold read first in it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, func, select

from picoevent.errors import InvalidQuery, StoreNotReady
from picoevent.ids import wall_clock_ms
from picoevent.read.names import NameDirectory
from picoevent.report.arguments import make_arguments, near
from picoevent.report.catalogue import REPORTS
from picoevent.report.counting import ANY
from picoevent.report.frame import Answer, Arguments, Desk, Newest, Report
from picoevent.report.intervals import calendar_of
from picoevent.report.texts import check_texts
from picoevent.rollup.tiers import Tier
from picoevent.settings import Settings
from picoevent.store.base import ReadingStore
from picoevent.store.fold_state import FoldState
from picoevent.store.installation import InstallationKey
from picoevent.store.rollup_tables import STATE_COLUMNS, fold_state, rollup
from picoevent.store.tables import event_type, installation, source

_ZONE = select(installation.c.value).where(installation.c.name == "timezone").scalar_subquery()
_OF_ALL = (rollup.c.tier == int(Tier.MINUTE), rollup.c.event_type_id == ANY, rollup.c.source_id == ANY)
_NEWEST = {
    "event_type": select(func.max(event_type.c.event_type_id)),
    "source": select(func.max(source.c.source_id)),
    "minute": select(func.max(rollup.c.bucket)).where(*_OF_ALL),
}
_STATE = select(
    fold_state.c.leader,
    *[fold_state.c[name] for name in STATE_COLUMNS],
    _ZONE.label("zone"),
    *[found.scalar_subquery().label(f"newest_{name}") for name, found in _NEWEST.items()],
)


def find_report(name: str) -> Report:
    """Return a report by its name; raise `InvalidQuery` with names that look like it."""
    by_name = {report.name: report for report in REPORTS}
    check_texts({"name": name})
    if name not in by_name:
        raise InvalidQuery(f"There is no report {name!r}.", hint=near(str(name), by_name))
    return by_name[name]


class Reports:
    """Answer reports from one store; safe under threads, not across a fork."""

    def __init__(
        self,
        store: ReadingStore,
        names: NameDirectory,
        key: InstallationKey,
        settings: Settings,
        *,
        clock_ms: Callable[[], int] = wall_clock_ms,
    ) -> None:
        self.store = store
        self._names = names
        self._key = key
        self.settings = settings
        self._clock_ms = clock_ms

    def answer(self, name: str, given: Mapping[str, Any]) -> Answer[Any]:
        """Return the answer of a report; raise `InvalidQuery`, or `StoreUnavailable` where the store is away."""
        report = find_report(name)
        with self.desk() as desk:
            now = datetime.fromtimestamp(desk.now_ms / 1000, UTC)
            return report.answer(desk, make_arguments(report, given, now, desk.calendar.zone))

    def compute(self, report: Report, arguments: Arguments) -> Answer[Any]:
        """Return the answer of a report to arguments that are checked already."""
        with self.desk() as desk:
            return report.answer(desk, arguments)

    def seal(self) -> bytes:
        """Return the installation's key."""
        return self._key.of(self.store)

    @contextmanager
    def desk(self) -> Iterator[Desk]:
        """Open a desk, for one report or several at once."""
        key = self._key.of(self.store)
        with self.store.reading() as connection:
            state, zone, newest = _read_state(connection)
            calendar = calendar_of(zone)
            yield Desk(connection, state, calendar, self._names, key, self.settings, self._clock_ms(), newest)


def _read_state(connection: Connection) -> tuple[FoldState, str, Newest]:
    """Return how far the fold is, the reporting zone, and what is newest: one statement, with which reports begin."""
    found = connection.execute(_STATE).mappings().first()
    if found is None:
        raise StoreNotReady("The database was not set up to its end.", hint="Run: picoevent init")
    columns = dict(found)
    zone = columns.pop("zone")
    event_types, sources, minute = (columns.pop(f"newest_{name}") or 0 for name in _NEWEST)
    state = FoldState(**columns)
    return state, zone, Newest(event_types, sources, max(minute, state.kept_minute))
