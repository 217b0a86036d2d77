"""Answers to bytes and back to the same typed values; what is read is data of a known type, never code."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields, replace
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any

import msgspec

from picoevent.report.frame import Answer, Report

DECIMAL, TUPLE, MOMENT, DATE = 1, 2, 3, 4
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


class _Packed(msgspec.Struct, array_like=True):
    answer: bytes
    totals: msgspec.Raw


def pack_answer(answer: Answer[Any]) -> bytes:
    """Return an answer as bytes; raise TypeError, ValueError or OverflowError for what can't be packed.

    Rows as JSON, which keeps the offset of a local time, and totals, whose types nobody declares, as MessagePack.
    """
    rows = msgspec.json.encode(replace(answer, totals={}, cached_seconds=None))
    return _encoder.encode(_Packed(rows, msgspec.Raw(_encoder.encode(_tagged(answer.totals)))))


def unpack_answer(packed: bytes | msgspec.Raw, kind: Any) -> Answer[Any]:  # noqa: ANN401  # as above
    """Return the answer that was packed; raise `msgspec.MsgspecError` or ValueError where it is of another type."""
    parts = _reader.decode(packed)
    found: Answer[Any] = _rows_reader_of(kind).decode(parts.answer)
    return replace(found, totals=_totals_reader.decode(parts.totals))


@lru_cache(maxsize=1000)
def _rows_reader_of(kind: Any) -> msgspec.json.Decoder[Any]:  # noqa: ANN401  # as above
    return msgspec.json.Decoder(kind)


def _tagged(value: Any) -> Any:  # noqa: ANN401  # any part of totals
    """Return a part of totals with its type beside it, where MessagePack would lose it."""
    if isinstance(value, Mapping):
        return {key: _tagged(part) for key, part in value.items()}
    if isinstance(value, list):
        return [_tagged(part) for part in value]
    if isinstance(value, tuple):
        return msgspec.msgpack.Ext(TUPLE, _encoder.encode([_tagged(part) for part in value]))
    if type(value) in _CODES:
        text = str(value) if isinstance(value, Decimal) else value.isoformat()
        return msgspec.msgpack.Ext(_CODES[type(value)], text.encode())
    return value


def _untagged(code: int, content: memoryview) -> object:
    if code == TUPLE:
        return tuple(msgspec.msgpack.decode(content, ext_hook=_untagged))
    return _READ_AS[code](bytes(content).decode())


_CODES: Mapping[type, int] = {Decimal: DECIMAL, datetime: MOMENT, date: DATE}
_READ_AS: Mapping[int, Callable[[str], object]] = {
    DECIMAL: Decimal,
    MOMENT: datetime.fromisoformat,
    DATE: date.fromisoformat,
}
_encoder = msgspec.msgpack.Encoder()
_reader = msgspec.msgpack.Decoder(_Packed)
_totals_reader = msgspec.msgpack.Decoder(dict[str, Any], ext_hook=_untagged)
