"""Tables in CSV: a header that names columns, then one event a record; quoted fields may hold line feeds."""

from __future__ import annotations

import csv
import re
import threading
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from picoevent.event import NewEvent
from picoevent.importing.faults import BadLine, UnreadableFile
from picoevent.importing.fields import EventFields
from picoevent.importing.line_file import MAX_LINE_BYTES, GrowingLine, Line, check_finished, check_length
from picoevent.importing.ndjson import decode_object
from picoevent.importing.options import ImportOptions
from picoevent.importing.records import Record

MAX_RECORD_BYTES = MAX_LINE_BYTES
"""A record of several lines that is longer is taken for a quote that was never closed."""

_LINE_OVERHEAD = 32
"""What a line counts beside its bytes, so that a record of many empty lines is bounded in memory too."""
_MAX_REPETITION = 16
"""Of the bytes of a file this many times as many are read again at most, after quotes that are not closed."""

_INTEGER = re.compile(r"-?[1-9]\d{0,14}|0", re.ASCII)
_DECIMAL = re.compile(r"-?(?:0|[1-9]\d{0,14})\.\d{1,15}", re.ASCII)
_USER_NUMBER = re.compile(r"[1-9]\d{0,18}|0", re.ASCII)
_MAX_USER_NUMBER = (1 << 62) - 1


class CsvReader:
    """Reads comma-separated values in UTF-8; the columns are the keys of `EventFields`.

    A column `data` holds JSON. Elsewhere a text becomes a number where writing that number gives the same
    text again: `42`, `-1.5`, but not `007`, `1.50`, `1e5`. An empty field is left out. A record with a quote
    that is not closed is bad by itself; the lines below it are read as records of their own. A record that
    ends with a `GrowingLine` is bad, since no last field shows whether it is whole.
    """

    def __init__(self, options: ImportOptions) -> None:
        self._fields = _CsvFields(options)

    def read(self, lines: Iterable[Line]) -> Iterator[Record]:
        """Iterate over the events of all records; raise `UnreadableFile` for a header that can't be used."""
        records = _records(_RecordLines(lines))
        with _field_limit.raised():
            columns = self._read_header(next(records, None))
            for number, row in records:
                yield number, row if isinstance(row, BadLine) else self._event(columns, row)

    def _event(self, columns: list[str], row: list[str]) -> NewEvent | BadLine:
        try:
            return self._fields.event(_by_column(columns, row))
        except BadLine as bad:
            return bad

    def _read_header(self, header: tuple[int, list[str] | BadLine] | None) -> list[str]:
        if header is None:
            return []
        number, columns = header
        if isinstance(columns, BadLine):
            raise UnreadableFile(f"the CSV header in line {number} cannot be read: {columns}.")
        names = [column.strip() for column in columns]
        if "" in names or len(set(names)) < len(names):
            raise UnreadableFile(f"the CSV header in line {number} has unnamed or equal columns.")
        if missing := self._fields.missing_columns(names):
            raise UnreadableFile(f"the CSV header in line {number} has {missing}.")
        return names


class _CsvFields(EventFields):
    """In CSV all is text: users and data become numbers where they clearly are, data is JSON."""

    def user(self, value: object) -> int | str | None:
        text = super().user(value)
        if isinstance(text, str) and _USER_NUMBER.fullmatch(text) and int(text) <= _MAX_USER_NUMBER:
            return int(text)
        return text

    def data(self, value: object) -> dict[str, object] | None:
        if not isinstance(value, str) or not value:
            return None
        try:
            return decode_object(value.encode())
        except BadLine as bad:
            raise BadLine(f"in the column data: {bad}") from None

    def whole_data(self, found: dict[str, object]) -> dict[str, object]:
        return {column: _number_or_text(value) for column, value in found.items() if value}


def _number_or_text(value: object) -> object:
    if isinstance(value, str):
        if _INTEGER.fullmatch(value):
            return int(value)
        if _DECIMAL.fullmatch(value) and repr(float(value)) == value:
            return float(value)
    return value


