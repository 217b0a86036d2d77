"""Partitions: made ahead, on the edges of their width, without holes and without overlap."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from picoevent.ids import id_time
from picoevent.store.partitions import first_id, missing_partitions, reorganize

widths = st.sampled_from(["day", "week", "month"])
days = st.dates(date(2000, 1, 3), date(2130, 1, 1))


def test_the_first_call_makes_the_past_the_current_month_and_three_more():
    made = missing_partitions(None, date(2026, 11, 22), "month")

    assert [name for name, _ in made] == ["past", "p20261101", "p20261201", "p20270101", "p20270201"]
    assert id_time(made[0][1]) == datetime(2026, 11, 1, tzinfo=UTC)
    assert id_time(made[-1][1]) == datetime(2027, 3, 1, tzinfo=UTC)


@pytest.mark.parametrize(("width", "first"), [("day", "p20261122"), ("week", "p20261116"), ("month", "p20261101")])
def test_a_partition_is_named_after_its_first_day(width, first):
    assert missing_partitions(None, date(2026, 11, 22), width)[1][0] == first


@given(days, widths, st.integers(0, 400), widths)
def test_partitions_follow_each_other_whatever_the_width_was_before(day, width, later, new_width):
    before = missing_partitions(None, day, width)
    today = day + timedelta(days=later)

    after = missing_partitions(before[-1][1], today, new_width)

    bounds = [bound for _, bound in before + after]
    assert bounds == sorted(set(bounds))
    assert len({name for name, _ in before + after}) == len(before + after)
    assert bounds[-1] > first_id(today + timedelta(days=2))


@given(days, widths)
def test_nothing_is_made_twice(day, width):
    made = missing_partitions(None, day, width)

    assert missing_partitions(made[-1][1], day, width) == []


def test_the_statement_leaves_the_future_last():
    statement = reorganize("event_log", [("p20261101", 5)])

    assert statement == (
        "ALTER TABLE event_log REORGANIZE PARTITION future INTO "
        "(PARTITION p20261101 VALUES LESS THAN (5), PARTITION future VALUES LESS THAN MAXVALUE)"
    )
