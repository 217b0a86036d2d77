"""What a benchmark says while it works: lines on standard error, and one that counts, only on a terminal."""

from __future__ import annotations

import sys
import time
from typing import TextIO


class Progress:
    """Tell what is being done, with the seconds since the start; the rows themselves go to standard output."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = sys.stderr if stream is None else stream
        self._started = time.monotonic()
        self._counting = False

    def say(self, what: str) -> None:
        """Write one line."""
        self.end()
        self._stream.write(f"{self._stamp()} {what}\n")
        self._stream.flush()

    def count(self, what: str, done: int, total: int) -> None:
        """Write how far it is, over the count before; nothing where no terminal shows it."""
        if self._stream.isatty():
            self._stream.write(f"\r{self._stamp()} {what}: {done:,} of {total:,}")
            self._stream.flush()
            self._counting = True

    def end(self) -> None:
        """End the line of a count, where there is one."""
        if self._counting:
            self._stream.write("\n")
            self._counting = False

    def _stamp(self) -> str:
        return f"[{time.monotonic() - self._started:4.0f} s]"