def _by_column(columns: list[str], row: list[str]) -> dict[str, object]:
    if len(row) != len(columns):
        raise BadLine(f"{len(row)} fields, where the header names {len(columns)} columns")
    # An empty data column is no data; were it left out, the other columns would be taken for data.
    return {column: text for column, text in zip(columns, row, strict=True) if text or column == "data"}


class _FieldLimit:
    """The csv module's limit for a field, one for the whole process: raised while tables are being read."""

    def __init__(self) -> None:
        # A generator that was left alone may end at any moment, in the thread that holds the lock too.
        self._lock = threading.RLock()
        self._readers = 0
        self._before = 0

    @contextmanager
    def raised(self) -> Iterator[None]:
        """Let a field be as long as a record; what was the limit before is so again after the last reader."""
        with self._lock:
            if not self._readers:
                self._before = csv.field_size_limit()
                csv.field_size_limit(max(self._before, MAX_RECORD_BYTES))
            self._readers += 1
        try:
            yield
        finally:
            with self._lock:
                self._readers -= 1
                if not self._readers:
                    csv.field_size_limit(self._before)


_field_limit = _FieldLimit()


class _RecordLines:
    """Gives the csv module its lines, remembers which ones went into a record, and gives them again if need
    be.
    """

    def __init__(self, lines: Iterable[Line]) -> None:
        self._lines = iter(lines)
        self._again: deque[Line] = deque()
        self._taken: list[Line] = []
        self._taken_bytes = 0
        self._bytes_once = 0
        self._bytes_again = 0

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        if self._taken and self._bytes_again > _MAX_REPETITION * self._bytes_once:
            raise BadLine("a quoted field is not closed in its line, after many that were not closed at all")
        line = self._take()
        if len(self._taken) > 1 and self._taken_bytes > MAX_RECORD_BYTES:
            raise BadLine(f"a quoted field is not closed within {MAX_RECORD_BYTES // 1024 // 1024} MB")
        check_length(line[1])
        try:
            return line[1].decode() + "\n"
        except UnicodeDecodeError as error:
            raise BadLine(f"byte {error.start} of line {line[0]} is not UTF-8 ({error.reason})") from None

    def _take(self) -> Line:
        again = bool(self._again)
        line = self._again.popleft() if again else next(self._lines)
        self._taken.append(line)
        size = len(line[1]) + _LINE_OVERHEAD
        self._taken_bytes += size
        if again:
            self._bytes_again += size
        else:
            self._bytes_once += size
        return line

    def begin(self) -> None:
        """Forget the lines of the record before."""
        self._taken.clear()
        self._taken_bytes = 0

    def check_finished(self) -> None:
        """Raise `BadLine` for a record that ends with the unfinished last line of a file."""
        last = self._taken[-1][1]
        # Tables often lack their last line feed, unlike logs: only one that is being written is doubted.
        if isinstance(last, GrowingLine):
            check_finished(last)

    def first_number(self) -> int:
        """Return the number of the line with which the record begins."""
        return self._taken[0][0]

    def repeat_all_but_first(self) -> None:
        """Give the lines below the first one of this record again."""
        self._again.extendleft(reversed(self._taken[1:]))


def _records(lines: _RecordLines) -> Iterator[tuple[int, list[str] | BadLine]]:
    reader = csv.reader(lines, strict=True)
    while True:
        lines.begin()
        try:
            row = next(reader)
        except StopIteration:
            return
        except (csv.Error, BadLine) as error:
            yield lines.first_number(), _bad_record(error)
            lines.repeat_all_but_first()
            continue
        if any(map(str.strip, row)):
            yield lines.first_number(), _finished(lines, row)


def _finished(lines: _RecordLines, row: list[str]) -> list[str] | BadLine:
    try:
        lines.check_finished()
    except BadLine as bad:
        return bad
    return row


def _bad_record(error: csv.Error | BadLine) -> BadLine:
    if isinstance(error, BadLine):
        return error
    if "unexpected end of data" in str(error):
        return BadLine("a quoted field is not closed before the file ends")
    return BadLine(f"not CSV: {error}")
