"""Answers to bytes and back to the same typed values; what is read is data of a known type, never code."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any, get_args, get_type_hints

import msgspec

from picoevent.report.frame import Answer

DECIMAL, TUPLE, DATE = 1, 2, 3
"""What MessagePack has no type for, in totals; fields of rows are read by their declared types."""


def answer_type(answer: Callable[..., Answer[Any]]) -> Any:  # noqa: ANN401  # a type with its argument
    """Return the type of a report's answers, rows included, as its function declares it; raise TypeError without."""
    return _declared(answer)


@lru_cache(maxsize=1000)
def _declared(answer: Callable[..., Answer[Any]]) -> Any:  # noqa: ANN401  # as above
    declared = get_type_hints(answer).get("return")
    rows = get_args(declared)
    if not rows or not is_dataclass(rows[0]):
        raise TypeError(f"{answer.__module__}.{answer.__qualname__} does not declare the type of its rows")
    return declared


def signature(kind: Any) -> str:  # noqa: ANN401  # as above
    """Return in words what rows of a type look like, so that what another release has packed is not read by this."""
    row = get_args(kind)[0]
    return f"{row.__name__}({', '.join(f'{field.name}: {field.type}' for field in fields(row))})"


def pack_answer(answer: Answer[Any]) -> bytes:
    """Return an answer as MessagePack; raise TypeError, ValueError or OverflowError for what can't be packed."""
    return _encoder.encode(replace(answer, totals=_tagged(answer.totals), cached_seconds=None))


def unpack_answer(packed: bytes | msgspec.Raw, kind: Any) -> Answer[Any]:  # noqa: ANN401  # as above
    """Return the answer that was packed; raise `msgspec.MsgspecError` where it is of another type."""
    found: Answer[Any] = _decoder_of(kind).decode(packed)
    return found


_encoder = msgspec.msgpack.Encoder()


@lru_cache(maxsize=1000)
def _decoder_of(kind: Any) -> msgspec.msgpack.Decoder[Any]:  # noqa: ANN401  # as above
    return msgspec.msgpack.Decoder(kind, ext_hook=_untagged)


def _tagged(value: Any) -> Any:  # noqa: ANN401  # any part of totals
    """Return a part of totals with its type beside it, where MessagePack would lose it."""
    if isinstance(value, Mapping):
        return {key: _tagged(part) for key, part in value.items()}
    if isinstance(value, list):
        return [_tagged(part) for part in value]
    if isinstance(value, tuple):
        return msgspec.msgpack.Ext(TUPLE, _encoder.encode([_tagged(part) for part in value]))
    if isinstance(value, Decimal):
        return msgspec.msgpack.Ext(DECIMAL, str(value).encode())
    if isinstance(value, date) and not isinstance(value, datetime):
        return msgspec.msgpack.Ext(DATE, value.isoformat().encode())
    return value


def _untagged(code: int, content: memoryview) -> object:
    if code == TUPLE:
        return tuple(msgspec.msgpack.decode(content, ext_hook=_untagged))
    text = bytes(content).decode()
    return Decimal(text) if code == DECIMAL else date.fromisoformat(text)
