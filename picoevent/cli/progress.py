"""Progress of long work on a terminal: a bar with the rate and the time left. Elsewhere nothing is drawn."""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click

from picoevent.cli.cells import shortened

Advance = Callable[[int, int | None, int], None]
"""Is told how much is done, of how much (None: not known), and how many events that were."""

BAR_WIDTH = 24
REDRAW_SECONDS = 0.1
SETTLED_SECONDS = 1.0
"""Before this the time left is not told: it would jump."""


@contextmanager
def progress_bar(label: str) -> Iterator[Advance]:
    """Show a bar on stderr while the block runs, and wipe it at the end; do nothing where that is no terminal."""
    if not sys.stderr.isatty():
        yield lambda _done, _total, _events: None
        return
    try:
        yield Bar(label).advance
    finally:
        wipe_bar()


def wipe_bar() -> None:
    """Empty the line of the bar, so that something else can be printed there; it comes back when it is drawn next."""
    if sys.stderr.isatty():
        click.echo("\r\033[2K", err=True, nl=False)


class Bar:
    """Draws one line again and again, a few times a second."""

    def __init__(self, label: str, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._label = label
        self._clock = clock
        self._started = clock()
        self._drawn = float("-inf")

    def advance(self, done: int, total: int | None, events: int) -> None:
        """Draw, unless that was just done."""
        now = self._clock()
        if now - self._drawn >= REDRAW_SECONDS:
            self._drawn = now
            line = shortened(self.line(done, total, events), shutil.get_terminal_size().columns - 1)
            click.echo(f"\r\033[2K{line}", err=True, nl=False)

    def line(self, done: int, total: int | None, events: int) -> str:
        """Return what stands there now."""
        seconds = self._clock() - self._started
        rate = f"{events:,} events, {events / max(seconds, 0.001):,.0f}/s"
        if not total:
            return f"{self._label}  {rate}"
        share = min(done / total, 1.0)
        bar = ("#" * round(share * BAR_WIDTH)).ljust(BAR_WIDTH, "-")
        left = f", {_words(seconds / share - seconds)} left" if share and seconds >= SETTLED_SECONDS else ""
        return f"{self._label}  [{bar}] {share:4.0%}  {rate}{left}"


def _words(seconds: float) -> str:
    if seconds < 90:  # noqa: PLR2004
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"  # noqa: PLR2004
