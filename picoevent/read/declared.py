"""What event types declare, read again only where somebody has declared something since."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import Connection

from picoevent.store.declarations import Declaration, read_declarations


class KnownDeclarations:
    """Remember all declarations of one version; safe under threads, which may both read them."""

    def __init__(self) -> None:
        self._known: tuple[int, Mapping[int, Declaration]] = -1, {}

    def of(self, connection: Connection, version: int) -> Mapping[int, Declaration]:
        """Return the declarations by event type; `version` is that of `fold_state`."""
        known, declarations = self._known
        if known != version:
            declarations = read_declarations(connection)
            self._known = version, declarations
        return declarations
