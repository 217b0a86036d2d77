"""What tests of PicoEvent, and of programs that use it, start and hold: doubles here, real servers in `servers`."""

from __future__ import annotations

from picoevent.testing.doubles import FakeClock, FlakyStore

__all__ = ["FakeClock", "FlakyStore"]
