"""Ctrl-C and SIGTERM as a wish that work between two steps asks about, so that nothing is torn in the middle."""

from __future__ import annotations

import signal
from types import FrameType, TracebackType
from typing import Self

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interruption:
    """Notes signals while the block runs; the second one interrupts at once, for work that hangs."""

    def __init__(self) -> None:
        self.wished = False
        self._before = {number: signal.getsignal(number) for number in SIGNALS}

    def check(self) -> None:
        """Raise `KeyboardInterrupt` where somebody wishes to stop."""
        if self.wished:
            raise KeyboardInterrupt

    def __enter__(self) -> Self:
        for number in SIGNALS:
            signal.signal(number, self._note)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _note(self, _number: int, _frame: FrameType | None) -> None:
        if self.wished:
            raise KeyboardInterrupt
        self.wished = True
