"""What changes when data of a range changes: answers carry it in their key, so that a late event is never hidden."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass

from sqlalchemy import bindparam, func, select

from picoevent.errors import StoreNotReady, StoreUnavailable
from picoevent.store.base import ReadingStore
from picoevent.store.rollup_tables import day_version, fold_state
from picoevent.store.tables import installation

REMEMBERED = 1000

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

    Events of the running UTC day change no version: for those an answer is fresh for a short time only.
    """

    zone: str
    declarations: int
    days: int


class Versions:
    """Ask a store for versions; safe under threads, not across a fork."""

    def __init__(self, store: ReadingStore) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._last: OrderedDict[tuple[int, int], Version] = OrderedDict()

    def of(self, days: tuple[int, int], *, rescue: bool = True) -> Version:
        """Return the version of a range of UTC days, Unix seconds, the second one not counted; one small statement.

        Where the store does not answer, the last version that was seen of this range is returned, so that answers
        that are kept can be given; without one, or with `rescue` unset, `StoreUnavailable` is raised.
        """
        try:
            version = self._ask(days)
        except StoreUnavailable:
            with self._lock:
                last = self._last.get(days)
            if last is None or not rescue:
                raise
            return last
        with self._lock:
            self._last[days] = version
            self._last.move_to_end(days)
            while len(self._last) > REMEMBERED:
                self._last.popitem(last=False)
        return version

    def _ask(self, days: tuple[int, int]) -> Version:
        with self._store.reading() as connection:
            found = connection.execute(_VERSION, {"since": days[0], "until": days[1]}).first()
        if found is None or found[0] is None:
            raise StoreNotReady("The database was not set up to its end.", hint="Run: picoevent init")
        return Version(str(found[0]), int(found[1]), int(found[2] or 0))
