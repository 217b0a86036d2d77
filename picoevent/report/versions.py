"""What changes when data of a range changes: answers carry it in their key, so that a late event is never hidden."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from sqlalchemy import Connection, bindparam, func, select

from picoevent.errors import StoreNotReady, StoreUnavailable
from picoevent.report.sharing import Shared
from picoevent.store.base import ReadingStore
from picoevent.store.rollup_tables import day_version, fold_state
from picoevent.store.tables import installation

REMEMBERED = 1000

Also = Callable[[Connection], object]

_ZONE = select(installation.c.value).where(installation.c.name == "timezone").scalar_subquery()
_DAYS = (
    select(func.max(day_version.c.version))
    .where(day_version.c.day >= bindparam("since"), day_version.c.day < bindparam("until"))
    .scalar_subquery()
)
_VERSION = select(_ZONE, fold_state.c.declarations, _DAYS)


@dataclass(frozen=True, slots=True)
class Version:
    """What an answer depends on beside its question: the reporting zone, what is declared, late events of its days.

    Events of the running quarter of an hour change no version: an answer about it is fresh for a short time only.
    """

    zone: str
    declarations: int
    days: int
    also: str = ""


class Versions:
    """Ask a store for versions; safe under threads, not across a fork."""

    def __init__(self, store: ReadingStore) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._shared: Shared[Version] = Shared()
        self._last: OrderedDict[tuple[tuple[int, int], Also | None], Version] = OrderedDict()

    def of(self, days: tuple[int, int], also: Also | None = None, *, rescue: bool = True) -> Version:
        """Return the version of a range of UTC days, Unix seconds, the second one not counted; one small statement.

        Where the store does not answer, the last version that was seen of this range is returned, so that answers
        that are kept can be given; without one, or with `rescue` unset, `StoreUnavailable` is raised. `also` reads what
        else is to be part of the version.
        """
        try:
            version = self._shared.ask((days, also), partial(self._ask, days, also))
        except StoreUnavailable:
            with self._lock:
                last = self._last.get((days, also))
            if last is None or not rescue:
                raise
            return last
        with self._lock:
            self._last[days, also] = version
            self._last.move_to_end((days, also))
            while len(self._last) > REMEMBERED:
                self._last.popitem(last=False)
        return version

    def _ask(self, days: tuple[int, int], also: Also | None) -> Version:
        with self._store.reading() as connection:
            found = connection.execute(_VERSION, {"since": days[0], "until": days[1]}).first()
            more = None if also is None else also(connection)
        if found is None or found[0] is None:
            raise StoreNotReady("The database was not set up to its end.", hint="Run: picoevent init")
        return Version(str(found[0]), int(found[1]), int(found[2] or 0), "" if more is None else repr(more))
