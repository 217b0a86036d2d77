"""What an import did, per file and in all: a value to show, it prints nothing."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from picoevent.errors import RejectReason

KEPT_PROBLEMS = 100
"""How many bad lines of a file are kept with their reason; all are counted, and told as they occur."""


@dataclass(frozen=True, slots=True)
class LineProblem:
    """A line that was not stored; `refused` is None where the line itself could not be read."""

    file: str
    line: int
    reason: str
    refused: RejectReason | None = None

    def __str__(self) -> str:
        return f"{self.file}, line {self.line}: {self.reason}"


@dataclass(slots=True)
class FileReport:
    """What happened to one file.

    `stored` events are new, `already` ones were in the store before, `refused` ones were read but not
    accepted, `bad` lines could not be read. `trouble` is empty, or tells why the file was not read, or not to
    its end.
    """

    file: str
    lines: int = 0
    stored: int = 0
    already: int = 0
    refused: Counter[RejectReason] = field(default_factory=Counter)
    bad: int = 0
    problems: list[LineProblem] = field(default_factory=list)
    seconds: float = 0.0
    trouble: str = ""

    @property
    def events(self) -> int:
        """All events that could be read."""
        return self.stored + self.already + self.refused.total()

    def add_problem(self, problem: LineProblem) -> None:
        """Count a line that was not stored, and keep it if it is one of the first."""
        if problem.refused is None:
            self.bad += 1
        else:
            self.refused[problem.refused] += 1
        if len(self.problems) < KEPT_PROBLEMS:
            self.problems.append(problem)


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What happened to all files of one import; the figures are sums over `files`.

    `note` says why batches could not be loaded with LOAD DATA; empty where they were, and where there is no such thing.
    """

    files: tuple[FileReport, ...]
    note: str = ""

    @property
    def lines(self) -> int:
        """All lines, blank ones too."""
        return sum(file.lines for file in self.files)

    @property
    def stored(self) -> int:
        """Events that are new in the store."""
        return sum(file.stored for file in self.files)

    @property
    def already(self) -> int:
        """Events that were in the store before."""
        return sum(file.already for file in self.files)

    @property
    def refused(self) -> Counter[RejectReason]:
        """Events that were read but not accepted, by reason."""
        return sum((file.refused for file in self.files), Counter())

    @property
    def bad(self) -> int:
        """Lines that could not be read."""
        return sum(file.bad for file in self.files)

    @property
    def seconds(self) -> float:
        """How long it took."""
        return sum(file.seconds for file in self.files)

    @property
    def events_per_second(self) -> float:
        """Events that were read, in a second."""
        return sum(file.events for file in self.files) / self.seconds if self.seconds else 0.0

    @property
    def complete(self) -> bool:
        """Whether every line of every file is in the store now."""
        return not (self.bad or self.refused or any(file.trouble for file in self.files))
