"""Ids: their layout, their order within a process, and what a clock or a fork can't do to them."""

from __future__ import annotations

import itertools
import random
import threading
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from picoevent.ids import (
    MAX_EVENT_ID,
    MAX_UNIX_MS,
    IdMinter,
    id_time,
    id_unix_ms,
    make_id,
    next_place,
    unix_ms,
)
from picoevent.testing import FakeClock

NOON = int(datetime(2026, 3, 1, 12, tzinfo=UTC).timestamp() * 1000)
moments = st.integers(946_684_800_000, MAX_UNIX_MS)
tags, sequences = st.integers(0, 1023), st.integers(0, 2047)


def minter(clock: FakeClock, seed: int = 1) -> IdMinter:
    return IdMinter(clock_ms=clock, rng=random.Random(seed))


@given(moments, tags, sequences)
def test_an_id_holds_its_time_in_63_bits(moment, tag, sequence):
    event_id = make_id(moment, tag, sequence)

    assert id_unix_ms(event_id) == moment
    assert unix_ms(id_time(event_id)) == moment
    assert 0 <= event_id <= MAX_EVENT_ID


@given(moments, tags, sequences, moments, tags, sequences)
def test_ids_are_ordered_by_second_then_tag_then_millisecond(ms_a, tag_a, seq_a, ms_b, tag_b, seq_b):
    parts_a = (ms_a // 1000, tag_a, ms_a % 1000, seq_a)
    parts_b = (ms_b // 1000, tag_b, ms_b % 1000, seq_b)

    assert (make_id(ms_a, tag_a, seq_a) < make_id(ms_b, tag_b, seq_b)) == (parts_a < parts_b)


def test_the_last_id_is_of_2136():
    last = make_id(MAX_UNIX_MS, 1023, 2047)

    assert id_time(last).year == 2136
    assert last <= MAX_EVENT_ID


def test_ids_of_now_rise_and_carry_the_clock():
    clock = FakeClock(NOON)
    mint = minter(clock).mint

    ids = [mint() for _ in range(10)]
    clock.now += 5
    ids.append(mint())

    assert ids == sorted(set(ids))
    assert id_unix_ms(ids[0]) == NOON
    assert id_unix_ms(ids[-1]) == NOON + 5


def test_a_clock_that_steps_back_does_not_make_ids_step_back():
    clock = FakeClock(NOON)
    mint = minter(clock).mint

    before = [mint() for _ in range(3)]
    clock.now -= 3_600_000
    after = [mint() for _ in range(5000)]

    assert before + after == sorted(set(before + after))


def test_ids_rise_past_the_sequence_and_past_the_second():
    clock = FakeClock(NOON + 998)
    mint = minter(clock).mint

    ids = [mint() for _ in range(10_000)]

    assert ids == sorted(set(ids))


def test_ids_rise_across_every_new_tag():
    clock = FakeClock(NOON)
    mine = minter(clock)
    ids = []
    for _ in range(50):
        ids.append(mine.mint())
        mine.draw_tag()

    assert ids == sorted(set(ids))


def test_threads_never_get_the_same_id():
    mine = IdMinter()
    ids: list[int] = []

    def work() -> None:
        ids.extend([mine.mint() for _ in range(2000)])

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(set(ids)) == 16_000


def test_events_of_one_past_millisecond_spill_into_the_next_ones_of_their_second():
    mine = minter(FakeClock(NOON))
    moment = NOON - 86_400_000 + 999

    ids = [mine.mint_at(moment) for _ in range(5000)]

    assert len(set(ids)) == 5000
    assert {id_unix_ms(event_id) // 1000 for event_id in ids} == {moment // 1000}
    assert [id_unix_ms(event_id) for event_id in ids[:2048]] == [moment] * 2048


def test_two_minters_draw_different_tags_most_of_the_time():
    drawn = {IdMinter().tag for _ in range(200)}

    assert len(drawn) > 150


@given(moments, tags, sequences)
def test_the_next_place_of_an_event_keeps_its_millisecond(moment, tag, sequence):
    taken = make_id(moment, tag, sequence)

    moved = next_place(taken)

    assert id_unix_ms(moved) == moment
    assert moved != taken


def test_the_places_lead_away_from_the_tag_and_do_not_come_back_soon():
    taken = make_id(NOON, 1000, 2000)
    places = list(itertools.accumulate(range(10_000), lambda place, _: next_place(place), initial=taken))

    assert len(set(places)) == len(places)
    assert 1000 not in {place >> 21 & 1023 for place in places[1:128]}
