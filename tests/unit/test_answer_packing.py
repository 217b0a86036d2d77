"""Answers survive being packed: the same values, of the same types."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import msgspec
import pytest

from picoevent.report.frame import Answer, Report
from picoevent.report.packing import answer_type, pack_answer, signature, unpack_answer

AT = datetime(2026, 3, 18, 14, 30, 20, 125000, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Figure:
    at: datetime
    user_id: int | str | None
    total: Decimal | None
    share: float
    by_type: dict[str, int]
    reasons: tuple[str, ...] = ()


def answer(*rows, **totals):
    return Answer("figures", rows, "rollup: day", AT, AT, AT, exact=False, notes=("at least",), totals=totals)


FIGURES = Report("figures", "Some figures", answer, row=Figure)


@pytest.mark.parametrize(
    "given",
    [
        answer(),
        answer(Figure(AT, "ann", Decimal("0.10"), 0.5, {"a": 1}, ("burst",))),
        answer(Figure(AT, 2**62 - 1, None, 1.0, {}), Figure(AT, None, Decimal(10) ** 30, 0.0, {"é\0": 2**63})),
        answer(
            sum=Decimal("1.50"), at=AT, day=date(2026, 3, 18), pair=(1, ("a", Decimal(1))), more={"x": [None, True]}
        ),
    ],
)
def test_an_answer_comes_back_as_it_was(given):
    back = unpack_answer(pack_answer(given), answer_type(FIGURES))

    assert back == given
    assert back.to_dict() == given.to_dict()
    assert [type(value) for value in back.totals.values()] == [type(value) for value in given.totals.values()]
    assert [type(row.total) for row in back.rows] == [type(row.total) for row in given.rows]


def test_local_times_stay_local():
    local = AT.astimezone(ZoneInfo("Asia/Kathmandu"))

    back = unpack_answer(pack_answer(answer(Figure(local, 1, None, 1.0, {}), at=local)), answer_type(FIGURES))

    assert back.rows[0].at.isoformat() == back.totals["at"].isoformat() == local.isoformat()
    assert back.as_of.tzinfo is UTC


def test_rows_of_another_shape_are_refused():
    packed = pack_answer(answer()).replace(b"rollup: day", b"rollup: \xff\xff\xff")

    with pytest.raises((msgspec.MsgspecError, UnicodeDecodeError)):
        unpack_answer(packed, answer_type(FIGURES))


def test_the_shape_of_rows_has_a_signature():
    assert signature(FIGURES).startswith("Figure(at: datetime, user_id: int | str | None, ")
