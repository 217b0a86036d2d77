"""`python -m bench` lists the benchmarks; `python -m bench NAME [--json] [--quick]` runs one and prints its rows.

Exit code 0: every target holds; 1: a row falls short; 2: nothing was measured; 130: interrupted.
"""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Sequence

from bench.catalogue import BENCHMARKS
from bench.frame import Benchmark, Row, Suite
from bench.progress import Progress
from bench.table import to_json, to_line, to_table, verdict
from picoevent.errors import PicoEventError

FALLS_SHORT, NOT_MEASURED, INTERRUPTED = 1, 2, 130


def main(arguments: Sequence[str] | None = None, *, benchmarks: Sequence[Benchmark | Suite] = BENCHMARKS) -> int:
    """List or run as the arguments say, and return the exit code."""
    asked = _parser().parse_args(arguments)
    if asked.name is None:
        print(_listing(benchmarks))
        return 0
    named = {benchmark.name: benchmark for benchmark in benchmarks}
    if asked.name not in named:
        return _complain(f"there is no benchmark {asked.name!r}; there are: {', '.join(named)}", NOT_MEASURED)
    try:
        rows = _run(named[asked.name], quick=asked.quick)
    except PicoEventError as error:
        return _complain(str(error), NOT_MEASURED)
    except KeyboardInterrupt:
        return _complain("interrupted; its servers and their folders are gone", INTERRUPTED)
    print(to_json(rows) if asked.json else f"{to_table(rows)}\n\n{verdict(rows)}")
    return 0 if all(row.holds for row in rows) else FALLS_SHORT


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m bench", description="Measure PicoEvent against a baseline that runs in the same minute."
    )
    parser.add_argument("name", nargs="?", help="the benchmark to run; without it, all are listed")
    parser.add_argument("--json", action="store_true", help="print the rows as a JSON list of objects")
    parser.add_argument("--quick", action="store_true", help="work on less data, for a first look")
    return parser


def _listing(benchmarks: Sequence[Benchmark | Suite]) -> str:
    width = max(len(benchmark.name) for benchmark in benchmarks)
    return "\n".join(f"{benchmark.name:<{width}}  {benchmark.description}" for benchmark in benchmarks)


def _run(benchmark: Benchmark | Suite, *, quick: bool) -> list[Row]:
    progress = Progress()
    progress.say(f"{benchmark.name}: {benchmark.description}")
    rows: list[Row] = []
    try:
        for row in benchmark.rows(progress, quick=quick):
            progress.say(to_line(row))
            rows.append(row)
        return rows
    finally:
        progress.end()


def _complain(message: str, exit_code: int) -> int:
    print(f"error: {message}", file=sys.stderr)
    return exit_code


if __name__ == "__main__":
    # A run that is told to end leaves as with Ctrl-C: its servers stop, and their folders are deleted.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    sys.exit(main())
