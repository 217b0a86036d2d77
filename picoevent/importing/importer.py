"""Bring files into an event log: read, count equal lines, store batch by batch. Repeating it stores nothing
twice.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import chain
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, NamedTuple

from picoevent.errors import StoreUnavailable
from picoevent.importing.detection import open_reader
from picoevent.importing.faults import BadLine, ImportStopped, UnreadableFile
from picoevent.importing.line_file import LineFile, name_of, open_lines, size_on_disk
from picoevent.importing.occurrences import OccurrenceCounter
from picoevent.importing.options import ImportOptions
from picoevent.importing.records import Record
from picoevent.importing.report import FileReport, ImportReport, LineProblem

if TYPE_CHECKING:
    from concurrent.futures import Future

    from picoevent.eventlog import EventLog
    from picoevent.write.bulk import BulkImport, ImportResult
    from picoevent.write.imported import Importable

FIRST_BATCH_EVENTS, BATCH_EVENTS = 1000, 5000
"""A batch is twice as large as the one before: so there is progress in the first moment, and a pipe that gives little
does not wait for much."""
BATCH_BYTES = 4 * 1024 * 1024
"""A batch ends with the line that makes its lines this long, so that long lines fill neither the memory nor the
transactions of a binary log."""
IN_FLIGHT = 2
"""Batches that are being stored, or wait for it, while the next one is read."""

Progress = Callable[[int, int | None, int], None]
"""Is told, after each batch, the bytes done, all bytes (None where a pipe is among the files), and the events
so far.
"""


class _Submitted(NamedTuple):
    """A batch on its way: the numbers of its lines, what it will have become, and how far the file was read."""

    report: FileReport
    numbers: list[int]
    result: Future[ImportResult]
    lines: int
    bytes_done: int


def import_files(
    events: EventLog,
    paths: Sequence[str | Path],
    options: ImportOptions | None = None,
    *,
    on_progress: Progress | None = None,
    on_bad_line: Callable[[LineProblem], None] | None = None,
) -> ImportReport:
    """Store the events of files, `-` being standard input, and tell what became of every line.

    A line that can't be read or is refused is reported and does not stop the rest, nor does a file that can't
    be read. Raises `ImportStopped` when the store goes away. Equal lines of one file are events of their own;
    a file that was imported before, wholly or in part, is completed and not repeated.

    A file may still be written while it is read. A last line without a line feed is a bad line where it could be
    the beginning of a longer one: in an access log that was modified in the last minute, unless it ends with a
    quote, and in CSV that was written to while it was read. Not on standard input or in a pipe.

    The price of not repeating: equal lines are counted for each file by itself. Where a log was rotated in the
    middle of a second and both files hold an equal line of that second, these lines are taken for one.
    """
    return _Import(events, options or ImportOptions(), on_progress, on_bad_line).run(paths)


class _Import:
    def __init__(
        self,
        events: EventLog,
        options: ImportOptions,
        on_progress: Progress | None,
        on_bad_line: Callable[[LineProblem], None] | None,
    ) -> None:
        self._events = events
        self._options = options
        self._on_progress = on_progress or (lambda _done, _total, _events: None)
        self._on_bad_line = on_bad_line or (lambda _problem: None)
        self._files: list[FileReport] = []
        self._bytes_done = 0
        self._total_bytes: int | None = 0

    def run(self, paths: Sequence[str | Path]) -> ImportReport:
        sizes = [size_on_disk(path) for path in paths]
        self._total_bytes = None if None in sizes else sum(filter(None, sizes))
        with self._events.open_import() as bulk:
            for path in paths:
                self._import_file(path, bulk)
            note = bulk.note
        return ImportReport(tuple(self._files), note)

    def _import_file(self, path: str | Path, bulk: BulkImport) -> None:
        report = FileReport(name_of(path))
        self._files.append(report)
        started = perf_counter()
        try:
            with open_lines(path) as lines:
                self._import_lines(report, lines, bulk)
        except UnreadableFile as error:
            report.trouble = f"{report.file}: {error}"
        except StoreUnavailable as error:
            raise self._stopped(error) from error
        finally:
            report.seconds = perf_counter() - started

    def _import_lines(self, report: FileReport, lines: LineFile, bulk: BulkImport) -> None:
        submitted: deque[_Submitted] = deque()
        # Equal lines are counted for each file anew, so that a file named twice is stored once.
        with OccurrenceCounter() as occurrences:
            records = iter(open_reader(lines, self._options).read(lines))
            wanted = FIRST_BATCH_EVENTS
            while (batch := _Batch(records, lines, wanted)).begin():
                result = bulk.submit(batch.events(partial(self._add_bad_line, report)), occurrences.count)
                done = self._bytes_done + lines.bytes_read
                submitted.append(_Submitted(report, batch.numbers, result, lines.lines_read, done))
                while submitted and (len(submitted) > IN_FLIGHT or submitted[0].result.done()):
                    self._settle(submitted.popleft())
                wanted = min(2 * wanted, BATCH_EVENTS)
            while submitted:
                self._settle(submitted.popleft())
        report.lines = lines.lines_read
        if lines.cut_off:
            report.trouble = f"{report.file}: {lines.cut_off}, after line {lines.lines_read}."
        self._bytes_done += lines.bytes_read

    def _add_bad_line(self, report: FileReport, number: int, bad: BadLine) -> None:
        self._add_problem(report, LineProblem(report.file, number, str(bad)))

    def _settle(self, submitted: _Submitted) -> None:
        report, numbers, future, lines, bytes_done = submitted
        result = future.result()
        report.lines = lines
        report.stored += result.stored
        report.already += result.already
        for refusal in result.refused:
            reason = f"refused ({refusal.reason}): {refusal.detail}"
            self._add_problem(report, LineProblem(report.file, numbers[refusal.index], reason, refusal.reason))
        self._on_progress(bytes_done, self._total_bytes, sum(file.events for file in self._files))

    def _add_problem(self, report: FileReport, problem: LineProblem) -> None:
        report.add_problem(problem)
        self._on_bad_line(problem)

    def _stopped(self, error: StoreUnavailable) -> ImportStopped:
        so_far = ImportReport(tuple(self._files))
        return ImportStopped(
            f"The import stopped in {self._files[-1].file}: {error.message} "
            f"At least {so_far.stored:,} events were stored until then.",
            hint="Repeat the same import when the database is back: it goes on and stores nothing twice.",
        )


class _Batch:
    """The next records of a file, read while they are asked for."""

    def __init__(self, records: Iterator[Record], lines: LineFile, wanted: int) -> None:
        self.numbers: list[int] = []
        """Of the lines that held an event."""
        self._records = records
        self._lines = lines
        self._wanted = wanted
        self._end = lines.bytes_given + BATCH_BYTES
        self._first: Record | None = None

    def begin(self) -> bool:
        """Return whether there is one."""
        self._first = next(self._records, None)
        return self._first is not None

    def events(self, on_bad_line: Callable[[int, BadLine], None]) -> Iterator[Importable]:
        """Iterate over the events; a batch is full at `wanted` records or `BATCH_BYTES` of lines."""
        lines, left, end = self._lines, self._wanted, self._end
        for number, record in chain([self._first], self._records) if self._first else ():
            if isinstance(record, BadLine):
                on_bad_line(number, record)
            else:
                self.numbers.append(number)
                yield record
            left -= 1
            if not left or lines.bytes_given >= end:
                break
