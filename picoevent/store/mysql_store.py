"""The store on MySQL with connections of its own for the write path, and a word about servers that may lose commits."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Engine

from picoevent.settings import Settings
from picoevent.store.base import WritingTransaction
from picoevent.store.mysql_safety import weaknesses
from picoevent.store.mysql_writing import WritingConnections
from picoevent.store.sql import Backend, SqlStore

logger = logging.getLogger("picoevent")


class MySQLStore(SqlStore):
    """The store with connections of its own for the write path."""

    def __init__(self, engine: Engine, backend: Backend, settings: Settings, connections: WritingConnections) -> None:
        super().__init__(engine, backend, settings)
        self._connections = connections
        self._looked_at_server = False

    @contextmanager
    def writing(self) -> Iterator[WritingTransaction]:
        """See `WritingStore.writing`."""
        self._check_ready()
        if not self._looked_at_server:
            self._look_at_server()
        with self._connections.transaction() as transaction:
            yield transaction

    def _look_at_server(self) -> None:
        with self.transaction() as connection:
            for sentence in weaknesses(connection):
                logger.warning("%s: %s", self.label, sentence)
        self._looked_at_server = True

    def close(self) -> None:
        """Close every connection; idempotent."""
        self._connections.close()
        super().close()
