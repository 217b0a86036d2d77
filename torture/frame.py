"""What a scenario is: a named fault, a run that counts, and the verdict that comes of it.

Not what happens in one (`torture.scenarios`), and not how verdicts are shown (`torture.table`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torture.site import Site


@dataclass(frozen=True, slots=True)
class Size:
    """How long a scenario goes on; each takes from it what it needs."""

    trials: int = 1
    events: int = 0
    seconds: float = 0.0


@dataclass(slots=True)
class Verdict:
    """What a scenario has counted, what it has to say, and in what it fell short."""

    trials: int = 0
    sent: int = 0
    acked: int = 0
    lost: int = 0
    duplicated: int = 0
    pending_twice: int = 0
    notes: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    late: list[str] = field(default_factory=list)
    """What took longer than it may; on a machine that is shared, the one thing that a second try may judge better."""

    @property
    def holds(self) -> bool:
        """Whether every figure of the scenario was kept."""
        return not (self.failures or self.late)

    def require(self, holds: bool, otherwise: str) -> None:  # noqa: FBT001  # reads as `assert` does
        """Note what fell short, unless it holds."""
        if not holds and otherwise not in self.failures:
            self.failures.append(otherwise)

    def require_in_time(self, holds: bool, otherwise: str) -> None:  # noqa: FBT001  # reads as `assert` does
        """Note what took too long, unless it holds."""
        if not holds and otherwise not in self.late:
            self.late.append(otherwise)

    def fail(self, what: str) -> None:
        """Note what must not be."""
        self.require(False, what)  # noqa: FBT003  # reads as `assert False`

    def note(self, text: str) -> None:
        """Keep a figure to be read beside the verdict."""
        self.notes.append(text)


@dataclass(frozen=True, slots=True)
class Scenario:
    """A fault by its name; `run` starts what it needs, and leaves nothing behind."""

    name: str
    title: str
    run: Callable[[Site, Size], Verdict]
    full: Size
    short: Size
