"""How values look to people: times, payloads, and texts that hold characters which can't be seen. No HTML here."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from itertools import islice

from picoevent.event import format_time
from picoevent.read.replica import DataAge

SUMMARY_CHARACTERS = 160
SUMMARY_VALUE_CHARACTERS = 60
JSON_CHARACTERS = 100_000
"""How much of a payload's JSON a page shows."""

# Characters that move the cursor or turn the direction of writing, by which data could pass for something else.
_UNSEEN = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb\ud800-\udfff]"
)
_JSON_PARTS = re.compile(
    r"""(?P<key>"(?:[^"\\]|\\.)*"(?=:))|(?P<text>"(?:[^"\\]|\\.)*"?)|(?P<number>-?\d[\d.eE+-]*)"""
    r"""|(?P<word>true|false|null)|(?P<other>[^"\w-]+|.)""",
    re.DOTALL,
)
_STEPS = ((60, 1, "second"), (3600, 60, "minute"), (86_400, 3600, "hour"))
_DAY_SECONDS = 86_400
_MONTH_DAYS, _YEAR_DAYS = 30, 365


def visible(text: str) -> str:
    r"""Return a text with the characters that can't be seen as `\u202e`, as JSON writes them."""
    return _UNSEEN.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def day(moment: datetime) -> str:
    """Return the day of a time in UTC as `2026-11-03`."""
    return moment.astimezone(UTC).strftime("%Y-%m-%d")


def clock(moment: datetime) -> str:
    """Return the time of day in UTC as `14:02:31`."""
    return moment.astimezone(UTC).strftime("%H:%M:%S")


def milliseconds(moment: datetime) -> str:
    """Return what `clock` leaves out, as `.123`."""
    return f".{moment.microsecond // 1000:03d}"


def ago(moment: datetime, now: datetime | None = None) -> str:
    """Return how long ago a time was, in one unit: `3 minutes ago`."""
    seconds = int(((now or datetime.now(UTC)) - moment).total_seconds())
    if seconds < 0:
        return f"in {_span(-seconds)}"
    return f"{_span(seconds)} ago" if seconds else "just now"


def data_age_in_words(age: DataAge | None) -> str:
    """Return what the foot of a page says of its data; nothing where it is the primary's, and meant to be."""
    if age is None or age.replica_answers is None:
        return ""
    if age.place == "primary":
        why = f"is {age.behind}" if age.replica_answers else "does not answer"
        return f" The replica {why}: pages are read from the primary."
    if age.as_of is None:
        return " Pages are read from the replica; how old its data is can't be told yet."
    when = clock(age.as_of) if (datetime.now(UTC) - age.as_of).days < 1 else f"{day(age.as_of)} {clock(age.as_of)}"
    return f" Pages are read from the replica: data as of {when}{', ' + age.behind if age.behind else ''}."


def _span(seconds: int) -> str:
    for below, size, unit in _STEPS:
        if seconds < below:
            return _counted(seconds // size, unit)
    days = seconds // _DAY_SECONDS
    if days < 2 * _MONTH_DAYS:
        return _counted(days, "day")
    if days < 2 * _YEAR_DAYS:
        return _counted(days // _MONTH_DAYS, "month")
    return _counted(days // _YEAR_DAYS, "year")


def _counted(number: int, unit: str) -> str:
    return f"{number} {unit}" if number == 1 else f"{number} {unit}s"


def full_time(moment: datetime) -> str:
    """Return a time as it is shown on hover: exact, in UTC, and how long ago."""
    return f"{format_time(moment)} ({ago(moment)})"


def summary(data: Mapping[str, object]) -> list[tuple[str, str]]:
    """Return keys and values of a payload as short texts, as many as fit one line."""
    shown: list[tuple[str, str]] = []
    room = SUMMARY_CHARACTERS
    for key, value in data.items():
        pair = _shortened(key), _shortened(_short_value(value))
        room -= len(pair[0]) + len(pair[1]) + 3
        if room < 0 and shown:
            shown.append(("", "…"))
            break
        shown.append(pair)
    return shown


def _short_value(value: object) -> str:
    if isinstance(value, str):
        return value[: SUMMARY_VALUE_CHARACTERS + 1]
    if isinstance(value, dict | list):
        # Only as much of it is encoded as is shown: a payload may hold a megabyte.
        return "".join(islice(json.JSONEncoder(ensure_ascii=False).iterencode(value), SUMMARY_VALUE_CHARACTERS))
    return json.dumps(value)


def _shortened(text: str) -> str:
    cut = text if len(text) <= SUMMARY_VALUE_CHARACTERS else f"{text[: SUMMARY_VALUE_CHARACTERS - 1]}…"
    return visible(cut)


def pretty_json(data: Mapping[str, object], limit: int = JSON_CHARACTERS) -> tuple[str, bool]:
    """Return a payload as indented JSON of at most so many characters, and whether that is all of it."""
    pieces: list[str] = []
    length = 0
    for piece in json.JSONEncoder(ensure_ascii=False, indent=2).iterencode(data):
        pieces.append(piece)
        length += len(piece)
        if length > limit:
            break
    whole = "".join(pieces)
    # Characters that can't be seen stand within texts only, where JSON has the same way of writing them.
    text = re.sub(_UNSEEN, lambda found: found[0] if found[0] == "\n" else visible(found[0]), whole[:limit])
    return text, len(whole) <= limit


def json_parts(text: str) -> Iterator[tuple[str, str]]:
    """Yield JSON in parts with the kind of each: key, text, number, word or other; together they are the text."""
    for found in _JSON_PARTS.finditer(text):
        yield found.lastgroup or "other", found[0]
