"""Lines that are JSON objects, one event a line; which key means what is decided in `fields`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any, NamedTuple

import msgspec

from picoevent.event import NewEvent
from picoevent.importing.faults import BadLine
from picoevent.importing.fields import EventFields
from picoevent.importing.line_file import Line
from picoevent.importing.options import ImportOptions
from picoevent.importing.records import Record, parse_each
from picoevent.write.imported import Importable

_decode = msgspec.json.Decoder(dict[str, object]).decode


class ReadEvent(NamedTuple):
    """What an event of a line holds: the fields of a `NewEvent`, and a third of the time that one takes to make."""

    event_type: str
    data: dict[str, Any] | None
    user_id: int | str | None
    source: str | None
    at: datetime


class _UsualLine(msgspec.Struct, forbid_unknown_fields=True):
    """An object with the keys that an export writes: what a decoder can check by itself, as `EventFields` would."""

    type: str
    time: str
    data: dict[str, Any] | None
    user_id: int | str | None = None
    source: str | None = None
    id: Any = None


_decode_usual = msgspec.json.Decoder(_UsualLine).decode


class NdjsonReader:
    """Reads newline-delimited JSON: in UTF-8, each line an object."""

    def __init__(self, options: ImportOptions) -> None:
        self._fields = EventFields(options)
        self._source = options.source
        self._has_usual_keys = not (options.event_type or options.time_field or options.user_field)

    def read(self, lines: Iterable[Line]) -> Iterator[Record]:
        """Iterate over the events of the lines."""
        return parse_each(self.parse_usual if self._has_usual_keys else self.parse, lines)

    def parse_usual(self, line: bytes) -> Importable:
        """Return the event of one line that most likely has the usual keys; raise `BadLine`."""
        try:
            found = _decode_usual(line)
            at = _usual_time(found.time)
        except (ValueError, RecursionError):
            return self.parse(line)
        return ReadEvent(found.type, found.data, found.user_id, self._source or found.source, at)

    def parse(self, line: bytes) -> NewEvent:
        """Return the event of one line; raise `BadLine`."""
        return self._fields.event(decode_object(line))


def _usual_time(text: str) -> datetime:
    """Return a time like 2015-05-18T10:05:03.123Z; raise `ValueError` for what `read_time` has to look at."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None or moment.microsecond % 1000 or text[4:5] != "-":
        raise ValueError
    return moment


def decode_object(text: bytes) -> dict[str, object]:
    """Return a JSON object; raise `BadLine` that says where it stops being one."""
    try:
        return _decode(text)
    except UnicodeDecodeError as error:
        raise BadLine(f"a text in the JSON is not UTF-8 ({error.reason})") from None
    except msgspec.ValidationError as error:
        raise BadLine(f"not a JSON object that can be stored: {error}") from None
    except msgspec.DecodeError as error:
        raise BadLine(_malformed(str(error))) from None
    except RecursionError:
        raise BadLine("the JSON is nested too deeply") from None


def _malformed(message: str) -> str:
    if "truncated" in message:
        return "the JSON ends too early: the line is cut off"
    return f"not JSON: {message.removeprefix('JSON is malformed: ')}"
