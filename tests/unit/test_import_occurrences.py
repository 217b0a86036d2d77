"""Counting equal events per second in little memory gives what counting in endless memory gives."""

from __future__ import annotations

import sqlite3
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from picoevent.errors import PicoEventError
from picoevent.importing.occurrences import OccurrenceCounter

KEYS = st.integers(-(2**63), 2**63 - 1) | st.integers(0, 3)


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(-3, 12), KEYS)), st.integers(1, 8))
def test_counts_are_exact_for_any_order_in_any_memory(lines, max_counters):
    expected: Counter[tuple[int, int]] = Counter()

    with OccurrenceCounter(max_counters) as occurrences:
        for line in lines:
            assert occurrences.count(*line) == expected[line]
            expected[line] += 1


def test_memory_stays_bounded_within_one_second_too():
    with OccurrenceCounter(max_counters=100) as occurrences:
        for key in range(10_000):
            occurrences.count(5, key)

        assert sum(map(len, occurrences._recent.values())) <= 100
        assert all(occurrences.count(5, key) == 1 for key in range(0, 10_000, 97))


@pytest.mark.parametrize("step", [1, -1], ids=["forwards", "backwards"])
def test_a_file_in_order_of_time_never_looks_into_the_temporary_file(step):
    with OccurrenceCounter(max_counters=10) as occurrences:
        for second in range(0, 1000 * step, step):
            occurrences.count(second, 7)
            if occurrences._evicted:
                occurrences._evicted._connection.set_authorizer(_no_reading)

        assert occurrences._evicted is not None


def _no_reading(action, *_):
    return sqlite3.SQLITE_DENY if action == sqlite3.SQLITE_SELECT else sqlite3.SQLITE_OK


def test_a_full_disk_is_told_with_what_to_do():
    with OccurrenceCounter(max_counters=10) as occurrences:
        for second in range(20):
            occurrences.count(second, 7)
        occurrences._evicted._connection.execute("PRAGMA max_page_count = 2")

        with pytest.raises(PicoEventError, match="SQLITE_TMPDIR"):
            _count_each(occurrences, range(1_000))


def _count_each(occurrences, keys):
    for key in keys:
        occurrences.count(50, key)
