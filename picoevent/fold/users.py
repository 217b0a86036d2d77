"""Dense numbers of users: an integer below 2**31 is its own, all others get one from there up, once and for ever."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

from sqlalchemy import Connection, select

from picoevent.store.rollup_tables import user_number
from picoevent.store.rows import insert_rows

FIRST_GIVEN = 1 << 31
REMEMBERED = 500_000
"""How many numbers are kept in memory; the others are asked for."""
NUMBERS_PER_QUERY = 1000


class UserNumbers:
    """Give and remember numbers. `keep` after the commit, `drop` after a rollback: what was given then never was."""

    def __init__(self) -> None:
        self._known: OrderedDict[int, int] = OrderedDict()
        self._given: dict[int, int] = {}

    def number_all(self, connection: Connection, users: list[int | None], next_number: int) -> int:
        """Replace each stored user of a list by its dense number; return the next number that is free."""
        large = {user for user in users if user is not None and user >= FIRST_GIVEN}
        if not large:
            return next_number
        numbers = self._find(connection, large)
        missing = sorted(large - numbers.keys())
        given = dict(zip(missing, range(next_number, next_number + len(missing)), strict=True))
        if given:
            insert_rows(connection, user_number, list(given.items()))
        self._given |= given
        numbers |= given
        users[:] = [numbers.get(user, user) if user is not None else None for user in users]
        return next_number + len(given)

    def keep(self) -> None:
        """Remember what was given: it is committed."""
        self._remember(self._given)
        self._given = {}

    def drop(self) -> None:
        """Forget what was given: it was rolled back."""
        self._given = {}

    def _find(self, connection: Connection, users: Iterable[int]) -> dict[int, int]:
        found: dict[int, int] = {}
        unknown = []
        for user in users:
            # What was given in this turn is not yet to be remembered: it may be rolled back.
            number = self._known.get(user, self._given.get(user))
            if number is None:
                unknown.append(user)
            else:
                found[user] = number
        fetched = find_numbers(connection, unknown)
        self._remember(fetched)
        return found | fetched

    def _remember(self, numbers: dict[int, int]) -> None:
        self._known |= numbers
        while len(self._known) > REMEMBERED:
            self._known.popitem(last=False)


def find_numbers(connection: Connection, users: Sequence[int]) -> dict[int, int]:
    """Return the dense numbers of those of these stored users, all of 2**31 and more, that have one."""
    found: dict[int, int] = {}
    for chunk in _chunks(users):
        rows = select(user_number.c.user_id, user_number.c.number).where(user_number.c.user_id.in_(chunk))
        found.update((user, number) for user, number in connection.execute(rows))
    return found


def _chunks(users: Sequence[int]) -> Iterator[list[int]]:
    remaining = iter(sorted(users))
    while chunk := list(islice(remaining, NUMBERS_PER_QUERY)):
        yield chunk
