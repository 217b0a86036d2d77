"""Opening the event log for a verb; one that reads does not make an empty database by the way."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from picoevent.cli.options import current_settings
from picoevent.errors import StoreNotReady
from picoevent.settings import Settings

if TYPE_CHECKING:
    from picoevent.eventlog import EventLog


@contextmanager
def open_for_writing(**overrides: Any) -> Iterator[EventLog]:  # noqa: ANN401  # fields of Settings
    """Open the event log of this command line."""
    from picoevent.eventlog import EventLog

    with EventLog(current_settings(**overrides)) as events:
        yield events


@contextmanager
def open_for_reading() -> Iterator[EventLog]:
    """Open the event log of this command line; raise `StoreNotReady` where its file is not there."""
    settings = current_settings()
    check_file(settings)
    from picoevent.eventlog import EventLog

    with EventLog(settings) as events:
        yield events


def check_file(settings: Settings) -> None:
    """Raise `StoreNotReady` where the database is an SQLite file that does not exist."""
    path = sqlite_path(settings.url)
    if path is not None and not path.is_file():
        raise StoreNotReady(
            f"There is no file {path}.",
            hint="Log an event or run `picoevent init` to make it, or name your database with --url or PICOEVENT_URL.",
        )


def sqlite_path(url: str) -> Path | None:
    """Return the file of an SQLite URL, None for another database."""
    scheme, separator, rest = url.partition(":///")
    if scheme != "sqlite" or not separator:
        return None
    return Path(rest.partition("?")[0])
