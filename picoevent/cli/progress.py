"""Progress of long work, with the rate and the time left: a bar on a terminal, and elsewhere a line now and then."""

from __future__ import annotations

import shutil
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click

from picoevent.cli.cells import shortened

Advance = Callable[[int, int | None, int], None]
"""Is told how much is done, of how much (None: not known), and how many events that were."""

BAR_WIDTH = 24
REDRAW_SECONDS = 0.1
LINE_SECONDS = 10.0
"""How often a line is printed where there is no terminal: work that is done sooner prints none."""
WINDOW_SECONDS = 10.0
"""Rate and time left are those of the last seconds: what was imported before goes by more quickly than the rest."""
SETTLED_SECONDS = 0.5
"""Before this the time left is not told: it would jump."""


@contextmanager
def progress_bar(label: str) -> Iterator[Advance]:
    """Show a bar on stderr while the block runs, and wipe it at the end; print lines where that is no terminal."""
    bar = Bar(label)
    if not sys.stderr.isatty():
        yield bar.advance_by_lines
        return
    try:
        yield bar.advance
    finally:
        wipe_bar()


def wipe_bar() -> None:
    """Empty the line of the bar, so that something else can be printed there; it comes back when it is drawn next."""
    if sys.stderr.isatty():
        click.echo("\r\033[2K", err=True, nl=False)


class Bar:
    """Tells in one line how far the work is."""

    def __init__(self, label: str, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._label = label
        self._clock = clock
        self._drawn = float("-inf")
        self._printed = clock()
        self._started = clock()
        self._seen: deque[tuple[float, int, int]] = deque([(self._started, 0, 0)])

    def advance(self, done: int, total: int | None, events: int) -> None:
        """Draw the line over the one before, unless that was just done."""
        now = self._clock()
        if now - self._drawn >= REDRAW_SECONDS:
            self._drawn = now
            line = shortened(self.line(done, total, events), shutil.get_terminal_size().columns - 1)
            click.echo(f"\r\033[2K{line}", err=True, nl=False)

    def advance_by_lines(self, done: int, total: int | None, events: int) -> None:
        """Print the line, unless one was printed in the last seconds."""
        now = self._clock()
        if now - self._printed >= LINE_SECONDS:
            self._printed = now
            click.echo(self.line(done, total, events), err=True)

    def line(self, done: int, total: int | None, events: int) -> str:
        """Return what stands there now."""
        now = self._clock()
        seconds, newly_done, newly_events = self._since_window_began(now, done, events)
        rate = f"{events:,} events, {newly_events / seconds:,.0f}/s"
        if not total:
            return f"{self._label}  {rate}"
        share = min(done / total, 1.0)
        bar = ("#" * round(share * BAR_WIDTH)).ljust(BAR_WIDTH, "-")
        told = newly_done and now - self._started >= SETTLED_SECONDS
        left = f", {_words(max(total - done, 0) * seconds / newly_done)} left" if told else ""
        return f"{self._label}  [{bar}] {share:4.0%}  {rate}{left}"

    def _since_window_began(self, now: float, done: int, events: int) -> tuple[float, int, int]:
        """Return the seconds since the window began, and how much was done in them, of the work and of the events."""
        while len(self._seen) > 1 and now - self._seen[1][0] >= WINDOW_SECONDS:
            self._seen.popleft()
        begun, done_then, events_then = self._seen[0]
        self._seen.append((now, done, events))
        return max(now - begun, 0.001), done - done_then, events - events_then


def _words(seconds: float) -> str:
    if seconds < 90:  # noqa: PLR2004
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"  # noqa: PLR2004
