"""The texts of users: each goes into `user_key` in the same transaction as the first event that names it."""

from __future__ import annotations

from collections.abc import Sequence

from picoevent.errors import Rejected, RejectReason
from picoevent.store.base import WritingTransaction
from picoevent.store.record import Record
from picoevent.users import hash_user

MAX_KNOWN = 100_000
"""How many texts a process remembers as stored; beyond that it starts anew."""


class UserKeys:
    """Remember which texts are stored; safe under threads."""

    def __init__(self, hash_key: bytes) -> None:
        self._hash_key = hash_key
        self._known: dict[int, str] = {}

    def number_of(self, user_id: int | str | None) -> int | None:
        """Return the number under which a user is stored."""
        return hash_user(user_id, self._hash_key) if isinstance(user_id, str) else user_id

    def new_in(self, records: Sequence[Record], transaction: WritingTransaction) -> dict[int, str]:
        """Return the texts that this batch has to insert; raise `Rejected` where two texts share a hash."""
        unknown: dict[int, str] = {}
        for record in records:
            key = record.user_key
            if key is not None and (number := record.user_number) is not None and self._known.get(number) != key:
                _check_equal(unknown.setdefault(number, key), key)
        if not unknown:
            return {}
        stored = transaction.find_users(unknown.keys())
        for number, key in unknown.items():
            _check_equal(stored.get(number, key), key)
        return {number: key for number, key in unknown.items() if number not in stored}

    def remember(self, records: Sequence[Record]) -> None:
        """Note that the texts of these records are committed."""
        if len(self._known) > MAX_KNOWN:
            self._known = {}
        for record in records:
            if record.user_key is not None and record.user_number is not None:
                self._known[record.user_number] = record.user_key


def _check_equal(one: str, other: str) -> None:
    if one != other:
        raise Rejected(RejectReason.USER_KEY_COLLISION, "another user has the same hash")
