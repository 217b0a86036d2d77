"""Every report there is, by one line each; a name that is not here can't be asked for."""

from __future__ import annotations

from picoevent.report.frame import Report
from picoevent.report.series import SERIES
from picoevent.report.top_types import TOP_TYPES

REPORTS: tuple[Report, ...] = (
    SERIES,
    TOP_TYPES,
)
