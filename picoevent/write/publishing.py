"""`Publisher`: writes what this process has counted where others read it; see `picoevent.write.published`."""

from __future__ import annotations

import logging
import os
import secrets
import sys
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec

from picoevent.write.published import (
    FOLDER,
    Counts,
    ProcessFile,
    collect,
    hold_lock,
    make_folder,
    replace_file,
    started_ticks,
)

logger = logging.getLogger("picoevent")

PUBLISH_SECONDS = 1.0
LAST_SECONDS = 0.1
COLLECT_SECONDS = 60.0
"""How often a process looks for files of others that have ended."""
CLOSING_TRIES = 20
CLOSING_PAUSE_SECONDS = 0.005


class PublishingThread:
    """Publish about once a second while something changes: apart, so that a local disk that hangs stops no event."""

    def __init__(self, publisher: Publisher, counters: Callable[[], Counts]) -> None:
        self._publisher = publisher
        self._counters = counters
        self._changed = threading.Event()
        self._ended = threading.Event()
        self._starting = threading.Lock()
        self._thread: threading.Thread | None = None

    def notice(self) -> None:
        """Say that something may have changed. Costs next to nothing, and waits for nobody."""
        if self._changed.is_set():
            return
        self._changed.set()
        if self._thread is None and not self._ended.is_set() and self._starting.acquire(blocking=False):
            try:
                self._start()
            finally:
                self._starting.release()

    def close(self) -> None:
        """Publish for the last time, within some 200 ms; idempotent."""
        thread, self._thread = self._thread, None
        if thread is None or self._ended.is_set():
            return
        self._ended.set()
        self._changed.set()
        # One that is just being started by somebody else can't be waited for, and will do nothing.
        if thread.is_alive():
            thread.join(LAST_SECONDS)
        if not thread.is_alive():
            self._publisher.close(self._counters())

    def _start(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="picoevent-publisher", daemon=True)
            self._thread.start()

    def _run(self) -> None:
        while not self._ended.is_set():
            self._changed.wait()
            self._changed.clear()
            if not self._ended.is_set():
                self._publisher.publish(self._counters())
            self._ended.wait(PUBLISH_SECONDS)


class Publisher:
    """Publish the counters of one event log in one process. Never raises, never waits; not for several threads."""

    def __init__(self, folder: Path, *, parents: bool = False, clock: Callable[[], float] = time.time) -> None:
        self._folder = folder / FOLDER
        self._parents = parents
        self._clock = clock
        self._name = ""
        self._published: Counts = {}
        self._handed_over: Counts = {}
        self._collected_at = float("-inf")
        self._warned = False

    def publish(self, counters: Mapping[str, int], *, closed: bool = False) -> bool:
        """Write these counters, unless they are those of the last time; return whether they are written now.

        False where the folder can't be written, or another process holds its lock: then try again next time.
        """
        if not any(counters.values()) or (counters == self._published and not closed):
            return True
        try:
            return self._publish(dict(counters), closed=closed)
        except OSError as error:
            if not self._warned:
                self._warned = True
                why = error.strerror or error
                logger.warning("PicoEvent: %s can't be used (%s), and an outage would cost events", self._folder, why)
            return False

    def close(self, counters: Mapping[str, int]) -> bool:
        """Publish for the last time, within 100 ms: these figures will not change, also while the process lives."""
        for _ in range(CLOSING_TRIES):
            if self.publish(counters, closed=True):
                return True
            time.sleep(CLOSING_PAUSE_SECONDS)
        return False

    def _publish(self, counters: Counts, *, closed: bool) -> bool:
        make_folder(self._folder, parents=self._parents)
        with hold_lock(self._folder) as is_held:
            if not is_held:
                return False
            self._notice_collection()
            self._write(counters, closed=closed)
            if self._clock() - self._collected_at >= COLLECT_SECONDS:
                self._collected_at = self._clock()
                collect(self._folder)
        return True

    def _notice_collection(self) -> None:
        """Where our file was added to the past, leave what it said there, and begin another."""
        if self._name and not (self._folder / self._name).exists():
            self._handed_over = self._published
            self._name = ""
        self._name = self._name or f"{os.getpid()}-{secrets.token_hex(8)}.json"

    def _write(self, counters: Counts, *, closed: bool) -> None:
        rest = {name: count - self._handed_over.get(name, 0) for name, count in counters.items()}
        pid = os.getpid()
        file = ProcessFile(pid, started_ticks(pid), _program_name(), self._clock(), rest, closed)
        replace_file(self._folder / self._name, msgspec.json.encode(file))
        self._published = counters


def _program_name() -> str:
    path = Path(sys.argv[0] if sys.argv else "")
    # `python -m package`
    name = path.parent.name if path.name == "__main__.py" else path.name
    return name.encode("utf-8", "replace").decode()[:100] or "python"
