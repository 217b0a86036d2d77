"""What the demo says to somebody who sees PicoEvent for the first time."""

from __future__ import annotations

import shlex
import shutil
import sys
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING

from picoevent.demo.place import ANALYST
from picoevent.demo.run import events_per_second
from picoevent.demo.shop import story

if TYPE_CHECKING:
    from collections.abc import Iterable

    from picoevent.demo.history import Span
    from picoevent.demo.place import DemoPlace

SHOWN_STORIES = 6


def length_of(span: Span) -> str:
    """Return how long a span is, in words."""
    seconds = (span.end - span.begin).total_seconds()
    for size, word in ((86_400, "days"), (3600, "hours")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {word}"
    return f"{max(seconds / 60, 1):.0f} minutes"


def command() -> str:
    """Return how the command line is called from another terminal, ready to be pasted."""
    here = Path(sys.argv[0]).absolute()
    found = shutil.which("picoevent")
    if found is not None and Path(found).resolve() == here.resolve():
        return "picoevent"
    if here.name == "picoevent":
        return shlex.quote(str(here))
    return f"{shlex.quote(sys.executable)} -m picoevent"


def how_to_log(place: DemoPlace) -> str:
    """Return a command that logs an event into the demo."""
    return f'{command()} --url {shlex.quote(place.url)} log hello.world \'{{"mood": "curious"}}\' --user 7'


def how_to_get_a_link(place: DemoPlace, url: str) -> str:
    """Return a command that prints another link to sign in with."""
    return f"{command()} --url {shlex.quote(place.url)} analyst link {ANALYST} --address {url}"


def how_to_go_on(place: DemoPlace) -> str:
    """Return what to do with a demo that is filled and not served."""
    return _paragraphs(
        ("See it on the command line:", [f"{command()} --url {shlex.quote(place.url)} events --type order.paid"]),
        ("Open it to the browser:", [f"{command()} demo --file {shlex.quote(str(place.path))}"]),
    )


def welcome(place: DemoPlace, spans: Iterable[Span], url: str, sign_in_url: str) -> str:
    """Return where the pages are, how to get in, and what to look for."""
    filled = list(spans)
    told = [line for span in filled for line in story(span.begin, span.end)][-SHOWN_STORIES:]
    width = max(40, shutil.get_terminal_size().columns - 4)
    lines = [part for line in told for part in textwrap.wrap(line, width, subsequent_indent="  ")]
    per_minute = events_per_second(filled[-1].events_per_day) * 60
    return _paragraphs(
        (f"PicoEvent is at {url}", []),
        ("Sign in with this link, which works once:", [sign_in_url]),
        ("For another one, from another terminal:", [how_to_get_a_link(place, url)]),
        ("Log an event of your own, from another terminal, and find it on the first page:", [how_to_log(place)]),
        ("Something happened in this shop. See whether you find it:" if lines else "", lines),
        (f"The shop goes on: some {per_minute:.0f} events a minute. Ctrl-C stops everything.", []),
    )


def _paragraphs(*paragraphs: tuple[str, list[str]]) -> str:
    blocks = ["\n".join([title, *(f"  {line}" for line in lines)]) for title, lines in paragraphs if title]
    return "\n" + "\n\n".join(blocks)
