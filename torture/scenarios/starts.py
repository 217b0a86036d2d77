"""R10: a start with wrong settings, a newer schema, or a spool that can't be written: it says so, and harms nothing."""

from __future__ import annotations

import hashlib
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path

from picoevent import EventLog, SettingsError
from torture.account import judge
from torture.frame import Scenario, Size, Verdict
from torture.site import Database, Site

LONGEST_MS = 1000
EVENTS = 200


def run(site: Site, _size: Size) -> Verdict:
    """Leave a backlog, start over it in each wrong way, and compare its bytes; then start in the right way."""
    verdict = Verdict()
    database = site.database()
    proxy = site.proxy(database.address.port)
    proxy.refuse()
    worker = site.start(database, "filler", database.through(proxy), events=EVENTS, per_second=2000, threads=1)
    database.wait_until(lambda: len(database.traces().acked) == EVENTS, 20, "the backlog is there")
    worker.send(signal.SIGKILL)
    worker.wait()
    for name, refused in WRONG_STARTS.items():
        before = _fingerprint(database.spool_dir)
        begin = time.perf_counter()
        said = refused(database)
        milliseconds = (time.perf_counter() - begin) * 1000
        verdict.trials += 1
        verdict.note(f"{name}: {milliseconds:.0f} ms, {said}")
        verdict.require(bool(said), f"{name}: nothing was refused")
        verdict.require_in_time(milliseconds <= site.bound(LONGEST_MS), f"{name}: refused after {milliseconds:.0f} ms")
        verdict.require(_fingerprint(database.spool_dir) == before, f"{name}: the backlog is not what it was")
    database.drain()
    judge(verdict, database.account())
    return verdict


def _fingerprint(folder: Path) -> set[str]:
    """Return the bytes of every segment; names say which are sealed, and change when somebody takes them over."""
    segments = [*folder.rglob("*.open"), *folder.rglob("*.spool")]
    return {f"{path.parent.name}/{path.stem} {hashlib.sha256(path.read_bytes()).hexdigest()}" for path in segments}


def _by_settings(**settings: object) -> Callable[[Database], str]:
    def start(database: Database) -> str:
        try:
            EventLog(**{"url": database.url, "spool_dir": str(database.spool_dir), **settings})
        except SettingsError as error:
            return f"SettingsError: {str(error)[:80]}"
        return ""

    return start


def _first_log(database: Database) -> str:
    """Return the reason for which the first event is refused; nothing where it is taken."""
    with EventLog(database.url, spool_dir=str(database.spool_dir)) as log:
        if log.log("tick") is not None:
            return ""
        return ", ".join(name for name in log.counters() if name.startswith("refused."))


def _under_a_newer_schema(database: Database) -> str:
    with database.cursor() as cursor:
        cursor.execute("INSERT INTO schema_step (version, position, checksum, applied_ms) VALUES (999, 1, '', 0)")
        try:
            return _first_log(database)
        finally:
            cursor.execute("DELETE FROM schema_step WHERE version = 999")


def _without_a_schema(database: Database) -> str:
    name = f"{database.name}_empty"
    database.address.create_database(name)
    try:
        return _first_log(Database(database.address, name, database.folder))
    finally:
        database.address.drop_database(name)


def _with_a_read_only_spool(database: Database) -> str:
    with _read_only(database.spool_dir), database.cursor() as cursor:
        cursor.execute("RENAME TABLE pending TO pending_away")
        try:
            return _first_log(database)
        finally:
            cursor.execute("RENAME TABLE pending_away TO pending")


@contextmanager
def _read_only(folder: Path):  # noqa: ANN202  # a context
    """Make a folder read-only also for root: mounted over itself."""
    subprocess.run(["mount", "--bind", folder, folder], check=True)
    try:
        subprocess.run(["mount", "-o", "remount,bind,ro", folder], check=True)
        yield
    finally:
        subprocess.run(["umount", folder], check=True)


WRONG_STARTS: dict[str, Callable[[Database], str]] = {
    "an unknown kind of database": _by_settings(url="oracle://x/y"),
    "a URL without a database": _by_settings(url="mysql+pymysql://127.0.0.1/"),
    "a wrong durability": _by_settings(durability="perhaps"),
    "a negative size": _by_settings(spool_max_mb=-1),
    "no schema": _without_a_schema,
    "a newer schema": _under_a_newer_schema,
    "a read-only spool": _with_a_read_only_spool,
}

STARTS = Scenario(
    "R10",
    "a start with wrong settings, without or with a newer schema, or over a read-only spool",
    run,
    full=Size(),
    short=Size(),
)
