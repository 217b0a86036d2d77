"""Bring files into an event log: read, count equal lines, store batch by batch. Repeating it stores nothing
twice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from hashlib import blake2b
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING

import msgspec

from picoevent.errors import StoreUnavailable
from picoevent.event import NewEvent
from picoevent.ids import unix_ms
from picoevent.importing.detection import open_reader
from picoevent.importing.faults import BadLine, ImportStopped, UnreadableFile
from picoevent.importing.line_file import LineFile, name_of, open_lines, size_on_disk
from picoevent.importing.occurrences import OccurrenceCounter
from picoevent.importing.options import ImportOptions
from picoevent.importing.records import Record
from picoevent.importing.report import FileReport, ImportReport, LineProblem

if TYPE_CHECKING:
    from picoevent.eventlog import EventLog

BATCH_EVENTS = 1000
BATCH_BYTES = 4 * 1024 * 1024
"""A batch ends with the line that makes its lines this long, so that long lines do not fill the memory."""

Progress = Callable[[int, int | None, int], None]
"""Is told, after each batch, the bytes done, all bytes (None where a pipe is among the files), and the events
so far.
"""

_encode = msgspec.json.Encoder(order="deterministic").encode


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
        for path in paths:
            self._import_file(path)
        return ImportReport(tuple(self._files))

    def _import_file(self, path: str | Path) -> None:
        report = FileReport(name_of(path))
        self._files.append(report)
        started = perf_counter()
        try:
            with open_lines(path) as lines:
                self._import_lines(report, lines)
        except UnreadableFile as error:
            report.trouble = f"{report.file}: {error}"
        finally:
            report.seconds = perf_counter() - started

    def _import_lines(self, report: FileReport, lines: LineFile) -> None:
        # Equal lines are counted for each file anew, so that a file named twice is stored once.
        with OccurrenceCounter() as occurrences:
            records = open_reader(lines, self._options).read(lines)
            for batch in _batches(records, lines):
                report.lines = lines.lines_read
                self._store(report, batch, occurrences)
                self._tell_progress(lines.bytes_read)
        report.lines = lines.lines_read
        if lines.cut_off:
            report.trouble = f"{report.file}: {lines.cut_off}, after line {lines.lines_read}."
        self._bytes_done += lines.bytes_read

    def _store(self, report: FileReport, batch: list[Record], occurrences: OccurrenceCounter) -> None:
        numbers: list[int] = []
        counted: list[tuple[NewEvent, int]] = []
        for number, record in batch:
            if isinstance(record, BadLine):
                self._add_problem(report, LineProblem(report.file, number, str(record)))
            else:
                numbers.append(number)
                counted.append((record, occurrences.count(*_identity(record))))
        if not counted:
            return
        try:
            result = self._events.import_batch(counted)
        except StoreUnavailable as error:
            raise self._stopped(error) from error
        report.stored += result.stored
        report.already += result.already
        for refusal in result.refused:
            reason = f"refused ({refusal.reason}): {refusal.detail}"
            self._add_problem(report, LineProblem(report.file, numbers[refusal.index], reason, refusal.reason))

    def _add_problem(self, report: FileReport, problem: LineProblem) -> None:
        report.add_problem(problem)
        self._on_bad_line(problem)

    def _tell_progress(self, bytes_of_file: int) -> None:
        events = sum(file.events for file in self._files)
        self._on_progress(self._bytes_done + bytes_of_file, self._total_bytes, events)

    def _stopped(self, error: StoreUnavailable) -> ImportStopped:
        so_far = ImportReport(tuple(self._files))
        return ImportStopped(
            f"The import stopped in {self._files[-1].file}: {error.message} "
            f"At least {so_far.stored:,} events were stored until then.",
            hint="Repeat the same import when the database is back: it goes on and stores nothing twice.",
        )


def _batches(records: Iterator[Record], lines: LineFile) -> Iterator[list[Record]]:
    batch: list[Record] = []
    begun = lines.bytes_given
    for record in records:
        batch.append(record)
        if len(batch) == BATCH_EVENTS or lines.bytes_given - begun >= BATCH_BYTES:
            yield batch
            batch, begun = [], lines.bytes_given
    if batch:
        yield batch


def _identity(event: NewEvent) -> tuple[int, int]:
    """Return an event's second and a 64-bit digest of its millisecond, type, user and data.

    Events may be taken for equal too often (keys are sorted, the source is left out, digests may meet by
    chance): one of them gets a higher number, and no more. Taken for equal too seldom, one would be lost.
    """
    second, millisecond = divmod(unix_ms(event.at), 1000) if event.at else (0, 0)
    # The store keeps an empty payload as none.
    content = _encode((millisecond, event.event_type, event.user_id, event.data or None))
    return second, int.from_bytes(blake2b(content, digest_size=8).digest(), signed=True)
