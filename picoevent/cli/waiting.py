"""What waits in the spools of a folder, how much room there is, and what to do with it; reads files only."""

from __future__ import annotations

import os
import pwd
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from picoevent.cli.failures import CommandFailed
from picoevent.errors import SpoolUnavailable

if TYPE_CHECKING:
    from picoevent.settings import Settings
    from picoevent.spool import SpoolStatus

MB = 1_000_000
SHOWN_REASONS = 10


@dataclass(frozen=True, slots=True)
class Waiting:
    """The spools of one folder at one moment; `max_bytes` is `spool_max_mb` here, 0 where there shall be no spool."""

    folder: Path
    spools: list[SpoolStatus]
    max_bytes: int
    disk_free_bytes: int
    wrong_database: str
    """Where the folder is that of another database: what to do."""
    obstacle: str
    """Why no event of this user could wait there; empty where it could."""

    @property
    def exists(self) -> bool:
        """Whether there is a folder: before the first event, there is none."""
        return self.folder.is_dir()

    @property
    def events(self) -> int:
        """How many events wait."""
        return sum(spool.pending for spool in self.spools)

    @property
    def left_by_the_dead(self) -> int:
        """How many of them wait in the spools of dead processes."""
        return sum(spool.pending for spool in self.spools if spool.pid is None)

    @property
    def bytes(self) -> int:
        """How much they take, of `max_bytes`."""
        return sum(spool.bytes for spool in self.spools)

    @property
    def set_aside(self) -> int:
        """How many were set aside, illegible ones too."""
        return sum(spool.set_aside for spool in self.spools)

    @property
    def reasons(self) -> Counter[str]:
        """How many were set aside, by reason."""
        return sum((Counter(spool.reasons) for spool in self.spools), Counter())

    def total(self) -> dict[str, int]:
        """Return what lies in all spools together, and how much room there is."""
        return {
            "spools": len(self.spools),
            "events": self.events,
            "of_dead_processes": self.left_by_the_dead,
            "bytes": self.bytes,
            "max_bytes": self.max_bytes,
            "disk_free_bytes": self.disk_free_bytes,
            "set_aside": self.set_aside,
        }


def folder_of(settings: Settings) -> Path:
    """Return the folder of all spools of these settings; raise `SettingsError` where there is no place for it."""
    from picoevent.spool import spool_folder

    return spool_folder(settings)


def look_at_spools(settings: Settings) -> Waiting:
    """Read the spools of these settings; raise `SettingsError` where there is no place for them, and `OSError`."""
    from picoevent.spool import list_spools
    from picoevent.spool.status import disk_free_bytes

    folder = folder_of(settings)
    return Waiting(
        folder,
        list_spools(folder),
        settings.spool_max_mb * MB,
        disk_free_bytes(folder),
        _wrong_database(folder, settings),
        _obstacle(folder, parents=not settings.spool_dir),
    )


def read_spools(settings: Settings) -> Waiting:
    """Read the spools of these settings; raise `CommandFailed` where this user may not."""
    try:
        return look_at_spools(settings)
    except OSError as error:
        message = f"The spool in {folder_of(settings)} can't be read ({error.strerror})."
        raise CommandFailed(message, hint="Run this as the user of the application.") from error


def _wrong_database(folder: Path, settings: Settings) -> str:
    from picoevent.spool import database_name
    from picoevent.spool.folders import check_owner

    try:
        check_owner(folder, database_name(settings))
    except SpoolUnavailable as error:
        return str(error)
    return ""


def _obstacle(folder: Path, *, parents: bool) -> str:
    """Return why this user can't write into a folder, or make it; nothing is tried, and nothing changed."""
    if folder.is_dir() and folder.stat().st_uid != os.geteuid():
        return f"it belongs to {user_in_words(folder.stat().st_uid)}, and this is {_this_user()}"
    for path in (folder, *folder.parents):
        if path.is_dir():
            return "" if os.access(path, os.W_OK | os.X_OK) else f"{path} is not writable for {_this_user()}"
        if path.exists():
            return f"{path} is no folder"
        if path != folder and not parents:
            return f"there is no folder {path}"
    return ""


def _this_user() -> str:
    return user_in_words(os.geteuid())


def in_words(waiting: Waiting) -> str:
    """Return what waits in a few words."""
    if not waiting.exists:
        return f"none yet in {waiting.folder}"
    if not waiting.events:
        return f"empty: nothing waits in {waiting.folder}"
    left = waiting.left_by_the_dead
    dead = f", {left:,} of them left by dead processes" if left else ""
    return f"{events_in_words(waiting.events)} {_s('wait', waiting.events)}{dead}; see: picoevent spool status"


def nothing_waits(waiting: Waiting) -> str:
    """Say that there is no spool, or nothing in it; who asks as another user than the application looks elsewhere."""
    if not waiting.exists:
        return f"There is no spool in {waiting.folder} (looked for as {_this_user()})."
    return f"The spool is empty: nothing waits in {waiting.folder}."


def room_in_words(waiting: Waiting) -> str:
    """Return how much is taken, and how much there is."""
    return (
        f"{megabytes(waiting.bytes)} of {waiting.max_bytes / MB:,.0f} MB (spool_max_mb); "
        f"its disk has {megabytes(waiting.disk_free_bytes)} MB left"
    )


def set_aside_lines(waiting: Waiting) -> Iterator[str]:
    """Yield why events were set aside, the most frequent reasons first."""
    reasons = waiting.reasons
    for reason, count in reasons.most_common(SHOWN_REASONS):
        yield f"set aside: {count:,} x {reason}"
    if len(reasons) > SHOWN_REASONS:
        yield f"... and {len(reasons) - SHOWN_REASONS:,} other reasons; --format json has them all."


def advice_on_set_aside(waiting: Waiting) -> Iterator[str]:
    """Yield what to do with what was set aside: with events, and with records that nobody can read."""
    if any(spool.set_aside > spool.illegible for spool in waiting.spools):
        yield "Mend the cause of what was set aside, then run: picoevent spool drain --set-aside"
    for spool in waiting.spools:
        if spool.illegible:
            path = waiting.folder / spool.name / "set-aside.spool"
            then = "" if spool.illegible == spool.set_aside else ", once the events in it are drained,"
            records = "1 illegible record is" if spool.illegible == 1 else f"{spool.illegible:,} illegible records are"
            yield f"{records} kept in {path}, and can't be stored: delete the file{then} to have done with it."


def user_in_words(uid: int) -> str:
    """Return a user of this machine by name and number."""
    try:
        return f"{pwd.getpwuid(uid).pw_name} (uid {uid})"
    except KeyError:
        return f"uid {uid}"


def is_of_another_user(spool: SpoolStatus) -> bool:
    """Say whether a spool can't be taken over by this user, whoever may read it."""
    return spool.uid is not None and spool.uid != os.geteuid()


def events_in_words(count: int) -> str:
    """Return a number of events."""
    return "1 event" if count == 1 else f"{count:,} events"


def _s(verb: str, count: int) -> str:
    return f"{verb}s" if count == 1 else verb


def megabytes(size: int) -> str:
    """Return a size in MB, without the unit."""
    return f"{size / MB:,.1f}"
