"""`EventLog`, the front door: it hands each call to the part whose job it is, and owns none of their logic."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Self, Unpack

from picoevent.errors import PicoEventError, Rejected
from picoevent.event import Event, NewEvent, Page
from picoevent.forks import generation
from picoevent.read.query import FIRST_STREAMED_ROWS, Filters, Query, make_query
from picoevent.settings import Settings

if TYPE_CHECKING:
    from picoevent.parts import Parts
    from picoevent.store.record import EventType, RejectedEvent, Source
    from picoevent.write.bulk import BulkImport, ImportResult


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
    ) -> int | None:
        """Store one event, and return its id once it is committed.

        Returns None for a refused event, which is logged, counted and kept to be looked at; with `strict=True` it
        raises `Rejected` instead. `at` is an aware time of the event's own; without it the event is of now.
        """
        return self.log_many([NewEvent(event_type, data, user_id, source, at)])[0]

    def log_many(self, events: Iterable[NewEvent | Mapping[str, Any]]) -> list[int | None]:
        """Store several events, up to a thousand in a transaction; return the ids in order, None where refused.

        Each is a `NewEvent`, or a mapping with the names of `log()`'s arguments.
        """
        outcomes = self._parts.intake.submit(events, closed=self._closed)
        if self._settings.strict:
            for outcome in outcomes:
                if isinstance(outcome, Rejected):
                    raise outcome
        return [None if isinstance(outcome, Rejected) else outcome for outcome in outcomes]

    def import_batch(self, batch: Sequence[tuple[NewEvent, int]]) -> ImportResult:
        """Store events under ids made of their content, each once, however often this is repeated.

        Each event has a time of its own, and comes with the number of equal events of its second before it. Raises
        `StoreUnavailable` or `StoreNotReady`; it can simply be called again then.
        """
        self._check_open()
        return self._parts.bulk.import_batch(batch)

    def open_import(self) -> BulkImport:
        """Return an import of many batches, for `with`: as `import_batch`, and loaded at once where MySQL allows it."""
        self._check_open()
        return self._parts.bulk.open()

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

    def event_types(self) -> list[EventType]:
        """Return every event type, by name."""
        return self._reading.reader.event_types()

    def sources(self) -> list[Source]:
        """Return every source, by name."""
        return self._reading.reader.sources()

    def rejected_events(self, limit: int = 100) -> list[RejectedEvent]:
        """Return the newest refused events that were kept, newest first."""
        return self._reading.reader.rejected_events(limit)

    def counters(self) -> dict[str, int]:
        """Return what became of the events that this process has sent: stored, stored already, refused by reason."""
        return self._parts.intake.counters.to_dict()

    def close(self) -> None:
        """Close every connection; idempotent. What is logged after it is refused with the reason `closed`."""
        self._closed = True
        self._parts.close()

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
