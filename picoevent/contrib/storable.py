"""Values of log calls as values that JSON holds, bounded in size: nobody's log call is refused for what it carries."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from math import isfinite
from typing import Any
from uuid import UUID

import msgspec

from picoevent.payload import MAX_INTEGER, MIN_INTEGER

MAX_TEXT = 8192
"""How many characters of one text are kept."""
MAX_SHOWN = 500
"""The same of the `repr()` of a value that JSON can't hold."""
MAX_DEPTH = 6
MAX_CHARACTERS = 100_000
"""How many characters all values of an event have together; in JSON they are at most 600,000 bytes."""
BYTES_A_CHARACTER = 8
"""More than a character takes in JSON, with quotes and commas around it."""
COST = 8
"""How many characters a value counts for beside its text."""

_TEXT_FORMS = (datetime, date, time, timedelta, Decimal, UUID)


class Allowance:
    """How much may still be kept of one event."""

    def __init__(self, max_payload_bytes: int) -> None:
        self._left = min(MAX_CHARACTERS, max_payload_bytes // BYTES_A_CHARACTER)

    @property
    def is_used_up(self) -> bool:
        """Whether nothing more can be kept."""
        return self._left <= COST

    def cut(self, text: str, limit: int = MAX_TEXT) -> str:
        """Return as much of a text as may be kept; of a long one the beginning and the end."""
        self._left -= COST
        # No text takes all that is left from those behind it.
        kept = max(0, min(limit, self._left // 2))
        if len(text) > kept:
            head = kept // 3
            text = f"{text[:head]} ... {text[len(text) - (kept - head) :]}" if kept else ""
        self._left -= len(text)
        return text if text.isascii() else text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def storable(value: object, allowance: Allowance, depth: int = 0) -> object:
    """Return a value as JSON can hold it; what it can't hold becomes its `repr()`. Never raises."""
    kind = type(value)
    if kind is str:
        return allowance.cut(value)  # type: ignore[arg-type]  # kind says that it is one
    allowance.cut("")
    if value is None or kind is bool:
        return value
    try:
        return _storable(value, allowance, depth)
    except Exception:  # noqa: BLE001  # a value's own code may raise anything
        return shown(value, allowance)


def _storable(value: object, allowance: Allowance, depth: int) -> object:
    if isinstance(value, Enum):
        return storable(value.value, allowance, depth)
    if isinstance(value, str):
        return allowance.cut(str.__str__(value))
    if isinstance(value, int) and MIN_INTEGER <= value <= MAX_INTEGER:
        return int(value)
    if isinstance(value, float) and isfinite(value):
        return float(value)
    if isinstance(value, _TEXT_FORMS):
        return allowance.cut(str(msgspec.to_builtins(value)))
    return _storable_parts(value, allowance, depth + 1) if depth < MAX_DEPTH else shown(value, allowance)


def _storable_parts(value: object, allowance: Allowance, depth: int) -> object:
    if isinstance(value, Mapping):
        return storable_mapping(value, allowance, depth)
    if isinstance(value, (list, tuple, set, frozenset)):
        return _storable_items(value, len(value), allowance, depth)
    return shown(value, allowance)


def storable_mapping(values: Mapping[Any, object], allowance: Allowance, depth: int = 0) -> dict[str, object]:
    """Return a mapping as a JSON object, in its order, for as long as the allowance lasts."""
    kept: dict[str, object] = {}
    for count, (key, value) in enumerate(values.items()):
        if allowance.is_used_up:
            kept["..."] = f"{len(values) - count:,} more"
            break
        name = allowance.cut(str.__str__(key), MAX_SHOWN) if isinstance(key, str) else shown(key, allowance)
        kept[name] = storable(value, allowance, depth)
    return kept


def _storable_items(items: Iterable[object], size: int, allowance: Allowance, depth: int) -> list[object]:
    kept: list[object] = []
    for item in items:
        if allowance.is_used_up:
            kept.append(f"... {size - len(kept):,} more")
            break
        kept.append(storable(item, allowance, depth))
    return kept


def shown(value: object, allowance: Allowance) -> str:
    """Return the `repr()` of a value, bounded; where even that raises, its kind."""
    try:
        text = str.__str__(repr(value))
    except Exception:  # noqa: BLE001  # as above
        text = f"<{type(value).__name__}>"
    return allowance.cut(text, MAX_SHOWN)
