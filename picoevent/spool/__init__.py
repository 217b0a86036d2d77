"""The spool: a write-ahead log on this machine's disk, in which events wait for the database."""

from __future__ import annotations

from picoevent.spool.place import spool_folder

__all__ = ["spool_folder"]
