"""The one pair that turns a payload into bytes and back; another codec would be this file alone.

Encoding: JSON in UTF-8. Texts, booleans, None, 64-bit integers, finite floats, lists and mappings are as they are.
Beyond JSON: tuples and sets become lists, bytes Base64, Decimal and UUID text, datetimes, dates and times ISO 8601,
timedeltas ISO 8601 durations, enum members their value, dataclasses objects; an integer as a key becomes its digits;
a lone surrogate in a text becomes U+FFFD. All else is refused, with the place where it stands.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from math import isfinite
from typing import Any, NoReturn

import msgspec

from picoevent.errors import Rejected, RejectReason

MAX_DEPTH = 100
DEFAULT_MAX_BYTES = 1_048_576
MIN_INTEGER, MAX_INTEGER = -(1 << 63), (1 << 64) - 1

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(dict[str, Any]).decode


def encode_payload(data: Mapping[str, object], max_bytes: int = DEFAULT_MAX_BYTES) -> bytes:
    """Return the payload as bytes; raise `Rejected` naming the place of what can't be encoded, or its size."""
    try:
        if type(data) is dict and (_is_flat(data) or _is_plain(data, 1, Room(max_bytes))):
            payload = _encode(data)
        else:
            payload = _encode(_plain_mapping(data, "data", 1, Room(max_bytes)))
    except UnicodeEncodeError:
        payload = _encode(_without_surrogates(_plain_mapping(data, "data", 1, Room(max_bytes))))
    except RecursionError:
        _refuse_depth("data")
    if len(payload) > max_bytes:
        raise Rejected(RejectReason.DATA_TOO_LARGE, f"the data has {len(payload):,} bytes; the limit is {max_bytes:,}")
    return payload


def decode_payload(payload: bytes | None) -> dict[str, Any]:
    """Return the payload of an event; no bytes are an empty one. Raises `msgspec.DecodeError` for rubbish."""
    return _decode(payload) if payload else {}


class Room:
    """How many values a payload may still hold: each takes a byte at least.

    Without it a few lists that hold each other several times over would be walked for minutes.
    """

    def __init__(self, values: int) -> None:
        self._left = values

    def take(self, values: int) -> None:
        """Count the values of a list or a mapping; raise `Rejected` where they can't fit."""
        self._left -= values
        if self._left < 0:
            raise Rejected(RejectReason.DATA_TOO_LARGE, "the data holds more values than fit the limit")


def _is_flat(data: dict[Any, Any]) -> bool:
    """Say whether these are texts, and numbers that JSON and 64 bits hold: nearly every payload is no more."""
    for key, value in data.items():
        if type(key) is not str:
            return False
        kind = type(value)
        if kind is str or (kind is int and MIN_INTEGER <= value <= MAX_INTEGER):
            continue
        if value is not None and kind is not bool and not (kind is float and isfinite(value)):
            return False
    return True


def _is_plain(data: dict[Any, Any], depth: int, room: Room) -> bool:
    """Say whether JSON holds this as it is."""
    if depth > MAX_DEPTH:
        return False
    room.take(len(data))
    for key, value in data.items():  # noqa: SIM110  # a generator costs three times as much
        if type(key) is not str or not _is_plain_value(value, depth, room):
            return False
    return True


def _is_plain_value(value: object, depth: int, room: Room) -> bool:
    kind = type(value)
    if kind is str or kind is bool or value is None:
        return True
    if kind is int:
        return MIN_INTEGER <= value <= MAX_INTEGER  # type: ignore[operator]  # kind says that it is an int
    if kind is float:
        return isfinite(value)  # type: ignore[arg-type]  # kind says that it is a float
    if kind is dict:
        return _is_plain(value, depth + 1, room)  # type: ignore[arg-type]  # kind says that it is a dict
    return kind is list and _is_plain_list(value, depth + 1, room)  # type: ignore[arg-type]  # kind says that it is one


