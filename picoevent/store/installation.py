"""What each installation has of its own, made by `init`: a key, which numbers text users, and the reporting zone."""

from __future__ import annotations

from typing import Protocol

from sqlalchemy import Connection, select

from picoevent.store.tables import installation


class HasInstallation(Protocol):
    """Any store, for writing or for reading."""

    def installation_value(self, name: str) -> str:
        """Return a row of `installation`; raise `StoreNotReady` without it."""


def read_zone(connection: Connection) -> str:
    """Return the reporting zone, as this transaction sees it."""
    return str(connection.execute(select(installation.c.value).where(installation.c.name == "timezone")).scalar_one())


class InstallationKey:
    """Ask for the key once, whichever store is asked first; it changes only where the database becomes another one."""

    def __init__(self) -> None:
        self._key: bytes | None = None

    def of(self, store: HasInstallation) -> bytes:
        """Return the key; raise `StoreUnavailable` or `StoreNotReady` where it is not known yet and can't be read."""
        if self._key is None:
            self._key = bytes.fromhex(store.installation_value("user_hash_key"))
        return self._key

    def refresh(self, store: HasInstallation) -> bool:
        """Ask again, and return whether it is another one: somebody has made the database anew, or restored it."""
        before, self._key = self._key, None
        return self.of(store) != before
