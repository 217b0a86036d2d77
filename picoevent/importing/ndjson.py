"""Lines that are JSON objects, one event a line; which key means what is decided in `fields`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from picoevent.event import NewEvent
from picoevent.importing.faults import BadLine
from picoevent.importing.fields import EventFields
from picoevent.importing.line_file import Line
from picoevent.importing.options import ImportOptions
from picoevent.importing.records import Record, parse_each

_decode = msgspec.json.Decoder(dict[str, object]).decode


class NdjsonReader:
    """Reads newline-delimited JSON: in UTF-8, each line an object."""

    def __init__(self, options: ImportOptions) -> None:
        self._fields = EventFields(options)

    def read(self, lines: Iterable[Line]) -> Iterator[Record]:
        """Iterate over the events of the lines."""
        return parse_each(self.parse, lines)

    def parse(self, line: bytes) -> NewEvent:
        """Return the event of one line; raise `BadLine`."""
        return self._fields.event(decode_object(line))


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
