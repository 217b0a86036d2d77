"""Benchmark `reports`: what a dashboard's questions cost, and what the fold costs that makes them cheap.

Each part starts a server of its own, and runs also by itself: `python -m bench reports.fold`.
"""

from __future__ import annotations

from bench.frame import Suite
from bench.reports_answers import ANSWERS
from bench.reports_beside import BESIDE
from bench.reports_fold import BINLOG, FOLD
from bench.reports_types import TYPES_PART

REPORTS = Suite(
    "reports",
    "Questions of a dashboard to 10,000,000 events, against plain SQL and DuckDB, and the fold: every part below.",
    (ANSWERS, TYPES_PART, FOLD, BINLOG, BESIDE),
)
