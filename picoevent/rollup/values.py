"""What a payload's value is as the value of a dimension: a text of up to 255 characters; None is "no value".

A text stays as it is, numbers and booleans are their JSON, lists and objects their compact JSON. The value of a pair is
the JSON list of its two texts, with null for a half that is missing; a longer half is cut, whatever the other one is.
"""

from __future__ import annotations

import re
from decimal import Decimal
from hashlib import blake2b
from math import isfinite

import msgspec

LONGEST_VALUE = 255
KEPT_CHARACTERS = 200
"""So much is left of a longer text; behind it stand three dots and a hash of the whole."""
LONGEST_HALF = 126
"""As JSON, with its quotes: two of them, and what makes a list of them, are a value."""
KEPT_OF_HALF = (105, 52, 17)
"""So much is left of a longer half: the most that fits, for JSON needs up to six characters for one."""
NO_VALUE = (b"", b"null")
"""The JSON of a key that is missing, and of null."""

_decode = msgspec.json.Decoder().decode
_decode_pair = msgspec.json.Decoder(tuple[msgspec.Raw, msgspec.Raw]).decode
_UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What somebody has damaged, or has nested too deeply, counts as no value: one event must not stop the fold."""
_PLAIN_NUMBER = re.compile(r"-?[0-9]{1,100}(\.[0-9]{1,100})?")


def shortened(text: str) -> str:
    """Return a text as it is stored and looked up: longer ones by their beginning and a hash of the whole."""
    if len(text) <= LONGEST_VALUE:
        return text
    return _cut(text, KEPT_CHARACTERS)


def _cut(text: str, kept: int) -> str:
    return f"{text[:kept]}...{blake2b(text.encode(), digest_size=8).hexdigest()}"


def pair_half(value: str | None) -> str | None:
    """Return a value, shortened or not, as it is half of a pair: always the same, whatever the other half is."""
    if value is None or _is_half(value):
        return value
    whole = shortened(value)
    return next(half for half in (_cut(whole, kept) for kept in KEPT_OF_HALF) if _is_half(half))


def _is_half(text: str) -> bool:
    return len(text) < LONGEST_HALF and len(msgspec.json.encode(text).decode()) <= LONGEST_HALF


def pair_text(first: str | None, second: str | None) -> str:
    """Return the value of a pair of values."""
    return msgspec.json.encode([pair_half(first), pair_half(second)]).decode()


def value_text(json: bytes) -> str | None:
    """Return the value of a piece of JSON; None for null and for nothing."""
    text = _text(json)
    return None if text is None else shortened(text)


def join_pair(first: bytes, second: bytes) -> bytes:
    """Return two pieces of JSON, either of which may be nothing, as one; nothing where both say nothing."""
    if first in NO_VALUE and second in NO_VALUE:
        return b""
    return b"[%b,%b]" % (first or b"null", second or b"null")


def pair_value_text(json: bytes) -> str | None:
    """Return the value of what `join_pair` made."""
    if json in NO_VALUE:
        return None
    try:
        first, second = _decode_pair(json)
    except _UNREADABLE:
        return None
    return pair_text(_text(bytes(first)), _text(bytes(second)))


def number_of(json: bytes) -> Decimal | None:
    """Return the number that a piece of JSON is, exactly as it is written; None for what is none.

    A text that is a plain decimal number, such as "12.50", is one, too.
    """
    if not json or json in NO_VALUE:
        return None
    if json[0] in b'"':
        text = _text(json)
        return Decimal(text) if text is not None and _PLAIN_NUMBER.fullmatch(text) else None
    if json[0] not in b"-0123456789":
        return None
    number = Decimal(json.decode())
    return number if isfinite(float(number)) else None


def _text(json: bytes) -> str | None:
    if json in NO_VALUE:
        return None
    try:
        value = _decode(json)
        return value if isinstance(value, str) else msgspec.json.encode(value).decode()
    except _UNREADABLE:
        return None
