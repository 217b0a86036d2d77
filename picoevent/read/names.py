"""Numbers back to names, and the names of a query to numbers, from whichever store is read."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import ColumnElement, Connection, Table, func, select, true

from picoevent.read.conditions import Numbers
from picoevent.read.declared import KnownDeclarations
from picoevent.read.query import Query
from picoevent.store.tables import event_type, source, user_key
from picoevent.users import TEXT_USER_BIT, hash_user


class Dictionary:
    """Remember one table of names, row by row as they are asked for; a name keeps its number for ever."""

    def __init__(self, table: Table) -> None:
        self._name = table.c.name
        self._number = table.primary_key.columns.values()[0]
        self._names: dict[int, str] = {}
        self._numbers: dict[str, int] = {}

    def name_of(self, connection: Connection, number: int) -> str:
        """Return the name of a number; `#12` where the store that is read has no row 12 yet."""
        if number not in self._names:
            self._remember(connection, self._number == number)
        return self._names.get(number, f"#{number}")

    def number_of(self, connection: Connection, name: str) -> int | None:
        """Return the number of a name, or None where nothing has this name."""
        if name not in self._numbers:
            self._remember(connection, self._name == name)
        return self._numbers.get(name)

    def all(self, connection: Connection, last: int | None = None) -> dict[int, str]:
        """Return every name by its number; asks for names only where there are new ones, since numbers are given in
        order. `last` is the highest number, where the caller has read it.
        """
        if last is None:
            last = connection.execute(select(func.max(self._number))).scalar() or 0
        if last not in self._names or len(self._names) < last:
            self._remember(connection, true())
        return dict(self._names)

    def _remember(self, connection: Connection, condition: ColumnElement[bool]) -> None:
        for number, name in connection.execute(select(self._number, self._name).where(condition)):
            self._names[number], self._numbers[name] = name, number


class NameDirectory:
    """Resolve what rows and queries name; safe under threads."""

    def __init__(self) -> None:
        self.event_types = Dictionary(event_type)
        self.sources = Dictionary(source)
        self.declarations = KnownDeclarations()

    def of_row(self, connection: Connection, event_type_id: int, source_id: int) -> tuple[str, str]:
        """Return the names of an event type and of a source."""
        return self.event_types.name_of(connection, event_type_id), self.sources.name_of(connection, source_id)

    def numbers_of(self, connection: Connection, query: Query, key: bytes) -> Numbers | None:
        """Return a query's names as numbers; None where one names nothing that is stored, so nothing matches."""
        type_ids = self._event_type_ids(connection, query.event_types)
        source_id = None if query.source is None else self.sources.number_of(connection, query.source)
        if type_ids == () or (query.source is not None and source_id is None):
            return None
        return Numbers(type_ids, source_id, user_number(query.user_id, key))

    def _event_type_ids(self, connection: Connection, names: tuple[str, ...] | None) -> tuple[int, ...] | None:
        if names is None:
            return None
        found = (self.event_types.number_of(connection, name) for name in names)
        return tuple(number for number in found if number is not None)


def user_number(user_id: int | str | None, key: bytes) -> int | None:
    """Return the number that rows hold for a user."""
    return hash_user(user_id, key) if isinstance(user_id, str) else user_id


def users_of(connection: Connection, numbers: Collection[int]) -> dict[int, int | str]:
    """Return the users that these numbers stand for: texts by the table of them, integers as they are."""
    users: dict[int, int | str] = {number: number for number in numbers}
    texts = [number for number in users if number & TEXT_USER_BIT]
    if texts:
        found = connection.execute(select(user_key).where(user_key.c.user_id.in_(texts)))
        users.update({row.user_id: row.user_key for row in found})
    return users
