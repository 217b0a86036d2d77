"""What waits in the spools of a folder, for operators; reads only, while others write."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from picoevent.spool.backlog import Survey
from picoevent.spool.folders import LOCK, holder, list_folders, segment_bytes
from picoevent.spool.frames import decode_event, scan
from picoevent.spool.segment import START_BYTES, NewerFormat
from picoevent.spool.set_aside import FILE as SET_ASIDE
from picoevent.spool.set_aside import read_asides


@dataclass(frozen=True, slots=True)
class SpoolStatus:
    """One process's spool: `pid` is None when the process is dead, `last_write` is in Unix seconds.

    `uid` is the user whose processes can take it over, None where that can't be read. `reasons` says how many were set
    aside for what; `illegible` of these are no events, and can't be tried again. `trouble` says why a folder can't be
    read; its figures are 0 then, but for its bytes.
    """

    name: str
    pid: int | None
    pending: int
    bytes: int
    oldest_event_id: int | None
    set_aside: int
    last_write: float
    trouble: str = ""
    uid: int | None = None
    reasons: Mapping[str, int] = field(default_factory=dict)
    illegible: int = 0


def list_spools(folder: Path) -> list[SpoolStatus]:
    """Return the spools in a folder, oldest first; none where there is no such folder."""
    found = [_look(path) for path in list_folders(folder)]
    return [status for status in found if status is not None]


def disk_free_bytes(folder: Path) -> int:
    """Return how much this user may still write on the disk of a folder, or, before it is made, of the one above."""
    for path in (folder, *folder.parents):
        try:
            found = os.statvfs(path)
        except OSError:
            continue
        return found.f_bavail * found.f_frsize
    return 0


def _look(path: Path) -> SpoolStatus | None:
    """Return the state of one folder; None where it vanishes meanwhile."""
    trouble = ""
    pid, uid, pending, oldest, illegible = None, None, 0, None, 0
    reasons: Counter[str] = Counter()
    try:
        uid = _owner(path)
        pid = holder(path)
        survey = Survey(path)
        pending = survey.pending
        oldest = _oldest(survey) if pending else None
        reasons, illegible = _count_asides(path)
    except (OSError, NewerFormat) as error:
        trouble = str(error)
    size, aside = segment_bytes(path), reasons.total()
    try:
        written = _last_write(path)
    except FileNotFoundError:
        return None
    return SpoolStatus(path.name, pid, pending, size, oldest, aside, written, trouble, uid, reasons, illegible)


def _owner(path: Path) -> int:
    """Return to whom a folder, its parent and its lock belong; where that is not one user, one who is not this."""
    own = os.geteuid()
    owners = {place.stat().st_uid for place in (path.parent, path, path / LOCK)}
    return min(owners - {own}, default=own)


def _count_asides(path: Path) -> tuple[Counter[str], int]:
    """Return how many were set aside in a folder for what, and how many of them are no events."""
    reasons: Counter[str] = Counter()
    illegible = 0
    for aside in read_asides(path / SET_ASIDE):
        reasons[aside.reason] += 1
        illegible += aside.event is None
    return reasons, illegible


def _oldest(survey: Survey) -> int | None:
    for segment in survey.segments:
        begun = segment.first == survey.checkpoint.segment
        fd = segment.open_to_read()
        try:
            for _, _, number, body in scan(fd, survey.checkpoint.offset if begun else START_BYTES, segment.end[0]):
                if number > 0 and number not in survey.cancelled:
                    return decode_event(body).event_id
        except msgspec.DecodeError:
            continue
        finally:
            os.close(fd)
    return None


def _last_write(path: Path) -> float:
    with os.scandir(path) as entries:
        times = [entry.stat().st_mtime for entry in entries if entry.name.endswith((".open", ".spool"))]
    return max(times, default=path.stat().st_mtime)
