"""Test doubles for whoever tests code that uses PicoEvent; its own tests use them too."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from picoevent.errors import StoreUnavailable


class FakeClock:
    """A clock that stands still until it is told; call it for the time, in the unit it was made with."""

    def __init__(self, now: float = 0) -> None:
        self.now = now

    def __call__(self) -> int:
        """Return the time as a whole number."""
        return int(self.now)

    def advance(self, by: float) -> None:
        """Let time pass."""
        self.now += by


class FlakyStore:
    """A store whose transactions fail when told to: before they begin, or after they have committed.

    It wraps any `WritingStore`. What fails after the commit is what a lost reply looks like from here.
    """

    def __init__(self, store: Any) -> None:  # noqa: ANN401  # any store
        self._store = store
        self.fail_before = 0
        self.fail_after = 0

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401  # whatever the store has
        """Hand everything else to the store itself."""
        return getattr(self._store, name)

    @contextmanager
    def writing(self) -> Iterator[Any]:
        """Open a transaction of the store, and fail as often as `fail_before` and `fail_after` say."""
        if self.fail_before:
            self.fail_before -= 1
            raise StoreUnavailable("The connection was refused, as told.")
        with self._store.writing() as transaction:
            yield transaction
        if self.fail_after:
            self.fail_after -= 1
            raise StoreUnavailable("The reply was lost, as told.")
