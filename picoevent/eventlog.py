"""`EventLog`, the front door: it hands each call to the part whose job it is, and owns none of their logic."""

from __future__ import annotations

import atexit
import logging
import time
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal, Self, Unpack

from picoevent.errors import PicoEventError, SettingsError
from picoevent.event import Event, NewEvent, Page
from picoevent.forks import generation
from picoevent.read.query import FIRST_STREAMED_ROWS, Filters, Query, make_query
from picoevent.settings import DURABILITIES, Settings

if TYPE_CHECKING:
    from picoevent.fold.wishes import Counted, Wishes
    from picoevent.goals import Goals
    from picoevent.parts import Parts
    from picoevent.read.replica import DataAge
    from picoevent.report.frame import Answer, Report
    from picoevent.store.declarations import Declaration
    from picoevent.store.record import EventType, RejectedEvent, Source
    from picoevent.write.bulk import BulkImport, ImportResult
    from picoevent.write.job import Outcome
    from picoevent.write.path import DrainReport

logger = logging.getLogger("picoevent")

Durability = Literal["commit", "spool"]


# All of this process: what they have spooled is drained, as far as a second goes, when the interpreter ends.
_open_logs: weakref.WeakSet[EventLog] = weakref.WeakSet()
EXIT_SECONDS, LAST_SECONDS = 1.0, 0.2


@atexit.register
def _flush_at_exit() -> None:
    """Not a close: other functions that run at exit may log, too."""
    give_up = time.monotonic() + EXIT_SECONDS
    for event_log in list(_open_logs):
        event_log.flush(max(0.0, give_up - time.monotonic()))
        # A thread that still connects while the interpreter takes OpenSSL down would crash the process.
        if not event_log._closed:  # noqa: SLF001  # this is its own module
            event_log._parts.end_threads(max(LAST_SECONDS, give_up - time.monotonic()))  # noqa: SLF001


def _close_forgotten(by_generation: dict[int, Parts]) -> None:
    parts = by_generation.get(generation())
    if parts is not None:
        parts.close()


