"""Counters: exact, and of bounded size whether or not anybody reads them."""

from __future__ import annotations

from picoevent.errors import RejectReason
from picoevent.write.counters import FOLD_AT, Counters


def test_refusals_that_nobody_reads_take_no_room():
    counters = Counters()

    for _ in range(10 * FOLD_AT):
        counters.refuse([RejectReason.CLOSED], out_of="sent")

    assert len(counters._changes) <= FOLD_AT + 1
    assert counters.to_dict()["refused"] == counters.to_dict()["refused.closed"] == 10 * FOLD_AT
