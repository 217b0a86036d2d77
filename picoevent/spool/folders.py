"""A folder for each process: its name, its lock, who holds it. Not about what stands in its segments."""

from __future__ import annotations

import errno
import fcntl
import os
import re
import secrets
import stat
import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from picoevent.errors import SpoolUnavailable
from picoevent.spool.failures import ANOTHER_FOLDER
from picoevent.spool.segment import NAME, VERSION, NewerFormat

LOCK = "lock"
OWNER = "database"
FOLDER = re.compile(r"\d{8}T\d{12}Z-\d+-[0-9a-f]{8}")
"""The moment it was made, so that names sort by age, the process, and chance."""
LOCK_TEXT = re.compile(rb"picoevent spool (\d+)\npid (\d+)\n")


@dataclass(slots=True, eq=False)
class HeldFolder:
    """A folder whose lock this process holds."""

    path: Path
    lock_fd: int

    def sign(self) -> None:
        """Write into the lock who holds it; raise `OSError`."""
        os.ftruncate(self.lock_fd, 0)
        os.pwrite(self.lock_fd, b"picoevent spool %d\npid %d\n" % (VERSION, os.getpid()), 0)

    def release(self) -> None:
        """Let others adopt it."""
        fd, self.lock_fd = self.lock_fd, -1
        if fd >= 0:
            os.close(fd)

    def remove(self) -> None:
        """Delete the folder; what is in it and not the spool's stays. The lock goes last."""
        for name in ("checkpoint", "cancelled.spool"):
            (self.path / name).unlink(missing_ok=True)
        others = [path for path in self.path.iterdir() if path.name != LOCK]
        if not others:
            (self.path / LOCK).unlink(missing_ok=True)
            self.path.rmdir()
        self.release()


def prepare(folder: Path, database: str, *, parents: bool) -> None:
    """Make the folder of all spools where it is missing; raise `SpoolUnavailable` where it is somebody else's.

    It belongs to the first database whose events come into it: those of two must not be mixed up.
    """
    with suppress(FileExistsError):
        folder.mkdir(mode=0o700, parents=parents)
    found = folder.stat()
    if not stat.S_ISDIR(found.st_mode):
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(folder))
    if found.st_uid != os.geteuid():
        message = f"The spool in {folder} belongs to another user (uid {found.st_uid}, this is {os.geteuid()})."
        raise SpoolUnavailable(message, hint=f"Run as that user, {ANOTHER_FOLDER}")
    if database and owner_of(folder) is None:
        with suppress(FileExistsError), (folder / OWNER).open("x") as file:
            file.write(database)
    check_owner(folder, database)


def owner_of(folder: Path) -> str | None:
    """Return the name of the database whose events wait in a folder; None where nobody has said it yet."""
    try:
        return (folder / OWNER).read_text("utf-8", "replace")
    except (FileNotFoundError, NotADirectoryError):
        return None


def check_owner(folder: Path, database: str) -> None:
    """Raise `SpoolUnavailable` where the events of another database wait in a folder."""
    owner = owner_of(folder)
    if owner and database and owner != database:
        message = f"The spool in {folder} is that of the database {owner!r}, and this is {database!r}."
        raise SpoolUnavailable(message, hint="Name a folder of its own for each database in spool_dir.")


def make_folder(parent: Path) -> HeldFolder:
    """Make a folder for this process and lock it; raise `OSError`."""
    while True:
        moment = datetime.fromtimestamp(time.time(), UTC)
        name = f"{moment:%Y%m%dT%H%M%S%f}Z-{os.getpid()}-{secrets.token_hex(4)}"
        path = parent / name
        try:
            path.mkdir(mode=0o700)
            fd = os.open(path / LOCK, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        except (FileExistsError, FileNotFoundError):
            # Somebody who looks for abandoned folders took the empty one away; unless the parent is gone.
            parent.stat()
            continue
        held = HeldFolder(path, fd)
        if _take(fd):
            held.sign()
            return held
        held.release()


def hold(path: Path) -> HeldFolder | None:
    """Take over a folder whose process is dead, unsigned; None where it lives, or another was faster.

    Raises `NewerFormat` and `OSError`; the lock is free again then.
    """
    try:
        # What somebody else has put here may lead anywhere.
        fd = os.open(path / LOCK, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError:
        _remove_empty(path)
        if not segment_bytes(path) or _is_alive(int(path.name.split("-")[1])):
            return None
        # Somebody took the lock of a dead process for a stale one, and deleted it.
        fd = os.open(path / LOCK, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        _check_version(fd)
        if _is_ours(path, fd) and _take(fd) and _still_there(path / LOCK, fd):
            held, fd = HeldFolder(path, fd), -1
            return held
    finally:
        if fd >= 0:
            os.close(fd)
    return None


def holder(path: Path) -> int | None:
    """Return the id of the process that holds a folder; None where it is dead. Raises `NewerFormat` and `OSError`."""
    fd = os.open(path / LOCK, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        pid = _check_version(fd)
        return None if _is_free(fd) else pid
    finally:
        os.close(fd)


def list_folders(parent: Path) -> list[Path]:
    """Return the folders of processes, oldest first; none where the parent is not there. Other names are ignored."""
    try:
        with os.scandir(parent) as entries:
            names = [e.name for e in entries if FOLDER.fullmatch(e.name) and e.is_dir(follow_symlinks=False)]
    except (FileNotFoundError, NotADirectoryError):
        return []
    return [parent / name for name in sorted(names)]


def segment_bytes(folder: Path) -> int:
    """Return how much the segments of one folder hold; what vanishes meanwhile counts as nothing."""
    total = 0
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if NAME.fullmatch(entry.name):
                    total += entry.stat(follow_symlinks=False).st_size
    except OSError:
        return total
    return total


def _is_ours(path: Path, fd: int) -> bool:
    """Return whether nobody else can have put there what will be written to, and stored."""
    found = [path.parent.stat(), path.stat(), os.fstat(fd)]
    return all(each.st_uid == os.geteuid() for each in found) and stat.S_ISREG(found[-1].st_mode)


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _take(fd: int) -> bool:
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _is_free(fd: int) -> bool:
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    fcntl.flock(fd, fcntl.LOCK_UN)
    return True


def _still_there(path: Path, fd: int) -> bool:
    """Return whether the lock is the folder's: whoever emptied the folder took the lock away with it."""
    try:
        return os.path.samestat(path.stat(), os.fstat(fd))
    except FileNotFoundError:
        return False


def _check_version(fd: int) -> int:
    match = LOCK_TEXT.match(os.pread(fd, 100, 0))
    if match and int(match[1]) > VERSION:
        raise NewerFormat(f"format {int(match[1])}, and this release knows {VERSION}")
    return int(match[2]) if match else 0


def _remove_empty(path: Path) -> None:
    try:
        path.rmdir()
    except OSError:
        # Not empty, so not abandoned at its birth.
        return
