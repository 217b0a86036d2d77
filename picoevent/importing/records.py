"""What every file format gives: numbered events and bad lines, in the order of the file."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Protocol

from picoevent.importing.faults import BadLine
from picoevent.importing.line_file import Line, check_length
from picoevent.write.imported import Importable

Record = tuple[int, Importable | BadLine]
"""The number of the line where an event begins, and the event, or what is wrong with the line."""


class Reader(Protocol):
    """Reads one file of one format; it may remember what it saw of that file."""

    def read(self, lines: Iterable[Line]) -> Iterator[Record]:
        """Iterate over the events of all lines but blank ones; raise `UnreadableFile`, if at all, before the
        first.
        """
        ...


def parse_each(parse: Callable[[bytes], Importable], lines: Iterable[Line]) -> Iterator[Record]:
    """Iterate over the events of a format in which each line is one; `parse` raises `BadLine`."""
    for number, line in lines:
        if not line or line.isspace():
            continue
        try:
            check_length(line)
            yield number, parse(line)
        except BadLine as bad:
            yield number, bad
