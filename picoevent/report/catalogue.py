"""Every report there is, by one line each; a name that is not here can't be asked for."""

from __future__ import annotations

from picoevent.report.breakdown import BREAKDOWN
from picoevent.report.compare import COMPARE
from picoevent.report.frame import Report
from picoevent.report.funnel import FUNNEL
from picoevent.report.gaps import INTERVALS
from picoevent.report.goals import GOALS
from picoevent.report.heatmap import HEATMAP
from picoevent.report.history import HISTORY
from picoevent.report.realtime import REALTIME
from picoevent.report.retention import RETENTION
from picoevent.report.series import SERIES
from picoevent.report.sessions import SESSIONS
from picoevent.report.suspicious import SUSPICIOUS
from picoevent.report.top_types import TOP_TYPES
from picoevent.report.top_users import TOP_USERS
from picoevent.report.top_values import TOP_VALUES
from picoevent.report.types_seen import TYPES_SEEN
from picoevent.report.uniques import UNIQUES
from picoevent.report.user_timeline import USER_TIMELINE

REPORTS: tuple[Report, ...] = (
    SERIES,
    TOP_TYPES,
    TOP_VALUES,
    BREAKDOWN,
    UNIQUES,
    COMPARE,
    REALTIME,
    HEATMAP,
    TYPES_SEEN,
    TOP_USERS,
    USER_TIMELINE,
    HISTORY,
    GOALS,
    FUNNEL,
    RETENTION,
    SESSIONS,
    INTERVALS,
    SUSPICIOUS,
)
