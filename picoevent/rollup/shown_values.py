"""Values of dimensions as reports show them and as filters ask for them: a text for each, that leads back to it.

"(none)" is no value, "(other)" all that have no row. A value that is such a text itself stands in double quotes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

import msgspec

from picoevent.errors import InvalidQuery
from picoevent.rollup.values import shortened

NO_VALUE, OTHER_VALUES = "(none)", "(other)"
_LIKE_THEM = re.compile(r'("*)\((?:none|other)\)\1')
"""With quotes around it already, too: one more pair of them is put around that, and taken off again."""


def show_value(value: str | None) -> str:
    """Return a value as it is shown; None is no value."""
    if value is None:
        return NO_VALUE
    return f'"{value}"' if _LIKE_THEM.fullmatch(value) else value


def read_value(shown: str) -> str | None:
    """Return the value that is shown like this, None for no value; raise `InvalidQuery` for all others together."""
    if shown == NO_VALUE:
        return None
    if shown == OTHER_VALUES:
        message = "(other) is all values that have no row of their own: it can't be looked for."
        raise InvalidQuery(message, hint=f'The text itself is written in double quotes: "{OTHER_VALUES}".')
    return shown[1:-1] if _LIKE_THEM.fullmatch(shown) else shown


def stored_values(shown: Iterable[str]) -> frozenset[str | None]:
    """Return the values that are shown like this, as they are stored; raise as `read_value` does."""
    return frozenset(None if value is None else shortened(value) for value in map(read_value, shown))


def given_value(value: object) -> str:
    """Return a value of Python as it is shown: None is no value, a text as it is, everything else its JSON.

    Raise `InvalidQuery` for what JSON does not hold.
    """
    if value is None:
        return NO_VALUE
    try:
        return value if isinstance(value, str) else msgspec.json.encode(value).decode()
    except (TypeError, OverflowError):
        raise InvalidQuery(f"A value is of type {type(value).__name__}, which no payload holds.") from None
