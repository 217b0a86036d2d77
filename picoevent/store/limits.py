"""How long one question may take a database, however many statements it is made of; the server itself ends it."""

from __future__ import annotations

import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

from sqlalchemy import Connection

from picoevent.errors import QueryTooCostly
from picoevent.store.base import NARROW_IT, Purpose
from picoevent.store.mysql import ANSWER_SECONDS
from picoevent.store.mysql_flavours import flavour_of

STATEMENT_SECONDS = ANSWER_SECONDS[Purpose.READ] - 1
"""How long one statement may take at most: the driver gives up on a reading connection a second later."""
LEAST_SECONDS = 0.001
SQLITE_STEPS = 10_000
"""After how many steps of its machine SQLite looks at the clock."""


class TimeLimit:
    """Limit what is read within its block, for `with`; what takes longer raises `QueryTooCostly`.

    `begin_statement()` stands before each statement: it has the server end it when the time is over.
    """

    def __init__(self, connection: Connection, seconds: float, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._connection = connection
        self._seconds = seconds
        self._clock = clock
        self._until = clock() + seconds
        self._is_sqlite = connection.dialect.name == "sqlite"

    def begin_statement(self) -> None:
        """Hand the server what is left of the time; raise `QueryTooCostly` where nothing is."""
        left = self._until - self._clock()
        if left < LEAST_SECONDS:
            raise QueryTooCostly(f"This question took more than {self._seconds:g} seconds.", hint=NARROW_IT)
        if not self._is_sqlite:
            self._limit(min(left, STATEMENT_SECONDS))

    def __enter__(self) -> Self:
        if self._is_sqlite:
            self._watch(lambda: self._clock() >= self._until)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._is_sqlite:
            self._watch(None)
        elif not self._connection.invalidated:
            self._limit(ANSWER_SECONDS[Purpose.READ])

    def _limit(self, seconds: float) -> None:
        self._connection.exec_driver_sql(flavour_of(self._connection).limited_to(round(seconds, 3)))

    def _watch(self, is_over: Callable[[], bool] | None) -> None:
        driver = self._connection.connection.driver_connection
        if driver is not None:
            driver.set_progress_handler(is_over, SQLITE_STEPS)
