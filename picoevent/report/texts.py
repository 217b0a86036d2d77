"""The texts in what people ask: no longer than somebody would write, and of characters that can be stored.

Not what they mean: each argument is read where it belongs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from picoevent.errors import InvalidQuery

MAX_ASKED_TEXT = 10_000
"""The longest text in any argument, in characters: what is wrong is repeated in the error."""
MAX_ASKED_VALUES = 10_000
"""The most parts that an argument may have."""


def check_texts(given: Mapping[str, object]) -> None:
    """Raise `InvalidQuery` for an argument with a text that is too long or can't be stored, or with too many parts."""
    for name, value in given.items():
        for number, text in enumerate(_texts_in(value)):
            if len(text) > MAX_ASKED_TEXT or number >= MAX_ASKED_VALUES:
                hint = f"Use {MAX_ASKED_TEXT:,} characters at most."
                raise InvalidQuery(f"The argument {name} is too long.", hint=hint)
            if not _is_storable(text):
                raise InvalidQuery(f"The argument {name} holds a lone surrogate, which nothing that is stored does.")


def _texts_in(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for key, part in value.items():
            yield from _texts_in(key)
            yield from _texts_in(part)
    elif isinstance(value, (list, tuple, set, frozenset)):
        for part in value:
            yield from _texts_in(part)


def _is_storable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
