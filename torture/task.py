"""What one worker is told to do, as values that travel to its process in a line of JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Task:
    """Log events with payloads of their own, and write down what was sent, and what was acknowledged.

    Goes on until `events` are sent or `seconds` are over (0: no such end), or until it gets SIGUSR1.
    """

    name: str
    url: str
    folder: str
    settings: Mapping[str, str | int | bool] = field(default_factory=dict)
    events: int = 0
    seconds: float = 0.0
    per_second: float = 0.0
    """Calls a second of each thread; 0: as fast as they return."""
    threads: int = 1
    batch: int = 1
    """Events a call: one with `log`, more with `log_many`."""
    durability: str | None = None
    payload_bytes: int = 100
    event_types: int = 1
    first_type: int = 0
    """The one to begin with; they are taken in turn."""
    text_users: int = 0
    """How many texts are shared as users; 0: a number a user."""
    exit_after: float = 0.0
    """When the process ends itself by `os._exit`, in seconds; 0: never."""
    close_seconds: float = 5.0
    hours_back: int = 0
    """Events carry times of up to so many hours ago, by chance; 0: they happen now."""
    fold_speed: float = 0.0
    """Fold instead of logging, by a clock that runs so many times as fast, from `fold_since` on; 0: log."""
    fold_since: float = 0.0
    """The Unix second at which that clock and the true one agree."""
    control: str = ""
    """Name of a socket to take orders from, instead of going on by itself."""

    def path(self, ending: str) -> Path:
        """Return a file of this worker: `trace`, `calls` or `report`."""
        return Path(self.folder) / f"{self.name}.{ending}"

    def to_line(self) -> str:
        """Return the task in one line."""
        return json.dumps(asdict(self))

    @classmethod
    def from_line(cls, line: str) -> Task:
        """Return the task of a line."""
        return cls(**json.loads(line))
