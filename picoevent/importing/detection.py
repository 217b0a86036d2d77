"""Which format a file is in, by its first lines and then by its name; where neither tells, it asks."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import PurePath

from picoevent.importing.access_log import AccessLogReader
from picoevent.importing.csv_lines import CsvReader
from picoevent.importing.faults import BadLine, UnreadableFile
from picoevent.importing.fields import EventFields
from picoevent.importing.line_file import LineFile, check_length
from picoevent.importing.ndjson import NdjsonReader, decode_object
from picoevent.importing.options import FileFormat, ImportOptions
from picoevent.importing.records import Reader

LINES_LOOKED_AT = 10

_READERS: dict[FileFormat, Callable[[ImportOptions], Reader]] = {
    FileFormat.NDJSON: NdjsonReader,
    FileFormat.CSV: CsvReader,
    FileFormat.ACCESS_LOG: AccessLogReader,
}
_SUFFIXES = {
    ".ndjson": FileFormat.NDJSON,
    ".jsonl": FileFormat.NDJSON,
    ".json": FileFormat.NDJSON,
    ".csv": FileFormat.CSV,
}


def open_reader(lines: LineFile, options: ImportOptions) -> Reader:
    """Return a reader of the format that the options name or the file shows; raise `UnreadableFile`."""
    file_format = options.file_format or detect_format(lines, options)
    return _READERS[file_format](options)


def detect_format(lines: LineFile, options: ImportOptions) -> FileFormat:
    """Return the format of a file; an empty one counts as NDJSON. Raise `UnreadableFile` with the choices."""
    first = lines.peek(LINES_LOOKED_AT)
    if not first:
        return FileFormat.NDJSON
    found = _by_content(first, options) or _by_name(lines.name)
    if first[0].strip() in {b"[", b"{"}:
        raise UnreadableFile(
            "this is one JSON document over several lines, not one object a line.",
            hint="Pipe it in line by line: jq -c '.[]' FILE | picoevent import -",
        )
    if found is None:
        raise UnreadableFile(
            "neither the name nor the first lines tell which format this is.",
            hint=f"Say it with --file-format: {', '.join(FileFormat)}.",
        )
    return found


def _by_content(first: list[bytes], options: ImportOptions) -> FileFormat | None:
    for line in filter(_is_short, first):
        if _is_readable(decode_object, line):
            return FileFormat.NDJSON
        if _is_readable(AccessLogReader(options).parse, line):
            return FileFormat.ACCESS_LOG
    if _is_short(first[0]) and _is_header(first[0], options):
        return FileFormat.CSV
    return None


def _by_name(name: str) -> FileFormat | None:
    path = PurePath(name.lower().removesuffix(".gz"))
    if path.suffix in _SUFFIXES:
        return _SUFFIXES[path.suffix]
    # Rotation puts numbers and dates behind the suffix: access.log.1, access_log-20150517.
    return FileFormat.ACCESS_LOG if path.name.startswith(("access.log", "access_log")) else None


def _is_short(line: bytes) -> bool:
    return _is_readable(check_length, line)


def _is_readable(read: Callable[[bytes], object], line: bytes) -> bool:
    try:
        read(line)
    except BadLine:
        return False
    return True


def _is_header(line: bytes, options: ImportOptions) -> bool:
    try:
        columns = next(csv.reader([line.decode()], strict=True), [])
    except (UnicodeDecodeError, csv.Error):
        return False
    return not EventFields(options).missing_columns([column.strip() for column in columns])
