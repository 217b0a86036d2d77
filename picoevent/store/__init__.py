"""Where events are kept: one contract, MySQL or MariaDB and SQLite behind it; `open_store` picks by the URL."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING, cast

from picoevent.errors import SettingsError

if TYPE_CHECKING:
    from picoevent.settings import Settings
    from picoevent.store.base import BulkStore, Purpose
    from picoevent.store.sql import SqlStore

BACKENDS = {"sqlite": "picoevent.store.sqlite", "mysql+pymysql": "picoevent.store.mysql"}
"""The module of each URL scheme; it is imported when the first such store opens, and has an `open_store`."""
BULK_STORES = {"mysql+pymysql": "picoevent.store.mysql_bulk"}
"""The same for stores that load whole batches at once, with an `open_bulk_store`."""


def open_store(url: str, settings: Settings, purpose: Purpose) -> SqlStore:
    """Return the store of a URL, for one purpose; nothing is connected before its first use."""
    scheme = url.partition(":")[0]
    if scheme not in BACKENDS:
        raise SettingsError(f"No store answers to {scheme}:.", hint="Use sqlite:/// or mysql+pymysql://.")
    opener = cast("Callable[..., SqlStore]", import_module(BACKENDS[scheme]).open_store)
    return opener(url, settings, purpose)


def open_bulk_store(url: str, settings: Settings) -> BulkStore | None:
    """Return the bulk store of a URL, None for a database that has no quicker way; nothing is connected yet."""
    module = BULK_STORES.get(url.partition(":")[0])
    return None if module is None else cast("BulkStore", import_module(module).open_bulk_store(url, settings))
