"""Answers to bytes and back to the same typed values; what is read is data of a known type, never code."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any

import msgspec

from picoevent.report.frame import Answer, Report

DECIMAL, TUPLE, DATE = 1, 2, 3
"""What MessagePack has no type for, in totals; fields of rows are read by their declared types."""


def answer_type(report: Report) -> Any:  # noqa: ANN401  # a type with its argument
    """Return the type of a report's answers, rows included."""
    return _answers_of(_row_of(report))


def signature(report: Report) -> str:
    """Return in words what a report's rows look like, so that what another release has packed is not read by this."""
    return _signature_of(_row_of(report))


def _row_of(report: Report) -> Any:  # noqa: ANN401  # a type
    if report.row is None:
        raise TypeError(f"the report {report.name} does not say what its rows are")
    return report.row


@lru_cache(maxsize=1000)
def _answers_of(row: type[Any]) -> Any:  # noqa: ANN401  # as above
    return Answer[row]  # type: ignore[valid-type]  # a type that is known only now


@lru_cache(maxsize=1000)
def _signature_of(row: type[Any]) -> str:
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
