"""`python -m torture [--only R3] [--seed N] [--short] [--write]` runs the scenarios and prints a verdict for each.

Exit code 0: all hold; 1: one falls short; 2: one could not be run; 130: interrupted.
"""

from __future__ import annotations

import argparse
import logging
import random
import signal
import subprocess
import sys
import traceback
from collections.abc import Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from zlib import crc32

from bench.progress import Progress
from picoevent.testing.servers import MariaDBAddress, MariaDBServer, PrivateServerError
from torture.catalogue import SCENARIOS
from torture.frame import Scenario, Verdict
from torture.site import Site
from torture.table import Result, summary, to_markdown, to_text

FALLS_SHORT, NOT_RUN, INTERRUPTED = 1, 2, 130
ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "torture.md"
MARK = "<!-- Written by `make torture ARGS=--write`; what stands below is not edited by hand. -->"


def main(arguments: Sequence[str] | None = None, *, scenarios: Sequence[Scenario] = SCENARIOS) -> int:
    """Run what the arguments say, and return the exit code."""
    asked = _parser().parse_args(arguments)
    chosen = [scenario for scenario in scenarios if not asked.only or scenario.name in asked.only]
    if unknown := set(asked.only or ()) - {scenario.name for scenario in scenarios}:
        names = ", ".join(scenario.name for scenario in scenarios)
        return _complain(f"there is no scenario {min(unknown)!r}; there are: {names}", NOT_RUN)
    seed = random.SystemRandom().getrandbits(32) if asked.seed is None else asked.seed
    try:
        results = _run_all(chosen, seed, short=asked.short)
    except PrivateServerError as error:
        return _complain(str(error), NOT_RUN)
    except KeyboardInterrupt:
        return _complain("interrupted; its servers and their folders are gone", INTERRUPTED)
    print(f"{to_text(results)}\n\n{summary(results)} Seed {seed}.")
    if asked.write:
        _write(results, seed)
    return 0 if all(verdict.holds for _, verdict in results) else FALLS_SHORT


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m torture", description="Harm PicoEvent in every way it has to survive, and count what is lost."
    )
    parser.add_argument("--only", action="append", metavar="NAME", help="run this scenario; can be given again")
    parser.add_argument("--seed", type=int, help="repeat the choices of another run; without it they are drawn")
    parser.add_argument("--short", action="store_true", help="as long as in the tests, instead of full length")
    parser.add_argument("--write", action="store_true", help="put the table into docs/torture.md")
    return parser


def _run_all(chosen: Sequence[Scenario], seed: int, *, short: bool) -> list[Result]:
    progress = Progress()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="picoevent-torture-")))
        progress.say(f"seed {seed}; starting a private MariaDB")
        shared = stack.enter_context(MariaDBServer())
        run = partial(_run, folder=folder, seed=seed, shared=shared, short=short)
        results = []
        for scenario in chosen:
            progress.say(f"{scenario.name}: {scenario.title}")
            verdict = run(scenario)
            progress.say(
                f"{scenario.name}: {'pass' if verdict.holds else 'FAIL: ' + '; '.join(verdict.failures + verdict.late)}"
            )
            results.append((scenario, verdict))
        return results


def _run(scenario: Scenario, *, folder: Path, seed: int, shared: MariaDBServer, short: bool) -> Verdict:
    def address() -> MariaDBAddress:
        return shared.address

    place = folder / scenario.name
    place.mkdir()
    # Each scenario its own numbers, so that `--only` with the same seed does the same.
    with Site(place, seed ^ crc32(scenario.name.encode()), address, precise=not short) as site:
        try:
            return scenario.run(site, scenario.short if short else scenario.full)
        except PrivateServerError:
            raise
        except Exception as error:  # noqa: BLE001  # the other scenarios are still to come
            # Something hung, or did not come, or broke: what was counted until then is not known here.
            traceback.print_exc()
            return Verdict(failures=[f"{type(error).__name__}: {error}"])


def _write(results: Sequence[Result], seed: int) -> None:
    head, mark, _ = PAGE.read_text("utf-8").partition(MARK)
    command = ["git", "describe", "--always", "--dirty"]
    commit = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()
    when = datetime.now(UTC).date()
    run = f"Run on {when} at commit {commit} with seed {seed}. {summary(results)}"
    PAGE.write_text(f"{head}{mark or MARK}\n\n{run}\n\n{to_markdown(results)}\n", "utf-8")


def _complain(message: str, exit_code: int) -> int:
    print(f"error: {message}", file=sys.stderr)
    return exit_code


if __name__ == "__main__":
    # A run that is told to end leaves as with Ctrl-C: its servers stop, and their folders are deleted.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    # Thousands of refusals are what it is about; they are counted, and not told one by one.
    logging.getLogger("picoevent").addHandler(logging.NullHandler())
    sys.exit(main())
