"""Events that were set aside, handed back to be tried again. Not about why they were: that is for people to mend."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from msgspec.structs import replace

from picoevent.errors import SpoolUnavailable
from picoevent.spool.failures import unavailable
from picoevent.spool.folders import HeldFolder, hold, segment_bytes
from picoevent.spool.frames import SpooledEvent
from picoevent.spool.segment import NewerFormat
from picoevent.spool.set_aside import FILE, read_asides, replace_asides

RETRIED_AT_ONCE = 500


class Appending(Protocol):
    """What takes the events: the spool."""

    def append(self, events: Sequence[SpooledEvent]) -> int:
        """Append all of these or none."""

    def sync(self) -> None:
        """Return when they are on the disk."""


def retry_folder(path: Path, mine: HeldFolder | None, spool: Appending) -> int:
    """Append the events set aside in a folder that is this process's, or a dead one's; return how many.

    Raises `SpoolUnavailable`; what was not appended, and what is no event, stays set aside.
    """
    held = mine
    try:
        if not (path / FILE).exists():
            return 0
        held = mine or hold(path)
        if held is None:
            return 0
        count = _append_again(path, spool)
        # Only now: an event that is in both is found to be stored, one that is in neither would be gone.
        replace_asides(path, (aside for aside in read_asides(path / FILE) if aside.event is None))
        if mine is None and not segment_bytes(path):
            held.remove()
    except OSError as error:
        raise unavailable(path, error) from error
    except NewerFormat as error:
        hint = "Use that release of picoevent for it."
        raise SpoolUnavailable(f"The spool {path} is of a newer release ({error}).", hint=hint) from error
    finally:
        if held is not None and mine is None:
            held.release()
    return count


def _append_again(path: Path, spool: Appending) -> int:
    count, some = 0, []
    for aside in read_asides(path / FILE):
        if aside.event is not None:
            some.append(replace(aside.event, attempted=True))
        if len(some) == RETRIED_AT_ONCE:
            spool.append(some)
            count, some = count + len(some), []
    if some:
        spool.append(some)
    spool.sync()
    return count + len(some)
