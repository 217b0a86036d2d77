"""Values as text that a terminal or a spreadsheet shows and never obeys; and how wide that text is."""

from __future__ import annotations

import json
import unicodedata
from decimal import Decimal

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "\0", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""With one of these in front, a spreadsheet takes a cell for a formula."""
ELLIPSIS = "…"
# Not printable, but without them some scripts and emoji fall apart; they move no cursor.
_JOINERS = "\u200c\u200d"
_SHORT_ESCAPES = {"\n": r"\n", "\r": r"\r", "\t": r"\t"}


def visible(text: str) -> str:
    """Return the text with every control character, also of directions and line ends, written as an escape."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() or char in _JOINERS else _escape(char) for char in text)


def _escape(char: str) -> str:
    number = ord(char)
    if char in _SHORT_ESCAPES:
        return _SHORT_ESCAPES[char]
    if number <= 0xFF:  # noqa: PLR2004
        return f"\\x{number:02x}"
    return f"\\u{number:04x}" if number <= 0xFFFF else f"\\U{number:08x}"  # noqa: PLR2004


def json_text(value: object, *, indent: int | None = None) -> str:
    """Return JSON in which control characters that JSON itself allows are escaped too."""
    text = json.dumps(value, ensure_ascii=False, indent=indent)
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() or char in "\n" + _JOINERS else json.dumps(char)[1:-1] for char in text)


def cell_text(value: object) -> str:
    """Return a value as it stands in a cell: nothing for None, yes and no, JSON for what has parts."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (dict, list, tuple)):
        return json_text(value) if value else ""
    return str(value)


def csv_cell(value: object) -> str:
    """Return a value as a CSV cell; a text that a spreadsheet would calculate gets an apostrophe in front."""
    text = cell_text(value)
    if isinstance(value, (int, float, Decimal)) or not text.lstrip(" ").startswith(FORMULA_STARTS):
        return text
    return f"'{text}"


def width_of(text: str) -> int:
    """Return how many columns of a terminal a text takes."""
    if text.isascii():
        return len(text)
    return sum(_char_width(char) for char in text)


def _char_width(char: str) -> int:
    if unicodedata.combining(char) or char in _JOINERS:
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def shortened(text: str, width: int) -> str:
    """Return a text that takes at most `width` columns, with an ellipsis where something is missing."""
    if width_of(text) <= width:
        return text
    taken = 0
    for place, char in enumerate(text):
        taken += _char_width(char)
        if taken > width - 1:
            return text[:place] + ELLIPSIS
    return text
