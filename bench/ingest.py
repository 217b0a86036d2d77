"""Benchmark `ingest`: how fast events are stored, what that costs the caller, and how they lie in the tables then.

Each part starts a server of its own, and runs also by itself: `python -m bench ingest.log`.
"""

from __future__ import annotations

from bench.frame import Suite
from bench.ingest_backlog import BACKLOG
from bench.ingest_durable import DURABLE, ROW_BYTES
from bench.ingest_import import IMPORT
from bench.ingest_log import CPU, LOG, SPOOL, THREADS_PART
from bench.ingest_paced import PACED

INGEST = Suite(
    "ingest",
    "Storing events, against the same rows written by hand: every part below, in about ten minutes.",
    (DURABLE, ROW_BYTES, PACED, IMPORT, SPOOL, LOG, THREADS_PART, CPU, BACKLOG),
)
