"""Tiers and their calendar: every day of every zone begins on a quarter of an hour, and a range is cut without gaps."""

from __future__ import annotations

import itertools
import zoneinfo
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from picoevent.rollup.tiers import QUARTER_SECONDS, Calendar, Tier, Window, cover

ZONES = ["UTC", "Europe/Berlin", "America/Sao_Paulo", "Asia/Kathmandu", "Australia/Lord_Howe", "Pacific/Apia"]
SECONDS = st.integers(1_000_000_000, 2_000_000_000)


@pytest.mark.parametrize("zone", sorted(zoneinfo.available_timezones())[::9] + ZONES)
def test_a_day_of_any_zone_begins_on_a_quarter_of_an_hour(zone):
    calendar = Calendar(zone)

    starts = [calendar.day_start(date(2000, 1, 1) + timedelta(days=number)) for number in range(0, 14_000, 1)]

    assert all(start % QUARTER_SECONDS == 0 for start in starts)
    assert starts == sorted(starts)


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("tier", Tier)
@given(second=SECONDS)
def test_a_second_lies_in_its_bucket_and_not_in_the_next(zone, tier, second):
    calendar = Calendar(zone)

    bucket = calendar.bucket(tier, second)

    assert bucket <= second < calendar.following(tier, bucket)
    assert calendar.bucket(tier, bucket) == bucket
    assert calendar.first_at_or_after(tier, bucket) == bucket


def test_a_day_that_an_island_skipped_has_no_bucket():
    calendar = Calendar("Pacific/Apia")
    last = calendar.day_start(date(2011, 12, 29))

    assert calendar.day_of(calendar.following(Tier.DAY, last)) == date(2011, 12, 31)


@given(SECONDS, st.integers(0, 400 * 86_400), SECONDS, SECONDS)
def test_a_range_is_cut_into_pieces_that_touch_and_that_their_tiers_hold_whole(since, length, kept, closed):
    calendar = Calendar("Europe/Berlin")
    windows = {Tier.MINUTE: Window(kept, 1 << 33), Tier.DAY: Window(0, closed), Tier.MONTH: Window(0, closed - 10**7)}

    pieces = cover(since, since + length, windows, calendar)

    assert sum(piece.until - piece.since for piece in pieces) == length
    assert all(one.until == two.since for one, two in itertools.pairwise(pieces))
    for piece in pieces:
        if piece.tier is not None:
            assert calendar.bucket(piece.tier, piece.since) == piece.since
            assert windows[piece.tier].since <= piece.since < piece.until <= windows[piece.tier].until


def test_the_coarsest_tier_that_has_it_whole_answers():
    calendar = Calendar("UTC")
    windows = {tier: Window(0, 1 << 33) for tier in Tier}
    since, until = calendar.day_start(date(2026, 1, 31)) - 60, calendar.day_start(date(2026, 3, 2)) + 901

    pieces = [(piece.tier, piece.until - piece.since) for piece in cover(since, until, windows, calendar)]

    day = 86_400
    assert pieces == [
        (Tier.MINUTE, 60), (Tier.DAY, day), (Tier.MONTH, 28 * day), (Tier.DAY, day), (Tier.QUARTER, 900), (None, 1),
    ]  # fmt: skip
