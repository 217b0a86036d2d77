"""What an address asks of the events page: each filter a row of a table, read from the URL and written back to it.

A text that can't be read marks its field with what is wrong and what would be right, and leaves the others alone.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, cast

from flask import url_for
from werkzeug.datastructures import MultiDict

from picoevent.read.query import MAX_EVENT_TYPES, Filters

LIMITS = (25, 50, 100, 250)
DEFAULT_LIMIT = 50
MAX_USER_NUMBER = (1 << 62) - 1
_NUMBER = re.compile("0|[1-9][0-9]*")
_ITEM = re.compile(r'\s*(?:"(?P<quoted>(?:[^"]|"")*)"|(?P<plain>[^",][^,]*?)?)\s*(?:,|\Z)')


class Unreadable(ValueError):
    """A field's text can't be read; the message says what is wrong and what would be right."""


@dataclass(frozen=True)
class Field:
    """One filter: its name in the URL, its label, a hint, how its text is read, and how its value is written."""

    name: str
    label: str
    hint: str
    read: Callable[[str], object]
    write: Callable[[object], str] = str


@dataclass(frozen=True)
class EventSearch:
    """A search as the URL has it: the text of each field, what could be read of it, and what could not."""

    texts: Mapping[str, str] = field(default_factory=dict)
    values: Mapping[str, object] = field(default_factory=dict)
    faults: Mapping[str, str] = field(default_factory=dict)
    cursor: str | None = None

    @property
    def filters(self) -> Filters:
        """The filters for `EventLog.events`."""
        names = {"type": "event_type", "user": "user_id", "source": "source", "since": "since", "until": "until"}
        return cast("Filters", {argument: self.values.get(name) for name, argument in names.items()})

    @property
    def limit(self) -> int:
        """How many events a page has."""
        limit = self.values.get("limit", DEFAULT_LIMIT)
        return limit if isinstance(limit, int) else DEFAULT_LIMIT

    @property
    def event_types(self) -> tuple[str, ...]:
        """The event types that are asked for."""
        names = self.values.get("type", ())
        return names if isinstance(names, tuple) else ()

    @property
    def is_filtered(self) -> bool:
        """Whether anything but the size of the page is asked for."""
        return any(name != "limit" for name in self.texts)

    @property
    def has_range(self) -> bool:
        """Whether a range of time is asked for."""
        return "since" in self.texts or "until" in self.texts

    def url(self, cursor: str | None = None) -> str:
        """Return the address of this search, beginning at a cursor."""
        query: dict[str, Any] = {**self.texts, "cursor": cursor}
        return url_for("events.index", **query)

    def changed(self, **values: object) -> EventSearch:
        """Return the search with other values, from its first page; None takes a filter out."""
        wanted = dict(self.values) | values
        # In the order of the table: the same search has the same address however it came about.
        kept = {row.name: wanted[row.name] for row in FIELDS if wanted.get(row.name) is not None}
        return EventSearch({row.name: row.write(kept[row.name]) for row in FIELDS if row.name in kept}, kept)

    def steps_back(self) -> Iterator[tuple[str, str, EventSearch]]:
        """Yield each single filter as label and text, with the search that does without it."""
        for name in self.event_types:
            others = tuple(other for other in self.event_types if other != name)
            yield "type", name, self.changed(type=others or None)
        for row in FIELDS:
            if row.name in self.values and row.name not in ("type", "limit"):
                yield row.name, self.texts[row.name].replace("T", " "), self.changed(**{row.name: None})


def read_search(asked: MultiDict[str, str]) -> EventSearch:
    """Return the search of a URL's query."""
    search = EventSearch(cursor=asked.get("cursor") or None)
    texts, values, faults = {}, {}, {}
    for row in FIELDS:
        # Several of one name mean the same as one with commas.
        text = ", ".join(part for part in map(str.strip, asked.getlist(row.name)) if part)
        if not text:
            continue
        texts[row.name] = text
        try:
            values[row.name] = row.read(text)
            texts[row.name] = row.write(values[row.name])
        except Unreadable as error:
            faults[row.name] = str(error)
    if values.get("limit") == DEFAULT_LIMIT:
        del texts["limit"]
    search = replace(search, texts=texts, values=values, faults=faults)
    return _with_order_of_times(search)


