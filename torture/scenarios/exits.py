"""R2: a program logs a burst and ends without a word; nothing is lost, and its end is not held up."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
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
        delays[state] = _end_all(site, database, verdict, state, kinds, size.events)
        verdict.trials += len(kinds)
    server.resume()
    database.drain()
    judge(verdict, database.account())
    for state, longest in LONGEST_EXIT_MS.items():
        slowest = max(delays[state])
        verdict.note(f"database {state}: {len(delays[state])} exits, slowest {slowest:.0f} ms")
        verdict.require_in_time(slowest <= site.bound(longest), f"database {state}: an exit took {slowest:.0f} ms")
    return verdict


def _end_all(
    site: Site, database: Database, verdict: Verdict, name: str, kinds: Sequence[tuple[str, str | None]], events: int
) -> list[float]:
    """Run the programs, some of them side by side; return how long their ends took, in milliseconds."""

    def end_one(number: int, kind: tuple[str, str | None]) -> float:
        ending, durability = kind
        task = site.task(database, f"{name}-{number}", events=events, durability=durability)
        command = [sys.executable, "-m", "torture.burst", task.to_line(), ending]
        code = subprocess.run(command, cwd=ROOT, stderr=subprocess.DEVNULL, timeout=120, check=False).returncode
        ended = time.time()
        verdict.require(code == EXIT_CODES[ending], f"a program that ends by {ending} had exit code {code}")
        return (ended - float(task.path("ended").read_text("ascii"))) * 1000

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(end_one, range(len(kinds)), kinds))


EXITS = Scenario(
    "R2",
    "a burst of 1,000, then return, sys.exit or an uncaught exception",
    run,
    full=Size(trials=200, events=1000),
    short=Size(trials=12, events=100),
)
