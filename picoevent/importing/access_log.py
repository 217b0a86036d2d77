"""Lines of web servers in the common and the combined log format, and nothing that has to be guessed.

Bytes that are not UTF-8, raw or escaped by the server, stand in the data as a backslash, x and two digits.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta, timezone
from functools import lru_cache

from picoevent.event import NewEvent
from picoevent.importing.faults import BadLine, shown
from picoevent.importing.line_file import Line, check_finished
from picoevent.importing.options import ImportOptions
from picoevent.importing.records import Record, parse_each

DEFAULT_EVENT_TYPE = "http.request"

# Each part can match in one way only: the time is linear in the length of even a hostile line.
_QUOTED = r'[^"\\]*(?:\\.[^"\\]*)*'
_ADDRESS = r"(?:([^\s:]+:\d{1,5}) )?([^\s-]\S*)"
_TIME = r"\d\d/[A-Z][a-z][a-z]/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}"
_STATUS, _SIZE = r"\d{3}|-", r"\d{1,18}|-"
_FLAGS = re.ASCII | re.DOTALL
_LINE = re.compile(
    rf'{_ADDRESS} (\S+) ([^\[]+) \[({_TIME})\] "({_QUOTED})" ({_STATUS}) ({_SIZE})'
    rf'(?: "({_QUOTED})" "({_QUOTED})")?(?: (.*))?',
    _FLAGS,
)
_EXTRA = re.compile(rf'"({_QUOTED})"(?: |$)|([^\s"]+)(?: |$)', _FLAGS)
_HOST_NAME = re.compile(r"(?=[^:]*[A-Za-z])[\w.-]+(?::\d{1,5})?", re.ASCII)
_ESCAPE = re.compile(rb'\\(?:x([0-9A-Fa-f]{2})|([bfnrtv"\\]))')
_PLAIN_ESCAPES = dict(zip(b'bfnrtv"\\', (bytes([code]) for code in b'\b\f\n\r\t\v"\\'), strict=True))
_MONTHS = {
    name: number
    for number, name in enumerate(
        ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"), start=1
    )
}

# What has to stand in a line, from the left, and what to say where the line stops doing so.
_STEPS = tuple(
    (re.compile(pattern, _FLAGS), name, complaint)
    for pattern, name, complaint in (
        (rf"{_ADDRESS} ", "the line", "does not begin with an address"),
        (r"\S+ ", "the second field", "is not a word"),
        (r"[^\[]+ (?=\[)", "the user before the time", "is not followed by a time in brackets"),
        (rf"\[{_TIME}\]", "the time", "is not like [17/May/2015:10:05:03 +0000]"),
        (r' "', "the request", "does not begin with a quote"),
        (rf'{_QUOTED}"', "the request", "is not closed by a quote: the line is cut off"),
        (rf" (?:{_STATUS})(?= |$)", "the status", "is not three digits"),
        (rf" (?:{_SIZE})(?= |$)", "the size in bytes", "is not a number"),
        (r' "', "the referrer", "does not begin with a quote"),
        (rf'{_QUOTED}"', "the referrer", "is not closed by a quote: the line is cut off"),
        (r' "', "the user agent", "does not begin with a quote"),
        (rf'{_QUOTED}"', "the user agent", "is not closed by a quote: the line is cut off"),
    )
)


class AccessLogReader:
    """Reads one access log; each event has `ip, method, path, status, bytes, referrer, agent` as data.

    What the log marks by `-` is None there. `protocol`, `remote_user`, `ident`, `vhost` and `extra` (fields
    behind the user agent) are there only where the line has them, `referrer` and `agent` not in the common
    format. A request that is not HTTP stands whole under `request`, without method and path.

    An `UnfinishedLine` is whole if it ends with the closing quote of the user agent, or of a field behind it
    where lines before have one; a size, `... 200 56`, may have more digits to come.
    """

    def __init__(self, options: ImportOptions) -> None:
        self._event_type = options.event_type or DEFAULT_EVENT_TYPE
        self._source = options.source
        self._combined = False
        self._extra_fields = 0

    def read(self, lines: Iterable[Line]) -> Iterator[Record]:
        """Iterate over the events of the lines."""
        return parse_each(self.parse, lines)

    def parse(self, line: bytes) -> NewEvent:
        """Return the event of one line; raise `BadLine` naming the field."""
        text = line.decode("utf-8", "backslashreplace").rstrip()
        found = _LINE.fullmatch(text)
        if found is None:
            raise BadLine(_what_is_wrong(text))
        vhost, ip, ident, user, time, request, status, size, referrer, agent, extra = found.groups()
        self._check_whole(text, agent, extra)
        self._check_last_field(line, text, agent, extra)
        method, path, protocol = _split_request(request)
        data: dict[str, object] = {
            "ip": ip,
            "method": method,
            "path": path,
            "status": None if status == "-" else int(status),
            "bytes": None if size == "-" else int(size),
        }
        if agent is not None:
            data["referrer"] = _text(referrer)
            data["agent"] = _text(agent)
        if protocol:
            data["protocol"] = protocol
        elif method is None and request not in {"", "-"}:
            data["request"] = _plain(request)
        if user != "-" or ident != "-" or vhost or extra:
            data |= _rare_fields(user, ident, vhost, extra)
        return NewEvent(self._event_type, data, None, self._source, read_log_time(time))

    def _check_whole(self, text: str, agent: str | None, extra: str | None) -> None:
        """Refuse what looks like the common format but is the beginning of a line in the combined one."""
        if agent is not None:
            self._combined = True
        elif extra is not None and extra.startswith('"'):
            raise BadLine(_what_is_wrong(text))
        elif self._combined:
            raise BadLine("the referrer is missing, which earlier lines have: the line is cut off")

    def _check_last_field(self, line: bytes, text: str, agent: str | None, extra: str | None) -> None:
        """Refuse an unfinished line of which a longer field, or one more field, may be still to come."""
        fields = len(_EXTRA.findall(extra)) if extra else 0
        if agent is None or not text.endswith('"') or fields < self._extra_fields:
            check_finished(line)
        self._extra_fields = fields


def read_log_time(text: str) -> datetime:
    """Return a time such as `17/May/2015:10:05:03 +0000`, with its own offset; raise `BadLine`."""
    try:
        year, month, day = _read_date(text[:11])
        hour, minute, second = int(text[12:14]), int(text[15:17]), int(text[18:20])
        return datetime(year, month, day, hour, minute, second, tzinfo=_read_offset(text[21:]))
    except (ValueError, KeyError):
        raise BadLine(f"the time {shown(text)} does not exist") from None


@lru_cache(maxsize=1024)
def _read_date(text: str) -> tuple[int, int, int]:
    return int(text[7:]), _MONTHS[text[3:6]], int(text[:2])


@lru_cache(maxsize=1024)
def _read_offset(text: str) -> timezone:
    offset = timedelta(hours=int(text[1:3]), minutes=int(text[3:]))
    return timezone(-offset if text[0] == "-" else offset)


def _split_request(request: str) -> tuple[str | None, str | None, str | None]:
    method, _, rest = request.partition(" ")
    if not rest or not (method.isascii() and method.replace("-", "").isalpha()):
        return None, None, None
    path, _, protocol = rest.rpartition(" ")
    if path and protocol.startswith("HTTP/"):
        return method, _plain(path), protocol
    return method, _plain(rest), None


def _rare_fields(user: str, ident: str, vhost: str | None, extra: str | None) -> dict[str, object]:
    fields: dict[str, object] = {"remote_user": _text(user), "ident": _text(ident), "vhost": vhost}
    if extra is not None and _HOST_NAME.fullmatch(extra):
        fields["vhost"] = extra
    elif extra is not None:
        fields["extra"] = _split_extra(extra)
    return {name: value for name, value in fields.items() if value is not None}


def _split_extra(extra: str) -> list[str | None]:
    fields: list[str | None] = []
    position = 0
    while position < len(extra):
        found = _EXTRA.match(extra, position)
        if found is None:
            raise BadLine(f"what follows the last field is neither quoted nor a word: {shown(extra[position:])}")
        fields.append(_text(found[1] if found[2] is None else found[2]))
        position = found.end()
    return fields


def _text(field: str) -> str | None:
    return None if field == "-" else _plain(field)


def _plain(field: str) -> str:
    """Return a field with what its escapes stand for."""
    if "\\" not in field:
        return field
    return _ESCAPE.sub(_unescape, field.encode()).decode("utf-8", "backslashreplace")


def _unescape(escape: re.Match[bytes]) -> bytes:
    if escape[1] is not None:
        return bytes.fromhex(escape[1].decode())
    return _PLAIN_ESCAPES[escape[2][0]]


def _what_is_wrong(text: str) -> str:
    position = 0
    for pattern, name, complaint in _STEPS:
        found = pattern.match(text, position)
        if found is None:
            cut_off = position >= len(text)
            return f"{name} is missing: the line is cut off" if cut_off else f"{name} {complaint}"
        position = found.end()
    return f"what follows the user agent is not parted from it by a space: {shown(text[position:])}"
