"""Every benchmark there is; a new one is one more name in the tuple."""

from __future__ import annotations

from bench.frame import Benchmark, Suite
from bench.ingest import INGEST
from bench.pages import PAGES
from bench.reports import REPORTS

BENCHMARKS: tuple[Benchmark | Suite, ...] = (PAGES, INGEST, *INGEST.parts, REPORTS, *REPORTS.parts)
