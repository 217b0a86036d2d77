"""R4: an event log that was made, and used, before `fork()`: gunicorn, Celery, multiprocessing, a tree of forks."""

from __future__ import annotations

import http.client
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor

from picoevent.testing.process import free_port
from torture.account import judge
from torture.frame import Scenario, Size, Verdict
from torture.nursery import ROOT
from torture.site import Database, Site

HANGS_AFTER_SECONDS = 5.0
CLIENTS = 8
EVENTS_A_TASK = 100


def run(site: Site, size: Size) -> Verdict:
    """Have each host log its events, and count those of each."""
    verdict = Verdict()
    for kind, host in HOSTS.items():
        database = site.database()
        began = time.monotonic()
        host(site, database, verdict, size.events)
        seconds = time.monotonic() - began
        database.drain()
        traces = database.traces()
        judge(verdict, database.account(traces))
        verdict.trials += 1
        verdict.note(f"{kind}: {len(traces.acked):,} events in {seconds:.1f} s")
        verdict.require(len(traces.acked) >= size.events, f"{kind}: only {len(traces.acked)} acknowledged")
        _check_errors(verdict, kind, database)
    return verdict


def _check_errors(verdict: Verdict, kind: str, database: Database) -> None:
    said = (database.folder / "host.errors").read_text("utf-8", "replace").lower()
    for words in ("packet sequence", "traceback"):
        verdict.require(words not in said, f"{kind} says: {said[said.find(words) :][:300]}")


def _start(
    site: Site, database: Database, command: list[str], **environ: str
) -> tuple[subprocess.Popen[bytes], Mapping[str, str]]:
    """Start a host; what it says goes to a file. Returns its environment beside it."""
    task = site.task(database, "host", settings={"deadline_ms": 5000})
    variables = {**os.environ, "TORTURE_TASK": task.to_line(), **environ}
    with (database.folder / "host.errors").open("ab") as errors:
        process = subprocess.Popen(command, cwd=ROOT, env=variables, stdout=errors, stderr=errors)
    site.end_with_it(process)
    return process, variables


def _gunicorn(site: Site, database: Database, verdict: Verdict, events: int) -> None:
    port = free_port()
    options = ["--preload", "--workers", "4", "--bind", f"127.0.0.1:{port}", "--config", "python:torture.hosts.web_app"]
    process, _ = _start(site, database, [sys.executable, "-m", "gunicorn", *options, "torture.hosts.web_app"])
    database.wait_until(lambda: _answers(port), 20, "gunicorn answers")
    with ThreadPoolExecutor(CLIENTS) as pool:
        slowest = max(pool.map(lambda client: _ask(port, client, events // CLIENTS + 1), range(CLIENTS)))
    verdict.require(slowest < HANGS_AFTER_SECONDS, f"a request took {slowest:.1f} s")
    _end(process, verdict)


def _answers(port: int) -> bool:
    try:
        _ask(port, -1, 1)
    except OSError:
        return False
    return True


def _ask(port: int, client: int, count: int) -> float:
    """Send requests one after the other; return how many seconds the slowest took."""
    slowest = 0.0
    for number in range(count):
        begin = time.perf_counter()
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        connection.request("GET", f"/request-{client}-{number}")
        connection.getresponse().read()
        connection.close()
        slowest = max(slowest, time.perf_counter() - begin)
    return slowest


def _celery(site: Site, database: Database, verdict: Verdict, events: int) -> None:
    broker = site.redis().url()
    options = ["worker", "--pool", "prefork", "--concurrency", "4", "--loglevel", "ERROR", "--without-heartbeat"]
    command = [sys.executable, "-m", "celery", "-A", "torture.hosts.task_queue"]
    process, variables = _start(site, database, [*command, *options], TORTURE_BROKER=broker)
    tasks = -(-events // EVENTS_A_TASK)
    program = (
        f"from torture.hosts.task_queue import work; [work.delay(str(n), {EVENTS_A_TASK}) for n in range({tasks})]"
    )
    subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, env={**variables, "TORTURE_SENDS": "1"}, check=True, timeout=60
    )
    wanted = tasks * EVENTS_A_TASK
    database.wait_until(lambda: len(database.traces().acked) > wanted, 30 + events / 200, "every task is done")
    _end(process, verdict)


def _script(kind: str) -> Callable[[Site, Database, Verdict, int], None]:
    def host(site: Site, database: Database, verdict: Verdict, events: int) -> None:
        task = site.task(database, kind, events=events, settings={"deadline_ms": 5000})
        command = [sys.executable, "-m", "torture.hosts.forking", task.to_line(), kind]
        process, _ = _start(site, database, command)
        code = process.wait(30 + events / 200)
        verdict.require(code == 0, f"{kind}: the script or one of its children ended with {code}")

    return host


def _end(process: subprocess.Popen[bytes], verdict: Verdict) -> None:
    process.terminate()
    began = time.monotonic()
    process.wait(30)
    seconds = time.monotonic() - began
    verdict.require(seconds < HANGS_AFTER_SECONDS, f"the host took {seconds:.1f} s to end")


HOSTS: dict[str, Callable[[Site, Database, Verdict, int], None]] = {
    "gunicorn --preload": _gunicorn,
    "Celery prefork": _celery,
    "multiprocessing": _script("multiprocessing"),
    "a tree of forks": _script("tree"),
}

FORKS = Scenario(
    "R4",
    "an event log made before fork(): gunicorn --preload, Celery, multiprocessing, a tree of forks",
    run,
    full=Size(events=10_000),
    short=Size(events=400),
)
