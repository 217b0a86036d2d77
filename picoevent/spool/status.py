"""What waits in the spools of a folder, for operators; reads only, while others write."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import msgspec

from picoevent.spool.backlog import Survey
from picoevent.spool.folders import holder, list_folders, segment_bytes
from picoevent.spool.frames import decode_event, scan
from picoevent.spool.segment import START_BYTES, NewerFormat
from picoevent.spool.set_aside import FILE as SET_ASIDE
from picoevent.spool.set_aside import read_asides


@dataclass(frozen=True, slots=True)
class SpoolStatus:
    """One process's spool: `pid` is None when the process is dead, `last_write` is in Unix seconds.

    `trouble` says why a folder can't be read; its figures are 0 then, but for its bytes.
    """

    name: str
    pid: int | None
    pending: int
    bytes: int
    oldest_event_id: int | None
    set_aside: int
    last_write: float
    trouble: str = ""


def list_spools(folder: Path) -> list[SpoolStatus]:
    """Return the spools in a folder, oldest first; none where there is no such folder."""
    found = [_look(path) for path in list_folders(folder)]
    return [status for status in found if status is not None]


def _look(path: Path) -> SpoolStatus | None:
    """Return the state of one folder; None where it vanishes meanwhile."""
    trouble = ""
    pid, pending, oldest, aside = None, 0, None, 0
    try:
        pid = holder(path)
        survey = Survey(path)
        pending = survey.pending
        oldest = _oldest(survey) if pending else None
        aside = sum(1 for _ in read_asides(path / SET_ASIDE))
    except (OSError, NewerFormat) as error:
        trouble = str(error)
    try:
        return SpoolStatus(path.name, pid, pending, segment_bytes(path), oldest, aside, _last_write(path), trouble)
    except FileNotFoundError:
        return None


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
