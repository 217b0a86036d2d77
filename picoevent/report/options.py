"""What single reports take beside the common arguments, from Python values or from texts; `InvalidQuery` if wrong."""

from __future__ import annotations

import re

from picoevent.errors import InvalidQuery
from picoevent.read.names import user_number
from picoevent.report.frame import Desk

MAX_USER, MAX_TEXT = 1 << 62, 255
_DURATION = re.compile(r"(\d{1,6})\s*([smhdw])", re.ASCII)
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}


def read_user(desk: Desk, given: object) -> int | None:
    """Return the number that rows hold for a user, None where none is given.

    From a command line, where all is text, `7` is the user 7; the text user is written `"7"`, in quotes.
    """
    if given is None:
        return None
    if isinstance(given, str) and 1 <= len(given) <= MAX_TEXT:
        return user_number(_user_of_text(given), desk.key)
    if isinstance(given, int) and not isinstance(given, bool) and 0 <= given < MAX_USER:
        return given
    raise InvalidQuery("The user is neither a text of 1 to 255 characters nor a number from 0 to 2**62 - 1.")


def _user_of_text(text: str) -> int | str:
    if len(text) > 2 and text[0] == text[-1] == '"':  # noqa: PLR2004  # two quotes
        return text[1:-1]
    return int(text) if text.isascii() and text.isdigit() and int(text) < MAX_USER else text


def read_duration(given: object, what: str, default_seconds: int) -> int:
    """Return a duration in seconds, from a number of seconds or a text such as 30m, 2h or 7d."""
    if given is None:
        return default_seconds
    if isinstance(given, int) and not isinstance(given, bool) and given > 0:
        return given
    found = _DURATION.fullmatch(given.strip().lower()) if isinstance(given, str) else None
    if found is None or not int(found[1]):
        raise InvalidQuery(f"The {what} {given!r} is not a duration.", hint="Write 90s, 30m, 2h, 7d or 4w.")
    return int(found[1]) * _SECONDS[found[2]]


def read_number(given: object, what: str, default: int, *, least: int = 1) -> int:
    """Return a whole number, from one or from its text."""
    if given is None:
        return default
    text = given.strip() if isinstance(given, str) else given
    if isinstance(text, str) and text.isascii() and text.isdigit() and len(text) < MAX_TEXT:
        text = int(text)
    if not isinstance(text, int) or isinstance(text, bool) or text < least:
        raise InvalidQuery(f"The {what} {given!r} is wrong.", hint=f"Use a whole number of at least {least}.")
    return text


def read_words(given: object, what: str, default: tuple[str, ...] = ()) -> tuple[str, ...]:
    """Return several texts, from a list or from one text with commas between them."""
    if given is None:
        return default
    words = given.split(",") if isinstance(given, str) else given
    if not isinstance(words, (list, tuple)) or not all(isinstance(word, str) for word in words):
        raise InvalidQuery(f"The argument {what} is neither a text nor a list of texts.")
    found = tuple(word.strip() for word in words if word.strip())
    if not found:
        raise InvalidQuery(f"The argument {what} is empty.", hint="Leave it out, or name one at least.")
    return found


def read_text(given: object, what: str, *, least: int = 1) -> str:
    """Return a text that has to be given, of so many characters at least."""
    if given is None:
        raise InvalidQuery(f"The argument {what} is missing.", hint=f"Add {what}='...' (--{what} ...).")
    if isinstance(given, (int, float)) and not isinstance(given, bool):
        return str(given)
    if not isinstance(given, str) or len(given) < least:
        raise InvalidQuery(f"The argument {what} is no text.")
    return given