def _with_order_of_times(search: EventSearch) -> EventSearch:
    since, until = search.filters["since"], search.filters["until"]
    if since is None or until is None or since < until:
        return search
    return replace(search, faults=dict(search.faults) | {"until": "This is not after “Since”: write a later time."})


def read_event_types(text: str) -> tuple[str, ...]:
    """Return the names in a text, separated by commas; a name that holds one stands in quotes."""
    found: list[str] = []
    position = 0
    while position < len(text):
        item = _ITEM.match(text, position)
        if item is None:
            raise Unreadable('A quote is not closed: write "a name, with a comma", another.name.')
        found.append((item["quoted"] or "").replace('""', '"') or item["plain"] or "")
        position = item.end()
    names = tuple(dict.fromkeys(filter(None, found)))
    if len(names) > MAX_EVENT_TYPES:
        raise Unreadable(f"These are {len(names)} event types: name {MAX_EVENT_TYPES} at most.")
    return names


def write_event_types(names: object) -> str:
    """Return names as `read_event_types` reads them."""
    if not isinstance(names, tuple):
        return str(names)
    return ", ".join(_quoted(name) if _needs_quotes(name) else name for name in names)


def _needs_quotes(name: str) -> bool:
    return "," in name or name.startswith('"') or name != name.strip()


def _quoted(text: str) -> str:
    doubled = text.replace('"', '""')
    return f'"{doubled}"'


def read_user(text: str) -> int | str:
    """Return a user: a whole number is one, anything else is a text; in quotes, digits are a text too."""
    if _NUMBER.fullmatch(text):
        if len(text) > 19 or int(text) > MAX_USER_NUMBER:  # noqa: PLR2004  # digits of 2**62
            raise Unreadable('Too large for a number: write a text of digits in quotes, as in "42".')
        return int(text)
    if len(text) > 1 and text[0] == text[-1] == '"':
        return text[1:-1].replace('""', '"')
    return text


def write_user(user: object) -> str:
    """Return a user as `read_user` reads it."""
    text = str(user)
    if isinstance(user, str) and (_NUMBER.fullmatch(text) or text.startswith('"') or text != text.strip()):
        return _quoted(text)
    return text


def read_time(text: str) -> datetime:
    """Return a time; without a zone of its own it is in UTC."""
    try:
        moment = datetime.fromisoformat(text)
        moment = moment.replace(tzinfo=UTC) if moment.utcoffset() is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        raise Unreadable(f"“{text[:40]}” is not a time: write 2026-11-03 14:00, in UTC.") from None
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def write_time(moment: object) -> str:
    """Return a time in UTC as a date and time field has it, without seconds where they are zero."""
    if not isinstance(moment, datetime):
        return str(moment)
    plain = moment.replace(tzinfo=None)
    return plain.isoformat(timespec="milliseconds" if plain.microsecond else "seconds").removesuffix(":00")


def read_limit(text: str) -> int:
    """Return how many events a page has."""
    if text not in map(str, LIMITS):
        raise Unreadable(f"“{text[:20]}” is not a size of a page: choose 25, 50, 100 or 250.")
    return int(text)


FIELDS = (
    Field("type", "Event type", "One name, or several with commas.", read_event_types, write_event_types),
    Field("user", "User", 'A number, or a text; digits in quotes are a text: "42".', read_user, write_user),
    Field("source", "Source", "Who posted it.", str),
    Field("since", "Since (UTC)", "This moment counts.", read_time, write_time),
    Field("until", "Until (UTC)", "This moment does not count.", read_time, write_time),
    Field("limit", "Rows", "Events on a page.", read_limit),
)