def _is_plain_list(items: list[object], depth: int, room: Room) -> bool:
    room.take(len(items))
    return depth <= MAX_DEPTH and all(_is_plain_value(item, depth, room) for item in items)


def _plain_mapping(data: Mapping[Any, Any], place: str, depth: int, room: Room) -> dict[str, object]:
    if depth > MAX_DEPTH:
        _refuse_depth(place)
    plain: dict[str, object] = {}
    for key, value in data.items():
        name = _plain_key(key, place)
        if name in plain:
            raise Rejected(RejectReason.KEY_NOT_TEXT, f"{place} has two keys that are both {name[:40]!r} as text")
        room.take(1)
        plain[name] = _plain_value(value, f"{place}.{name[:40]}", depth, room)
    return plain


def _plain_key(key: object, place: str) -> str:
    if isinstance(key, str):
        return str.__str__(key)
    if type(key) is int:
        return str(key)
    raise Rejected(RejectReason.KEY_NOT_TEXT, f"{place} has a key of type {type(key).__name__}")


def _plain_value(value: object, place: str, depth: int, room: Room) -> object:
    if isinstance(value, Enum):
        return _plain_value(value.value, place, depth, room)
    if isinstance(value, (str, int, float)):
        return _plain_scalar(value, place)
    if isinstance(value, Mapping):
        return _plain_mapping(value, place, depth + 1, room)
    if isinstance(value, (list, tuple, set, frozenset)):
        return _plain_items(value, place, depth + 1, room)
    return None if value is None else _plain_other(value, place, depth, room)


def _plain_scalar(value: str | float, place: str) -> object:
    """Return what a subclass of a plain kind holds, and refuse numbers that JSON or 64 bits can't hold."""
    if isinstance(value, bool):
        return value
    if isinstance(value, str):
        return str.__str__(value)
    return _plain_integer(int(value), place) if isinstance(value, int) else _plain_float(float(value), place)


def _plain_items(items: Any, place: str, depth: int, room: Room) -> list[object]:  # noqa: ANN401  # any iterable
    if depth > MAX_DEPTH:
        _refuse_depth(place)
    room.take(len(items))
    return [_plain_value(item, f"{place}[{index}]", depth, room) for index, item in enumerate(items)]


def _plain_integer(value: int, place: str) -> int:
    if MIN_INTEGER <= value <= MAX_INTEGER:
        return value
    raise Rejected(RejectReason.NUMBER_TOO_LARGE, f"{place} does not fit 64 bits; send it as text")


def _plain_float(value: float, place: str) -> float:
    if isfinite(value):
        return value
    raise Rejected(RejectReason.NUMBER_NOT_FINITE, f"{place} is NaN or infinite")


def _plain_other(value: object, place: str, depth: int, room: Room) -> object:
    """Leave datetimes, UUIDs, Decimals, bytes and dataclasses to msgspec; refuse what it does not know."""
    try:
        builtin = msgspec.to_builtins(value)
    except (TypeError, ValueError, OverflowError):
        builtin = value
    if type(builtin) is type(value):
        kind = type(value).__name__
        raise Rejected(RejectReason.VALUE_NOT_ENCODABLE, f"{place} is of type {kind}, which has no encoding")
    return _plain_value(builtin, place, depth, room)


def _without_surrogates(value: Any) -> Any:  # noqa: ANN401  # any plain value
    """Return a plain value with U+FFFD for each lone surrogate; UTF-8 can't hold one."""
    if isinstance(value, str):
        return value.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    if isinstance(value, dict):
        mended = {_without_surrogates(key): _without_surrogates(item) for key, item in value.items()}
        if len(mended) < len(value):
            raise Rejected(RejectReason.KEY_NOT_TEXT, "two keys differ in lone surrogates alone")
        return mended
    if isinstance(value, list):
        return [_without_surrogates(item) for item in value]
    return value


def _refuse_depth(place: str) -> NoReturn:
    detail = f"{place[:40]} is nested more than {MAX_DEPTH} levels deep, or contains itself"
    raise Rejected(RejectReason.DATA_TOO_DEEP, detail)
