"""The questions of benchmark `pages`, each to both layouts: to PicoEvent's library, and to the classic table."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import msgspec
from pymysql.cursors import Cursor
from sqlalchemy.dialects.mysql.pymysql import MySQLDialect_pymysql

from bench.frame import WARM_UP_ROUNDS
from bench.layouts import SameEvent
from bench.traffic import event_type_names
from picoevent import EventLog
from picoevent.event import Event, Page
from picoevent.read.conditions import Numbers, candidates
from picoevent.read.query import make_query

LIMIT = 50
BACK = timedelta(days=10)
APART = timedelta(minutes=7)
FIRST_USER = 20
VARIANTS = WARM_UP_ROUNDS
"""Each round asks one of so many variants of its question; the rounds that warm up have asked every one."""

SELECT_CLASSIC = "SELECT id, created, event_type_id, user_id, data FROM classic_event"
CLASSIC_TYPE_PAGE = f"{SELECT_CLASSIC} WHERE event_type_id = %s AND created < %s ORDER BY created DESC LIMIT %s"
CLASSIC_USER_PAGE = f"{SELECT_CLASSIC} WHERE user_id = %s ORDER BY created DESC LIMIT %s"
CLASSIC_NEWEST_BY_ID = f"{SELECT_CLASSIC} ORDER BY id DESC LIMIT %s"
CLASSIC_NEWEST_BY_TIME = f"{SELECT_CLASSIC} ORDER BY created DESC LIMIT %s"
CLASSIC_ONE = f"{SELECT_CLASSIC} WHERE id = %s"
OUR_PAYLOADS = "SELECT event_id, event_data FROM event_data WHERE event_id IN %s"

RawRows = tuple[tuple[Any, ...], ...]


class ClassicEvent(NamedTuple):
    """A row of the classic table as an application has it: the payload decoded, `created` in UTC."""

    classic_id: int
    created: datetime
    event_type_id: int
    user_id: int | None
    data: dict[str, Any]


Answer = Page | Event | list[ClassicEvent] | RawRows


class Pair(NamedTuple):
    """One question, by the number of its variant, to either side."""

    ours: Callable[[int], Answer]
    classic: Callable[[int], Answer]


class Sides:
    """Ask the library, which opens its own connections, and the classic table, on one that commits by itself."""

    def __init__(self, log: EventLog, cursor: Cursor, end: datetime, known: Sequence[SameEvent]) -> None:
        self._log = log
        self._cursor = cursor
        self._end = end
        self._known = known

    def type_page(self, rank: int) -> Pair:
        """Ask for a page of the type of this rank, 10 days back."""
        name = event_type_names()[rank - 1]
        return Pair(
            lambda number: self._log.events(event_type=name, until=self._until(number), limit=LIMIT),
            lambda number: self._classic(CLASSIC_TYPE_PAGE, rank, self._until(number), LIMIT),
        )

    def type_page_of_database(self, rank: int) -> Pair:
        """Ask with the statements of that page alone: no library, nothing decoded."""
        statements = [self._library_statement(rank, number) for number in range(VARIANTS)]

        def ours(number: int) -> RawRows:
            rows = self._rows(*statements[number % VARIANTS])[:LIMIT]
            return self._rows(OUR_PAYLOADS, [[row[0] for row in rows]])

        return Pair(ours, lambda number: self._rows(CLASSIC_TYPE_PAGE, (rank, self._until(number), LIMIT)))

    def user_page(self) -> Pair:
        """Ask for the newest page of one user."""
        return Pair(
            lambda number: self._log.events(user_id=_user(number), limit=LIMIT),
            lambda number: self._classic(CLASSIC_USER_PAGE, _user(number), LIMIT),
        )

    def newest_page(self, classic_statement: str) -> Pair:
        """Ask for the newest page of all events."""
        return Pair(
            lambda _: self._log.events(limit=LIMIT),
            lambda _: self._classic(classic_statement, LIMIT),
        )

    def one_event(self) -> Pair:
        """Ask for one event by its id."""
        return Pair(
            lambda number: self._log.get(self._event(number).event_id),
            lambda number: self._classic(CLASSIC_ONE, self._event(number).classic_id),
        )

    def _until(self, number: int) -> datetime:
        # Half a second in, since "now" is seldom a whole second.
        return self._end - BACK - APART * (number % VARIANTS) - timedelta(milliseconds=500)

    def _event(self, number: int) -> SameEvent:
        return self._known[len(self._known) * (number % VARIANTS) // VARIANTS]

    def _classic(self, statement: str, *arguments: object) -> list[ClassicEvent]:
        rows = self._rows(statement, arguments)
        return [ClassicEvent._make((*row[:-1], msgspec.json.decode(row[-1]))) for row in rows]

    def _rows(self, statement: str, arguments: object) -> RawRows:
        self._cursor.execute(statement, arguments)
        return self._cursor.fetchall()

    def _library_statement(self, rank: int, number: int) -> tuple[str, dict[str, Any]]:
        """Return the statement that the library sends for this page, and its parameters."""
        query = make_query({"until": self._until(number)}, limit=LIMIT)
        statement = candidates(query, Numbers(event_type_ids=(rank,)), LIMIT + 1)
        compiled = statement.compile(dialect=MySQLDialect_pymysql(paramstyle="pyformat"))
        return compiled.string, compiled.params


def contents(answer: Answer) -> list[tuple[datetime, str]] | None:
    """Return the time and the session of each event, which no two events share; None for rows of the driver."""
    if isinstance(answer, Event):
        return [(answer.time, answer.data["session"])]
    if isinstance(answer, Page):
        return [(event.time, event.data["session"]) for event in answer.events]
    if isinstance(answer, list):
        return [(event.created.replace(tzinfo=UTC), event.data["session"]) for event in answer]
    return None


def _user(number: int) -> int:
    """Return a busy user: about one event in 1,000 is theirs."""
    return FIRST_USER + number % VARIANTS
