"""R25: 64 threads, asyncio, gevent, signal handlers and finalizers share one event log, and nothing hangs."""

from __future__ import annotations

import subprocess
import sys

from torture.account import judge
from torture.frame import Scenario, Size, Verdict
from torture.measure import check_balance
from torture.nursery import ROOT
from torture.site import Database, Late, Site

THREADS = 64
PROGRAMS = ("coroutines", "greenlets", "interruptions")
GRACE_SECONDS = 15.0


def run(site: Site, size: Size) -> Verdict:
    """Let each host log for a share of the time, with each durability where it interrupts itself, and count."""
    verdict = Verdict()
    seconds = size.seconds / (len(PROGRAMS) + 2)
    database = site.database()
    settings = {"deadline_ms": 5000, "cache_url": "none://"}
    site.start(database, "threads", threads=THREADS, seconds=seconds, settings=settings).wait(seconds + GRACE_SECONDS)
    check_balance(verdict, database.report("threads"))
    for program, durability in (*((program, None) for program in PROGRAMS), ("interruptions", "spool")):
        name = f"{program}-{durability or 'commit'}"
        task = site.task(database, name, seconds=seconds, settings=settings, durability=durability)
        _run(verdict, database, program, [task.to_line()], seconds)
    traces = database.traces()
    for name in sorted(path.stem for path in database.folder.glob("*.trace")):
        acked = sum(event.startswith(f"{name}-") for event in traces.acked)
        verdict.trials += 1
        verdict.note(f"{name}: {acked:,} events in {seconds:g} s")
        verdict.require(acked > 0, f"{name}: nothing was acknowledged")
    verdict.require(not traces.refused, f"{len(traces.refused)} refused, such as {sorted(traces.refused)[:1]}")
    verdict.require(not traces.unanswered, f"{len(traces.unanswered)} calls did not return")
    database.drain()
    judge(verdict, database.account())
    return verdict


def _run(verdict: Verdict, database: Database, program: str, arguments: list[str], seconds: float) -> None:
    command = [sys.executable, "-m", f"torture.hosts.{program}", *arguments]
    errors = database.folder / f"{program}.errors"
    with errors.open("ab") as file:
        process = subprocess.Popen(command, cwd=ROOT, stderr=file)
    try:
        code = process.wait(seconds + GRACE_SECONDS)
    except subprocess.TimeoutExpired:
        raise Late(f"{program} hangs: {errors.read_text('utf-8', 'replace')[-500:]}") from None
    finally:
        process.kill()
        process.wait()
    said = errors.read_text("utf-8", "replace")
    verdict.require(code == 0 and "Traceback" not in said, f"{program} ended with {code}: {said[-500:]}")


CONCURRENCY = Scenario(
    "R25",
    "64 threads, asyncio, gevent, signal handlers and finalizers share one event log",
    run,
    full=Size(seconds=600),
    short=Size(seconds=4),
)