class EventLog:
    """Log events and read them back; embedded by default, on MySQL or MariaDB by its URL.

    Takes `Settings`, or the URL of a database, or nothing; settings by name stand above both, and `PICOEVENT_...`
    variables below the URL. Nothing connects before the first call. Safe under threads, and in the child after
    `fork()`. Only wrong settings raise here, as `SettingsError`.

    The filters of `events`, `iter_events` and `count`: `event_type` (a name or several), `user_id`, `source`,
    `since` (counts) and `until` (does not), aware datetimes both. Reading raises `InvalidQuery` for a wrong filter
    and `StoreUnavailable` where the database does not answer.
    """

    def __init__(self, settings: Settings | str | None = None, **overrides: Any) -> None:  # noqa: ANN401
        if isinstance(settings, Settings):
            self._settings = settings.replaced(**overrides)
        else:
            self._settings = Settings.from_env(**{"url": settings, **overrides})
        self._by_generation = {generation(): self._open_parts()}
        self._closed = False
        _open_logs.add(self)
        # The parts know nothing of this object, and their threads keep only the parts alive.
        weakref.finalize(self, _close_forgotten, self._by_generation).atexit = False

    @property
    def settings(self) -> Settings:
        """The settings this event log was made with."""
        return self._settings

    def log(
        self,
        event_type: str,
        data: Mapping[str, object] | None = None,
        *,
        user_id: int | str | None = None,
        source: str | None = None,
        at: datetime | None = None,
        durability: Durability | None = None,
    ) -> int | None:
        """Store one event, and return its id once it is committed, or on the spool's disk where the database is away.

        Returns None for a refused event, which is logged, counted and kept to be looked at; with `strict=True` it
        raises `Rejected` instead. `at` is an aware time of the event's own; without it the event is of now.
        `durability` stands above the setting; with "spool" the event is in the file of the spool when this returns
        (it survives the process, not a power failure), and goes to the database in the background. No call takes
        longer than `deadline_ms`.
        """
        event = NewEvent(event_type, data, user_id, source, at)
        if self._is_spooled(durability) and not self._closed:
            return self._to_id(self._parts.writing.intake.spool(event))
        return self.log_many([event], durability=durability)[0]

    def log_many(
        self, events: Iterable[NewEvent | Mapping[str, Any]], *, durability: Durability | None = None
    ) -> list[int | None]:
        """Store several events, up to a thousand in a transaction; return the ids in order, None where refused.

        Each is a `NewEvent`, or a mapping with the names of `log()`'s arguments. Each thousand has the deadline for
        itself.
        """
        spooled = self._is_spooled(durability)
        outcomes = self._parts.writing.intake.submit(events, spooled=spooled, closed=self._closed)
        return [self._to_id(outcome) for outcome in outcomes]

    def _is_spooled(self, durability: str | None) -> bool:
        if durability is not None and durability not in DURABILITIES:
            wrong = SettingsError(f"There is no durability {durability!r}.", hint="Use commit or spool.")
            if self._settings.strict:
                raise wrong
            logger.warning("%s The setting's is used.", wrong)
            durability = None
        return (durability or self._settings.durability) == "spool"

    def _to_id(self, outcome: Outcome) -> int | None:
        if isinstance(outcome, int):
            return outcome
        if self._settings.strict:
            raise outcome
        return None

    def import_batch(self, batch: Sequence[tuple[NewEvent, int]]) -> ImportResult:
        """Store events under ids made of their content, each once, however often this is repeated.

        Each event has a time of its own, and comes with the number of equal events of its second before it. Raises
        `StoreUnavailable` or `StoreNotReady`; it can simply be called again then.
        """
        self._check_open()
        return self._parts.writing.bulk.import_batch(batch)

    def open_import(self) -> BulkImport:
        """Return an import of many batches, for `with`: as `import_batch`, and loaded at once where MySQL allows it."""
        self._check_open()
        return self._parts.writing.bulk.open()

    def get(self, event_id: int | str) -> Event:
        """Return one event by its id; raise `EventNotFound`."""
        return self._reading.reader.get(event_id)

    def events(
        self, *, order: str = "newest", limit: int = 50, cursor: str | None = None, **filters: Unpack[Filters]
    ) -> Page:
        """Return a page of up to `limit` (10,000 at most) events, `newest` or `oldest` first.

        `cursor` is the `next_cursor` of the page before.
        """
        query = make_query(filters, order=order, limit=limit, cursor=cursor)
        return self._reading.reader.page(query)

    def iter_events(self, *, order: str = "oldest", **filters: Unpack[Filters]) -> Iterator[Event]:
        """Yield every matching event, in constant memory."""
        return self._stream(make_query(filters, order=order, limit=FIRST_STREAMED_ROWS))

    def _stream(self, query: Query) -> Iterator[Event]:
        following: Query | None = query
        while following is not None:
            page, following = self._reading.reader.stream_page(following)
            yield from page.events

    def count(self, **filters: Unpack[Filters]) -> int:
        """Count the matching events, row by row: on a large table, ask for a type, a user or a short time."""
        return self._reading.reader.count(make_query(filters))

    def data_age(self, wait_seconds: float = 0.0) -> DataAge:
        """Return how old the data is that pages and reports are read from; never raises for a server that is away.

        Where a replica is read, this waits so many seconds at most (1.5 at the longest) until it has what is
        committed now, for whoever wants to see what he has just written.
        """
        from picoevent.read.replica import DataAge

        replica = self._reading.replica
        if replica is None:
            return DataAge(datetime.now(UTC), 0.0)
        return replica.catch_up(wait_seconds) if wait_seconds > 0 else replica.age()

    def report(self, name: str, **arguments: Any) -> Answer[Any]:  # noqa: ANN401  # what the report takes
        """Return the answer of a report, from the rollups; `reports()` says which there are and what each takes.

        All take `since` and `until` (which does not count), as aware datetimes or texts such as "7d", "today" and
        "2026-11-01", and `zone`, the time zone of their days. Raises `InvalidQuery` for what can't be answered.
        """
        parts = self._reading
        parts.lone_fold.catch_up()
        return parts.reports.answer(name, arguments)

    def reports(self) -> tuple[Report, ...]:
        """Return every report there is: its name, what it says, and what it takes."""
        from picoevent.report.catalogue import REPORTS

        return REPORTS

    @property
    def goals(self) -> Goals:
        """What users are wanted to do: `add`, `list` and `remove`; the report `goals` tells how many did."""
        return self._reading.goals

    def event_types(self) -> list[EventType]:
        """Return every event type, by name."""
        return self._reading.reader.event_types()

    def sources(self) -> list[Source]:
        """Return every source, by name."""
        return self._reading.reader.sources()

    def declare(self, event_type: str, **wishes: Unpack[Wishes]) -> Declaration:
        """Add to what is counted of an event type's data, and return all that it declares; make the type if need be.

        `dimensions` are dotted paths whose values are counted, `pairs` two paths counted together, `measures` paths
        whose numbers are summed. Events are found by the values of `searchable` dimensions; the values of `distinct`
        ones are counted distinct, like users. `description` and `owner` are for people. Up to 8 dimensions, 8 pairs
        and 4 measures; `withdraw` takes some back. Whoever folds fills in what was logged before. Raises
        `InvalidQuery`.
        """
        self._check_open()
        from picoevent.fold.declaring import declare

        declaration = declare(self._parts.store, event_type, wishes)
        self._reading.lone_fold.expect_work()
        return declaration

    def withdraw(self, event_type: str, **counted: Unpack[Counted]) -> Declaration:
        """Take back some of what an event type declares, and return what is left.

        Takes paths as `declare` does. A path among `dimensions` is counted no more, in any way; `searchable` and
        `distinct` take back these marks alone. No event is touched: declared anew, it is filled in again. Raises
        `InvalidQuery` where the type does not declare it.
        """
        self._check_open()
        from picoevent.fold.withdrawing import withdraw

        declaration = withdraw(self._parts.store, event_type, counted)
        self._reading.lone_fold.expect_work()
        return declaration

    def declarations(self) -> list[Declaration]:
        """Return what event types declare, by their names; those that declare nothing are left out."""
        return self._reading.reader.declarations()

    def rejected_events(self, limit: int = 100) -> list[RejectedEvent]:
        """Return the newest refused events that were kept, newest first."""
        return self._reading.reader.rejected_events(limit)

    def counters(self) -> dict[str, int]:
        """Return what became of the events of this process; each is in one state at a time.

        sent + adopted = stored + refused + spooled + set_aside + lost + in_flight; `picoevent.write.counters` says
        what each figure is. Those that begin with `report_` tell how reports were answered.
        """
        return self._parts.writing.counters.to_dict()

    def drain_spool(
        self, on_progress: Callable[[int, int], None] | None = None, timeout: float | None = None
    ) -> DrainReport:
        """Bring what waits in the spool, and in the spools of processes that have ended, into the database.

        Returns when all is done, or after so many seconds. `on_progress` is told the events done and those left.
        Raises `StoreUnavailable` or `StoreNotReady` where the database does not take them; nothing is lost by that.
        """
        self._check_open()
        return self._parts.writing.drain(on_progress, timeout)

    def flush(self, timeout: float = 1.0) -> int:
        """Wait, for so many seconds at most, until this process's spool is in the database; never raises.

        Returns how many events stay in the spool. Where the database is known to be away, it returns at once.
        """
        return 0 if self._closed else self._parts.writing.flush(timeout)

    def close(self, timeout: float = 1.0) -> int:
        """Drain the spool within so many seconds, and close every connection; idempotent, and never hangs.

        Returns how many events stay in the spool: they are safe, and go to the database with the next process that
        logs, or with `picoevent spool drain`. What is logged after it is refused with the reason `closed`.
        """
        if self._closed:
            return 0
        self._closed = True
        return self._parts.close(timeout)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def _parts(self) -> Parts:
        """The parts of this process. A child makes its own, and leaves its parent's untouched, also uncollected."""
        parts = self._by_generation.get(generation())
        return parts or self._by_generation.setdefault(generation(), self._open_parts())

    def _open_parts(self) -> Parts:
        # SQLAlchemy costs a program that only imports picoevent a third of a second: it waits for the first event log.
        from picoevent.parts import Parts

        return Parts(self._settings)

    @property
    def _reading(self) -> Parts:
        self._check_open()
        return self._parts

    def _check_open(self) -> None:
        if self._closed:
            raise PicoEventError("This event log was closed.", hint="Make another EventLog.")
