"""What processes of this machine have counted: a small file for each, beside the spool, and one for those that ended.

A process writes `counters/PID-RANDOM.json` again about once a second. The file of a process that has ended is added to
`counters/past.json` by whoever finds it, so that totals stay right. What was added and which files it came from are
written in one step, and a process whose file was added while it lives (its pid is not seen from another container)
goes on with what came after: nothing is counted twice, whoever is killed. Not synced: figures, not events.
"""

from __future__ import annotations

import errno
import fcntl
import logging
import os
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import msgspec

logger = logging.getLogger("picoevent")

FOLDER = "counters"
PAST = "past.json"
LOCK = "lock"
MAX_FILE_BYTES = 1_000_000
COLLECTED_FILES = 500
"""How many files are added at a time."""
READING_TRIES = 10

Counts = dict[str, int]


class ProcessFile(msgspec.Struct):
    """The file of one process. `started` tells a process from a later one with its pid; None where nobody says it."""

    pid: int
    started: int | None
    program: str
    written: float
    counters: Counts
    closed: bool = False


class PastFile(msgspec.Struct):
    """The sums of all that have ended, and the names of files that are in them and may still lie there."""

    counters: Counts = {}
    files: list[str] = []


@dataclass(frozen=True, slots=True)
class PublishedProcess:
    """What one process has counted so far, and whether it still runs; `written` is in UNIX seconds."""

    pid: int
    program: str
    alive: bool
    written: float
    counters: Counts


@dataclass(frozen=True, slots=True)
class Published:
    """All processes that have a file, the newest first, and the sums of those that have ended before."""

    processes: tuple[PublishedProcess, ...]
    past: Counts

    @property
    def ended(self) -> Counts:
        """The sums of all processes that have ended."""
        return sum_counts(self.past, *(process.counters for process in self.processes if not process.alive))

    @property
    def living(self) -> Counts:
        """The sums of all processes that still run."""
        return sum_counts(*(process.counters for process in self.processes if process.alive))


def sum_counts(*counts: Mapping[str, int]) -> Counts:
    """Return the sums by name."""
    total: Counter[str] = Counter()
    for one in counts:
        total.update(one)
    return dict(total)


def read_published(folder: Path) -> Published:
    """Return what the processes of this spool have published; raise OSError where it can't be read. Changes nothing."""
    place = folder / FOLDER
    if not place.exists():
        return Published((), {})
    for _ in range(READING_TRIES):
        before = _bytes_of(place / PAST)
        try:
            past = _past_of(before)
        except msgspec.MsgspecError:
            past = PastFile()
        files = {path.name: file for path, file in _files(place) if path.name not in past.files}
        # What has gone from its own file since then stands in this one.
        if _bytes_of(place / PAST) == before:
            break
    found = [
        PublishedProcess(file.pid, file.program, is_alive(file), file.written, file.counters) for file in files.values()
    ]
    return Published(tuple(sorted(found, key=lambda process: (-process.written, process.pid))), past.counters)


def collect(place: Path) -> None:
    """Add the files of processes that have ended to the past, and delete them; the caller holds the lock."""
    for unfinished in place.glob("*.tmp"):
        # Whoever wrote it held the lock that is ours now.
        unfinished.unlink(missing_ok=True)
    past = _readable_past(place)
    _delete(place, past.files)
    ended = [(path.name, file) for path, file in _files(place) if not is_alive(file)][:COLLECTED_FILES]
    if ended:
        past.counters = sum_counts(past.counters, *(file.counters for _, file in ended))
        past.files = [name for name, _ in ended]
        replace_file(place / PAST, msgspec.json.encode(past))
        # Only now: whoever is killed in between leaves files that are known to be counted.
        _delete(place, past.files)


def _delete(place: Path, names: list[str]) -> None:
    for name in names:
        (place / Path(name).name).unlink(missing_ok=True)


def _readable_past(place: Path) -> PastFile:
    try:
        return _past_of(_bytes_of(place / PAST))
    except msgspec.MsgspecError:
        logger.warning("%s is damaged: it is kept beside, and totals begin anew", place / PAST)
        (place / PAST).replace(place / f"{PAST}.damaged")
        return PastFile()


def is_alive(file: ProcessFile) -> bool:
    """Say whether the process of a file may still write it; one that has another's pid may not."""
    if file.closed:
        return False
    started = started_ticks(file.pid)
    if started is not None:
        return file.started is None or started == file.started
    return not Path("/proc/self/stat").exists() and _answers(file.pid)


def started_ticks(pid: int) -> int | None:
    """Return when a process was started, in ticks since the machine was, or None where nobody says it."""
    try:
        # The name of the program stands in brackets, and may hold anything.
        fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
        return None if fields[0] in (b"Z", b"X") else int(fields[19])
    except (OSError, ValueError, IndexError):
        return None


def _answers(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except PermissionError:
        return True
    except OSError:
        return False
    return True


def _files(place: Path) -> Iterator[tuple[Path, ProcessFile]]:
    """Yield the files of processes that can be read; others are left alone."""
    for path in sorted(place.glob("*-*.json")):
        with suppress(OSError, msgspec.MsgspecError):
            content = _bytes_of(path)
            if content is not None:
                yield path, msgspec.json.decode(content, type=ProcessFile)


def _bytes_of(path: Path) -> bytes | None:
    try:
        with path.open("rb") as file:
            return file.read(MAX_FILE_BYTES + 1)
    except FileNotFoundError:
        return None


def _past_of(content: bytes | None) -> PastFile:
    return PastFile() if content is None else msgspec.json.decode(content, type=PastFile)


def make_folder(place: Path, *, parents: bool = False) -> None:
    """Make the folder and the spool's where they are missing; raise OSError where it is somebody else's.

    Without `parents` nothing above them: a disk that is not mounted must not be taken for an empty folder.
    """
    place.parent.mkdir(mode=0o700, exist_ok=True, parents=parents)
    place.mkdir(mode=0o700, exist_ok=True)
    if place.stat().st_uid != os.geteuid():
        raise PermissionError(errno.EPERM, "it belongs to another user")


def replace_file(path: Path, content: bytes) -> None:
    """Put a file in place as a whole."""
    temporary = path.with_suffix(".tmp")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    with open(descriptor, "wb") as file:  # noqa: PTH123  # a descriptor
        file.write(content)
    temporary.replace(path)


@contextmanager
def hold_lock(place: Path) -> Iterator[bool]:
    """Hold the lock of the folder while the block runs; yield False at once where another process does."""
    descriptor = os.open(place / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            try:
                yield True
            finally:
                # Not by closing alone: a child that was forked meanwhile has the descriptor too.
                fcntl.flock(descriptor, fcntl.LOCK_UN)
    finally:
        os.close(descriptor)
