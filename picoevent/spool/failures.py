"""What the operating system says about the spool's files, in words for the person who has to act."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from picoevent.errors import SpoolFull, SpoolUnavailable

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
ANOTHER_FOLDER = "or name another folder in spool_dir."
HINTS = {
    errno.ENOENT: f"Make the folder above it, {ANOTHER_FOLDER}",
    errno.ENOTDIR: f"A file is in the place of a folder: move it away, {ANOTHER_FOLDER}",
    errno.EACCES: f"Let this user write there, {ANOTHER_FOLDER}",
    errno.EPERM: f"Let this user write there, {ANOTHER_FOLDER}",
    errno.EROFS: f"Mount its disk writable, {ANOTHER_FOLDER}",
    errno.EMFILE: "This process has too many files open: raise its limit (ulimit -n).",
    errno.EIO: "Its disk is failing: see the system's log, and replace it.",
}


def unavailable(path: Path | str, error: OSError) -> SpoolUnavailable:
    """Return our kind of error for the operating system's."""
    why = error.strerror or os.strerror(error.errno or 0)
    if error.errno in FULL:
        hint = "Free some space there, or let the database take what waits: picoevent spool drain"
        return SpoolFull(f"The disk of the spool in {path} is full ({why}).", hint=hint)
    hint = HINTS.get(error.errno or 0, f"Check the folder and its disk, {ANOTHER_FOLDER}")
    return SpoolUnavailable(f"The spool in {path} can't be used ({why}).", hint=hint)


def full(path: Path, max_bytes: int) -> SpoolFull:
    """Return the error of a spool that holds as much as it may."""
    hint = "Raise spool_max_mb, or see why events wait: picoevent spool status"
    return SpoolFull(f"The spool in {path} has reached spool_max_mb ({max_bytes / 1_000_000:g} MB).", hint=hint)


def stalled(path: Path, seconds: float) -> SpoolUnavailable:
    """Return the error of a disk that does not answer."""
    message = f"The disk of the spool in {path} has not answered for {seconds:.1f} s."
    return SpoolUnavailable(message, hint="See what else writes to it, or move spool_dir to another disk.")
