"""The spool: a local write-ahead log on disk, where events wait while the database is away. It knows no database."""

from __future__ import annotations

from picoevent.spool.backlog import SpoolBatch
from picoevent.spool.frames import SpooledEvent
from picoevent.spool.place import database_name, spool_folder
from picoevent.spool.set_aside import iter_set_aside
from picoevent.spool.spool import Spool
from picoevent.spool.status import SpoolStatus, list_spools

__all__ = [
    "Spool",
    "SpoolBatch",
    "SpoolStatus",
    "SpooledEvent",
    "database_name",
    "iter_set_aside",
    "list_spools",
    "spool_folder",
]
