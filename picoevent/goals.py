"""Goals: what users are wanted to do, by name; the report `goals` tells how many did."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import Connection, delete, insert, select

from picoevent.errors import InvalidQuery
from picoevent.rollup.shown_values import given_value, read_value
from picoevent.store.base import DuplicateKey
from picoevent.store.rollup_tables import goal as goal_table
from picoevent.store.sql import SqlStore

MAX_NAME, MAX_PATH = 100, 255
MAX_FILTERS, MAX_VALUES = 4, 50

Wanted = str | int | float | bool | None | Sequence[str | int | float | bool | None]
"""A value of a payload, None for no value, or several of which one is enough."""


@dataclass(frozen=True, slots=True)
class Goal:
    """An event of this type, with one of these values at each path, is a conversion.

    `measure` is the path of the number that a conversion is worth, "" for none.
    """

    name: str
    event_type: str
    filters: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    measure: str = ""


class Goals:
    """Keep goals in a store; safe under threads, not across a fork. Calls raise as the store does."""

    def __init__(self, store: SqlStore) -> None:
        self._store = store

    def add(
        self, name: str, event_type: str, filters: Mapping[str, Wanted] | None = None, *, measure: str = ""
    ) -> Goal:
        """Store a goal; raise `InvalidQuery` where there is one of this name, or a part is wrong."""
        made = Goal(
            _text(name, "name", MAX_NAME),
            _text(event_type, "event type", MAX_NAME),
            _filters(filters or {}),
            measure and _text(measure, "measure", MAX_PATH),
        )
        values = {"name": made.name, "event_type": made.event_type, "measure": made.measure}
        stored = json.dumps({path: list(wanted) for path, wanted in made.filters.items()}, ensure_ascii=False)
        try:
            with self._store.transaction() as connection:
                connection.execute(insert(goal_table).values(**values, filters=stored))
        except DuplicateKey:
            message = f"There is a goal {made.name!r} already."
            raise InvalidQuery(message, hint="Choose another name, or remove it first.") from None
        return made

    def list(self) -> tuple[Goal, ...]:
        """Return every goal, by name."""
        with self._store.transaction() as connection:
            return list_goals(connection)

    def remove(self, name: str) -> None:
        """Remove a goal; raise `InvalidQuery` where there is none of this name. No event is touched."""
        with self._store.transaction() as connection:
            if not connection.execute(delete(goal_table).where(goal_table.c.name == name)).rowcount:
                raise InvalidQuery(f"There is no goal {name!r}.", hint="See: picoevent goal list")


def list_goals(connection: Connection) -> tuple[Goal, ...]:
    """Return every goal, by name."""
    rows = connection.execute(select(goal_table).order_by(goal_table.c.name))
    return tuple(
        Goal(
            row.name,
            row.event_type,
            {path: tuple(values) for path, values in json.loads(row.filters).items()},
            row.measure,
        )
        for row in rows
    )


def _filters(given: Mapping[str, Wanted]) -> dict[str, tuple[str, ...]]:
    if not isinstance(given, Mapping):
        raise InvalidQuery("The filters of a goal are a mapping.", hint="For example: {'plan': 'team'}.")
    if len(given) > MAX_FILTERS:
        raise InvalidQuery(f"{len(given)} filters are too many.", hint=f"Use {MAX_FILTERS} at most.")
    return {_text(path, "path", MAX_PATH): _values(wanted) for path, wanted in given.items()}


def _values(wanted: Wanted) -> tuple[str, ...]:
    several = [wanted] if wanted is None or isinstance(wanted, (str, int, float)) else list(wanted)
    if not 1 <= len(several) <= MAX_VALUES:
        raise InvalidQuery(f"A filter lets {len(several)} values through.", hint=f"Use 1 to {MAX_VALUES}.")
    shown = tuple(map(given_value, several))
    for value in shown:
        read_value(value)
    return shown


def _text(value: object, what: str, longest: int) -> str:
    if not isinstance(value, str) or not 1 <= len(value) <= longest:
        raise InvalidQuery(f"The {what} of a goal is no text of 1 to {longest} characters.")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise InvalidQuery(f"The {what} of a goal holds a lone surrogate, which nothing that is stored does.") from None
    return value
