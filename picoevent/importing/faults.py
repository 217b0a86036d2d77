"""What can be wrong with a line, with a file, and with a whole import; each says it in words for a person."""

from __future__ import annotations

from picoevent.errors import PicoEventError, StoreUnavailable

_SHOWN_CHARACTERS = 60


class BadLine(PicoEventError):
    """A line that holds no event; the message names the field and what is wrong with it. The rest goes on."""


class UnreadableFile(PicoEventError):
    """A file none of whose lines can be read; other files of the same import are not concerned."""


class ImportStopped(StoreUnavailable):
    """The store went away in the middle; the message says how many events were stored, and what to do."""


def shown(value: object) -> str:
    """Return a value of a line as one short quoted text without control characters, for a message."""
    text = repr(value[:_SHOWN_CHARACTERS] if isinstance(value, str) else value)
    return text if len(text) <= _SHOWN_CHARACTERS else text[: _SHOWN_CHARACTERS - 4] + "..."
