"""The values of a real access log: what `top_values` and `breakdown` say is what plain Python counts in the file."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import UTC, datetime

import pytest

from picoevent.importing import import_files

from .real_log_lines import read_lines

SINCE, UNTIL = datetime(2015, 5, 17, tzinfo=UTC), datetime(2015, 5, 21, tzinfo=UTC)
RANGE = {"since": SINCE, "until": UNTIL, "limit": 1000}
DECLARED = {
    "dimensions": ["status", "method"],
    "pairs": [("method", "status")],
    "distinct": ["ip"],
    "searchable": ["ip"],
}


@pytest.fixture
def counted(events, real_log):
    events.declare("http.request", **DECLARED)
    import_files(events, [real_log])
    return events


@pytest.fixture
def lines(real_log):
    return read_lines(real_log)


def test_top_values_counts_each_status_of_a_real_log_with_its_first_and_last_time(counted, lines):
    moments = defaultdict(list)
    for line in lines:
        moments[line.status].append(line.at)

    answer = counted.report("top_values", of="status", **RANGE)

    assert answer.exact
    found = {row.value: (row.events, row.first_seen, row.last_seen) for row in answer.rows}
    assert found == {status: (len(own), min(own), max(own)) for status, own in moments.items()}


def test_the_busiest_addresses_of_a_real_log_are_named_and_the_rest_is_summed_exactly(counted, lines):
    expected = Counter(line.ip for line in lines)

    rows = {row.value: row for row in counted.report("top_values", of="ip", **RANGE | {"limit": 10}).rows}

    assert [value for value in rows if value != "(other)"] == [ip for ip, _ in expected.most_common(10)]
    assert all(row.events <= expected[ip] for ip, row in rows.items() if ip != "(other)")
    assert sum(row.events for row in rows.values()) == len(lines)


def test_breakdown_counts_methods_by_status_and_the_addresses_of_each_in_a_real_log(counted, lines):
    pairs = Counter((line.method, line.status) for line in lines)
    addresses = defaultdict(set)
    for line in lines:
        addresses[line.status].add(line.ip)

    by_pair = counted.report("breakdown", by="method,status", **RANGE)
    by_status = counted.report("breakdown", by="status", distinct="ip", **RANGE)

    assert {(row.value, row.second_value): row.events for row in by_pair.rows} == pairs
    assert {row.value: row.distinct for row in by_status.rows} == {value: len(own) for value, own in addresses.items()}
