"""R2: a program logs a burst and ends without a word; nothing is lost, and its end is not held up."""

from __future__ import annotations

import subprocess
import sys
import time
from itertools import cycle, islice, product

from torture.account import judge
from torture.burst import ENDINGS
from torture.frame import Scenario, Size, Verdict
from torture.nursery import ROOT
from torture.site import Database, Site

LONGEST_EXIT_MS = {"up": 1000, "down": 2000, "frozen": 2000}
EXIT_CODES = dict(zip(ENDINGS, (0, 3, 1), strict=True))
AT_ONCE = 2


def run(site: Site, size: Size) -> Verdict:
    """End programs in each way, with each durability, while the server is up, down and frozen."""
    verdict = Verdict()
    server = site.mariadb(durable=False)
    database = site.database(server.address)
    delays: dict[str, list[float]] = {}
    for state in LONGEST_EXIT_MS:
        if state == "down":
            server.stop()
        elif state == "frozen":
            server.start()
            server.pause()
        kinds = list(islice(cycle(product(ENDINGS, (None, "spool"))), max(2, size.trials // 3)))
        delays[state] = [
            delay
            for first in range(0, len(kinds), AT_ONCE)
            for delay in _end(site, database, verdict, f"{state}-{first}", kinds[first : first + AT_ONCE], size)
        ]
    server.resume()
    database.drain()
    judge(verdict, database.account())
    for state, longest in LONGEST_EXIT_MS.items():
        slowest = max(delays[state])
        verdict.note(f"database {state}: {len(delays[state])} exits, slowest {slowest:.0f} ms")
        verdict.require(slowest <= site.bound(longest), f"database {state}: an exit took {slowest:.0f} ms")
    return verdict


def _end(
    site: Site, database: Database, verdict: Verdict, name: str, kinds: list[tuple[str, str | None]], size: Size
) -> list[float]:
    """Run some of them side by side; return how long their ends took, in milliseconds."""
    started = []
    for number, (ending, durability) in enumerate(kinds):
        task = site.task(database, f"{name}-{number}", events=size.events, durability=durability)
        command = [sys.executable, "-m", "torture.burst", task.to_line(), ending]
        process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL)
        started.append((task, ending, process))
    delays = []
    for task, ending, process in started:
        code = process.wait(120)
        ended = time.time()
        verdict.require(code == EXIT_CODES[ending], f"a program that ends by {ending} had exit code {code}")
        delays.append((ended - float(task.path("ended").read_text("ascii"))) * 1000)
        verdict.trials += 1
    return delays


EXITS = Scenario(
    "R2",
    "a burst of 1,000, then return, sys.exit or an uncaught exception",
    run,
    full=Size(trials=200, events=1000),
    short=Size(trials=12, events=100),
)
