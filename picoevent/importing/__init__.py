"""Import of files: NDJSON, CSV and web-server access logs, plain or gzip, into an event log; repeatable."""

from __future__ import annotations

from picoevent.importing.faults import BadLine, ImportStopped, UnreadableFile
from picoevent.importing.importer import BATCH_EVENTS, import_files
from picoevent.importing.options import FileFormat, ImportOptions
from picoevent.importing.report import FileReport, ImportReport, LineProblem

__all__ = [
    "BATCH_EVENTS",
    "BadLine",
    "FileFormat",
    "FileReport",
    "ImportOptions",
    "ImportReport",
    "ImportStopped",
    "LineProblem",
    "UnreadableFile",
    "import_files",
]
