"""Sessions against an oracle that looks at one user after the other, whatever pieces the events come in."""

from __future__ import annotations

from collections import Counter
from statistics import median
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from picoevent.errors import StoreCorrupt
from picoevent.ids import id_unix_ms, make_id
from picoevent.rollup.sessions import (
    GAP_MS,
    InTime,
    SessionSums,
    SessionWalk,
    days_touched_by,
    followed_until,
    pack_sums,
    unpack_sums,
    utc_days_of,
)
from picoevent.rollup.tiers import DAY_SECONDS, Calendar

DAY_MS = DAY_SECONDS * 1000
BEGIN_MS = 1_772_323_200_000
"""The beginning of 1 March 2026, UTC."""
UTC = Calendar("UTC")

offsets = st.one_of(st.integers(-GAP_MS, 4 * DAY_MS), st.integers(0, 40).map(lambda step: DAY_MS + step * GAP_MS // 2))
events = st.lists(st.tuples(offsets, st.sampled_from("abc"), st.integers(1, 3)), max_size=60)


def sessions_of(moments, since_ms, until_ms, calendar):
    """Return (first, last, events, entry, exit) of each session that began in a range, from (ms, place, type, who)."""
    found = []
    for who in {moment[3] for moment in moments}:
        chains = []
        for moment in sorted(moment for moment in moments if moment[3] == who):
            if not chains or moment[0] - chains[-1][-1][0] > GAP_MS:
                chains.append([])
            chains[-1].append(moment)
        for chain in chains:
            last_day = followed_until(calendar, chain[0][0] // 1000) * 1000
            kept = [moment for moment in chain if moment[0] < last_day]
            if since_ms <= kept[0][0] < until_ms:
                found.append((kept[0][0], kept[-1][0], len(kept), kept[0][2], kept[-1][2]))
    return sorted(found)


@given(drawn=events, pieces=st.integers(1, 7), days=st.integers(1, 2))
def test_a_session_ends_where_half_an_hour_passes_or_behind_the_next_day(drawn, pieces, days):
    moments = sorted((BEGIN_MS + offset, place, name, who) for place, (offset, name, who) in enumerate(drawn))
    found = []
    walk = SessionWalk(BEGIN_MS, BEGIN_MS + days * DAY_MS, UTC, lambda _, session: found.append(session))

    for begin in range(0, len(moments), pieces):
        walk.feed(moments[begin : begin + pieces])
    walk.end()

    shown = sorted((one.first_ms, one.last_ms, one.events, one.entry, one.exit) for one in found)
    assert shown == sessions_of(moments, BEGIN_MS, BEGIN_MS + days * DAY_MS, UTC)


def test_exactly_half_an_hour_is_no_end_and_a_millisecond_more_is_one():
    taken = []
    walk = SessionWalk(0, DAY_MS, UTC, lambda who, session: taken.append((who, session.events)))

    walk.feed([(0, 1, 1, "a"), (0, 2, 1, "b"), (GAP_MS, 3, 1, "a"), (GAP_MS + 1, 4, 1, "b")])
    walk.end()

    assert sorted(taken) == [("a", 2), ("b", 1), ("b", 1)]


def test_a_session_that_began_before_the_range_is_not_begun_anew_in_it():
    taken = []
    walk = SessionWalk(DAY_MS, 2 * DAY_MS, UTC, lambda _, session: taken.append(session))

    walk.feed([(DAY_MS - 1, 1, 1, "a"), (DAY_MS + 5, 2, 1, "a")])
    walk.end()

    assert taken == []


@given(drawn=st.lists(st.tuples(st.integers(0, 5000), st.integers(0, 3)), max_size=40), size=st.integers(1, 9))
def test_events_in_the_order_of_ids_come_out_in_the_order_of_time(drawn, size):
    ids = sorted({make_id(BEGIN_MS + ms, tag, 0) for ms, tag in drawn})
    rows = [(id_unix_ms(event_id), event_id, 1, 1) for event_id in ids]
    in_time = InTime()

    found = [row for begin in range(0, len(rows), size) for row in in_time.push(rows[begin : begin + size])]

    assert [*found, *in_time.rest()] == sorted(rows)


@given(drawn=st.lists(st.integers(0, 10_000_000), max_size=30))
def test_sums_are_those_of_all_sessions_and_survive_packing(drawn):
    sums, half = SessionSums(), SessionSums()
    for place, length in enumerate(drawn):
        session = SimpleNamespace(first_ms=5, last_ms=5 + length, events=1 + place % 3, entry=place % 2, exit=7)
        (sums if place % 2 else half).add(session)
    sums.merge(half)
    columns = {name: getattr(sums, name) for name in ("sessions", "bounced", "events", "milliseconds")}

    unpacked, version = unpack_sums(SimpleNamespace(bucket=0, packed=pack_sums(sums, 12), **columns))

    assert (unpacked, version) == (sums, 12)
    assert sums.milliseconds == sum(drawn)
    assert sums.median_seconds() == (median(length // 1000 for length in drawn) if drawn else None)
    assert sums.exits == Counter({7: len(drawn)} if drawn else {})


def test_a_damaged_row_is_told():
    with pytest.raises(StoreCorrupt, match="can't be read"):
        unpack_sums(SimpleNamespace(bucket=0, packed=b"\xc1"))


@pytest.mark.parametrize("zone", ["UTC", "Asia/Kathmandu", "America/New_York", "Pacific/Apia"])
def test_a_day_is_touched_by_the_utc_days_that_its_sessions_reach_into(zone):
    calendar = Calendar(zone)
    day = calendar.day_start(calendar.day_of(BEGIN_MS // 1000))

    touching = [utc for utc in range(day - 5 * DAY_SECONDS, day + 6 * DAY_SECONDS) if utc % DAY_SECONDS == 0]

    assert [utc for utc in touching if day in days_touched_by(calendar, utc)] == list(utc_days_of(calendar, day))
    assert utc_days_of(calendar, day)[0] <= day - GAP_MS // 1000
    assert utc_days_of(calendar, day)[-1] + DAY_SECONDS >= followed_until(calendar, day)
