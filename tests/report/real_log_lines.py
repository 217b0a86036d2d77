"""The lines of a real access log as a regular expression reads them: what is expected owes nothing to the import."""

from __future__ import annotations

import gzip
import re
from dataclasses import dataclass
from datetime import datetime

_LINE = re.compile(r'(\S+) \S+ \S+ \[([^]]+)] "(\S+) (\S+) \S+" (\d{3}) (?:\d+|-) "[^"]*" "[^"]*"')


@dataclass(frozen=True)
class Line:
    """One whole line; the one that is cut off is left out."""

    at: datetime
    ip: str
    method: str
    path: str
    status: str


def read_lines(path):
    """Return the lines of the file, in its order."""
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        found = [_LINE.match(line) for line in lines]
    return [
        Line(datetime.strptime(one[2], "%d/%b/%Y:%H:%M:%S %z"), one[1], one[3], one[4], one[5])
        for one in found
        if one is not None
    ]
