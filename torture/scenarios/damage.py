"""R9: the spool is written by processes that are killed, drained by processes that are killed, and damaged on disk."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from random import Random

from picoevent.spool.frames import HEAD, MARKER
from torture.account import judge
from torture.burst import STOPS
from torture.frame import Scenario, Size, Verdict
from torture.nursery import ROOT
from torture.site import Database, Site

AT_ONCE, STRACED_AT_ONCE = 5, 2
MANY = 10
"""Fewer programs may all end before the chosen call."""
PAYLOAD_BYTES, BATCH = 8000, 50
EVENTS_DAMAGED = 3_200
"""Of `PAYLOAD_BYTES` each: a spool of several segments."""
SYSCALLS = {
    "write": 150,
    "fdatasync": 4,
    "fsync": 3,
    "pwrite64": 4,
    "rename": 2,
    "openat": 12,
    "unlink": 3,
    "close": 12,
}
"""What the spool does, and about how often for 60 events."""


def run(site: Site, size: Size) -> Verdict:
    """Kill writers, kill drainers, kill within system calls, and damage files; then count."""
    verdict = Verdict()
    _kill_writers_and_drainers(site, verdict, size)
    _kill_in_system_calls(site, verdict, max(1, size.trials // 10))
    for name, harm in HARMS.items():
        database = site.database()
        _fill(site, database)
        harmed = harm(_largest_folder(database), site.random)
        _count_damage(verdict, database, name, harmed)
    return verdict


def _kill_writers_and_drainers(site: Site, verdict: Verdict, size: Size) -> None:
    database = site.database()
    proxy = site.proxy(database.address.port)
    url = database.through(proxy)
    for first in range(0, size.trials, AT_ONCE):
        # While links are cut, everything goes to the spool; while they are not, workers drain what dead ones left.
        proxy.pass_on()
        if first // AT_ONCE % 2 == 0:
            proxy.refuse()
        workers = [
            site.start(database, f"w{number}", url, batch=3, durability=site.random.choice((None, "spool")))
            for number in range(first, first + AT_ONCE)
        ]
        for worker in workers:
            time.sleep(site.random.uniform(0.01, 0.15))
            worker.send(signal.SIGKILL)
            worker.wait()
            verdict.trials += 1
    adopted = database.drain(120)["adopted"]
    verdict.note(f"{size.trials} writers and drainers killed, {adopted:,} events in their spools")
    judge(verdict, database.account())


def _kill_in_system_calls(site: Site, verdict: Verdict, trials: int) -> None:
    """Have the kernel kill a program as it enters its nth call of a kind, and see that the next one goes on."""
    database = site.database()

    def die_once(number: int) -> bool:
        call, most = choices[number]
        task = site.task(database, f"s{number}", events=60, durability="spool")
        process = subprocess.Popen(
            [sys.executable, "-m", "torture.burst", task.to_line(), "return"],
            cwd=ROOT,
            env={**os.environ, STOPS: "1"},
            stderr=subprocess.DEVNULL,
        )
        site.end_with_it(process)
        os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)
        inject = f"inject={call}:signal=SIGKILL:when={most}"
        strace = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", f"trace={call}", "-e", inject, "-p", str(process.pid)]
        watcher = subprocess.Popen(strace)
        Database.wait_until(lambda: _is_watched(process.pid), 20, "strace watches")
        process.send_signal(signal.SIGCONT)
        code = process.wait(60)
        watcher.wait(60)
        return code == -signal.SIGKILL

    choices = [(call, site.random.randint(1, SYSCALLS[call])) for call in site.random.choices(list(SYSCALLS), k=trials)]
    with ThreadPoolExecutor(STRACED_AT_ONCE) as pool:
        killed = sum(pool.map(die_once, range(trials)))
    verdict.trials += trials
    verdict.note(f"{killed} of {trials} killed within a system call")
    # One that makes fewer calls than were chosen ends by itself.
    verdict.require(killed > 0 or trials < MANY, "no program was killed within a system call")
    database.drain()
    judge(verdict, database.account())


def _is_watched(pid: int) -> bool:
    return "TracerPid:\t0\n" not in Path(f"/proc/{pid}/status").read_text("ascii", "replace")


def _fill(site: Site, database: Database) -> None:
    proxy = site.proxy(database.address.port)
    proxy.refuse()
    worker = site.start(
        database,
        "filler",
        database.through(proxy),
        batch=BATCH,
        payload_bytes=PAYLOAD_BYTES,
        durability="spool",
        settings={"deadline_ms": 9000},
    )
    database.wait_until(lambda: len(database.traces().acked) > EVENTS_DAMAGED, 60, "the spool is filled")
    worker.send(signal.SIGKILL)
    worker.wait()


def _count_damage(verdict: Verdict, database: Database, name: str, events_harmed: int | None) -> None:
    counters = database.drain(120)
    account = database.account()
    reported = counters["lost"] + counters["set_aside"]
    verdict.trials += 1
    verdict.note(
        f"{name}: {len(account.lost)} lost; counted: {counters['lost']} lost, {counters['set_aside']} set aside"
    )
    # What was written when the kill came, and not acknowledged, may be harmed, too.
    gone = len(account.lost)
    verdict.require(gone <= reported <= gone + BATCH, f"{name}: {gone} are gone, {reported} are reported")
    if events_harmed is not None:
        verdict.require(len(account.lost) <= events_harmed, f"{name}: harmed {events_harmed}, lost {len(account.lost)}")
    judge(verdict, account, may_lose=reported)


def _largest_folder(database: Database) -> Path:
    return max(database.spool_dir.glob("*/[0-9]*.open"), key=lambda path: len(_segments(path.parent))).parent


def _segments(folder: Path) -> list[Path]:
    return sorted([*folder.glob("[0-9]*.spool"), *folder.glob("[0-9]*.open")])


def _tear_tail(folder: Path, random: Random) -> int:
    """Leave half a record at the end, as a kill within a write does; where that was just done, there is one."""
    last = _segments(folder)[-1]
    data = last.read_bytes()
    record = data[data.rindex(MARKER) :]
    if len(record) >= HEAD.size and len(record) == HEAD.size + HEAD.unpack_from(record)[1]:
        with last.open("ab") as file:
            file.write(record[: random.randrange(1, len(record))])
    return 0


def _flip_bits(folder: Path, random: Random) -> int:
    """Turn one bit over in each of ten places."""
    for _ in range(10):
        path = random.choice(_segments(folder))
        data = bytearray(path.read_bytes())
        data[random.randrange(64, len(data))] ^= 1 << random.randrange(8)
        path.write_bytes(data)
    return 20


def _remove_segment(folder: Path, random: Random) -> None:
    """Delete a file in the middle."""
    random.choice(_segments(folder)[1:-1]).unlink()


def _copy_segment(folder: Path, random: Random) -> int:
    """Have a file twice, under a number of its own: a restored backup."""
    *sealed, last = _segments(folder)
    source = random.choice(sealed)
    number = int(last.stem) + random.randint(10_000, 1_000_000)
    shutil.copy(source, source.with_name(f"{number:020d}{source.suffix}"))
    return 0


def _write_rubbish(folder: Path, random: Random) -> None:
    """Overwrite a stretch in the middle of a file, and the checkpoint, with noise."""
    path = _segments(folder)[1]
    data = bytearray(path.read_bytes())
    data[20_000:40_000] = random.randbytes(20_000)
    path.write_bytes(data)
    (folder / "checkpoint").write_bytes(random.randbytes(64))
    (folder / "rubbish.spool").write_bytes(random.randbytes(100))


HARMS: dict[str, Callable[[Path, Random], int | None]] = {
    "torn tail": _tear_tail,
    "ten bits over": _flip_bits,
    "a segment missing": _remove_segment,
    "a segment twice": _copy_segment,
    "rubbish within": _write_rubbish,
}

DAMAGE = Scenario(
    "R9",
    "processes that spool and drain are killed anywhere, and their files are damaged",
    run,
    full=Size(trials=500),
    short=Size(trials=10),
)
