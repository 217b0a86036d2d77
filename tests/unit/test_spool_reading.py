"""Reading a spool: batches, checkpoint, what is damaged or missing; each event is read or counted."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from picoevent.spool import Spool, SpooledEvent, iter_set_aside, list_spools
from picoevent.spool.frames import encode, frame
from picoevent.spool.segment import START_BYTES

MB = 1_000_000


def event(number):
    return SpooledEvent(number, "tick", "default", None, b'{"n":%d}' % number)


def left_behind(folder, count, *, per_segment=1000):
    """Write events as a process that died would leave them; return its folder."""
    spool = Spool(folder, 100 * MB, segment_bytes=START_BYTES + per_segment * len(frame(1, encode(event(99)))))
    for number in range(1, count + 1):
        spool.append([event(number)])
    spool.close()
    return next(path for path in folder.iterdir() if path.is_dir())


def drain(spool, **limits):
    """Read everything; return the ids and the sums of corrupt, lost and again."""
    ids, corrupt, lost, again = [], 0, 0, 0
    while (batch := spool.next_batch(**limits)) is not None:
        ids += [found.event_id for found in batch.events]
        corrupt, lost, again = corrupt + batch.corrupt, lost + batch.lost, again + batch.again
        spool.done(batch)
    return ids, corrupt, lost, again


@pytest.fixture
def spool(tmp_path):
    spool = Spool(tmp_path / "spool", 100 * MB)
    yield spool
    spool.close()


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "spool"


def segments(process: Path) -> list[Path]:
    return sorted(path for path in process.iterdir() if path.name[:20].isdigit())


def test_events_are_read_in_the_order_they_were_appended(spool):
    spool.append([event(n) for n in range(1, 6)])

    assert drain(spool, max_events=2) == ([1, 2, 3, 4, 5], 0, 0, 0)
    assert spool.pending == 0


def test_a_batch_stays_the_same_until_it_is_done_and_is_fresh_once(spool):
    spool.append([event(1)])
    first, second = spool.next_batch(), spool.next_batch()
    spool.append([event(2)])

    assert (first.events, first.fresh) == ([event(1)], True)
    assert (second.events, second.fresh) == ([event(1)], False)
    spool.done(second)
    spool.done(first)
    assert spool.next_batch().events == [event(2)]


def test_a_batch_is_bounded_by_bytes_but_holds_one_event_at_least(spool):
    spool.append([SpooledEvent(n, "large", "default", 1, b"x" * 1000) for n in (1, 2, 3)])

    assert [len(spool.next_batch(max_bytes=size).events) for size in (10, 10)] == [1, 1]
    assert drain(spool, max_bytes=2300)[0] == [1, 2, 3]


def test_reading_goes_on_at_the_checkpoint_and_knows_what_was_attempted(folder):
    left_behind(folder, 9, per_segment=3)
    first = Spool(folder, 100 * MB)
    assert first.adopt() == 9
    batch = first.next_batch(max_events=2)
    first.done(batch)
    first.close()

    second = Spool(folder, 100 * MB)
    assert second.adopt() == 7
    found = []
    while (batch := second.next_batch()) is not None:
        found.append(([e.event_id for e in batch.events], batch.fresh))
        second.done(batch)
    second.close()

    assert found[0] == ([3], False)
    assert {fresh for _, fresh in found[1:]} == {True}
    assert [n for ids, _ in found for n in ids] == [3, 4, 5, 6, 7, 8, 9]


@pytest.mark.parametrize("rubbish", [b"", b"rubbish", bytes(50)])
def test_a_torn_checkpoint_means_the_begin_and_that_everything_was_attempted(folder, spool, rubbish):
    process = left_behind(folder, 3)
    (process / "checkpoint").write_bytes(rubbish)

    assert spool.adopt() == 3
    assert spool.next_batch().fresh is False
    assert drain(spool)[0] == [1, 2, 3]


def test_each_bit_that_flips_costs_one_event_at_most_and_is_counted(tmp_path):
    process = left_behind(tmp_path / "source", 4)
    data = segments(process)[0].read_bytes()

    for bit in range(0, len(data) * 8, 3):
        damaged = bytearray(data)
        damaged[bit // 8] ^= 1 << bit % 8
        segments(process)[0].write_bytes(damaged)
        copy = tmp_path / str(bit)
        shutil.copytree(tmp_path / "source", copy)
        spool = Spool(copy, MB)
        adopted = spool.adopt()
        ids, corrupt, lost, again = drain(spool)
        spool.close()

        assert (adopted, len(ids) + corrupt, lost, again) == (4, 4, 0, 0), bit
        assert len(ids) >= 3
        assert len(list(iter_set_aside(copy))) == corrupt


def test_a_hole_in_a_segment_is_counted_to_the_record(folder, spool):
    process = left_behind(folder, 50)
    data = bytearray(segments(process)[0].read_bytes())
    data[500:1500] = bytes(1000)
    segments(process)[0].write_bytes(data)
    adopted = spool.adopt()

    ids, corrupt, lost, again = drain(spool)

    assert adopted == len(ids) + corrupt + lost == 50
    assert corrupt == 1
    assert lost > 10
    assert again == 0


@pytest.mark.parametrize("which", [0, 1, 2])
def test_a_missing_segment_is_counted_to_the_record(folder, spool, which):
    process = left_behind(folder, 20, per_segment=5)
    first, following = (int(path.name[:20]) for path in segments(process)[which : which + 2])
    segments(process)[which].unlink()
    adopted = spool.adopt()

    ids, corrupt, lost, _ = drain(spool)

    assert adopted == 20
    assert (len(ids), corrupt, lost) == (20 - (following - first), 0, following - first)
    assert spool.pending == 0


def test_a_segment_that_is_cut_in_the_middle_of_the_spool_is_counted(folder, spool):
    process = left_behind(folder, 20, per_segment=5)
    with segments(process)[1].open("r+b") as file:
        file.truncate(START_BYTES + 30)
    adopted = spool.adopt()

    ids, corrupt, lost, _ = drain(spool)

    assert adopted == len(ids) + corrupt + lost == 20
    assert lost > 0


@pytest.mark.parametrize("name", [2, 7, 5000])
def test_a_copy_of_a_segment_brings_its_events_again_and_loses_none(folder, spool, name):
    process = left_behind(folder, 20, per_segment=5)
    shutil.copy(segments(process)[0], process / f"{name:020d}.spool")
    adopted = spool.adopt()

    ids, corrupt, lost, again = drain(spool)

    assert adopted == 20
    assert set(ids) == set(range(1, 21))
    assert (corrupt, lost, len(ids) - again) == (0, 0, 20)


def test_what_can_not_be_stored_is_kept_with_its_reason(folder, spool):
    spool.append([event(1), event(2)])
    batch = spool.next_batch()

    spool.set_aside(batch, [(event(2), "the event type is blocked")])
    spool.set_aside(batch, [(event(2), "the event type is blocked")])
    spool.done(batch)

    assert list(iter_set_aside(folder)) == [(event(2), "the event type is blocked")]
    assert [status.set_aside for status in list_spools(folder)] == [1]


def test_what_was_set_aside_can_be_tried_again(folder, spool):
    earlier = Spool(folder, 100 * MB)
    earlier.append([event(1), event(2)])
    batch = earlier.next_batch()
    earlier.set_aside(batch, [(event(2), "why")])
    earlier.done(batch)
    earlier.close()
    assert len(list_spools(folder)) == 1

    assert spool.retry_set_aside() == 1
    assert [(e.event_id, e.attempted) for e in spool.next_batch().events] == [(2, True)]
    assert list(iter_set_aside(folder)) == []
    assert len(list_spools(folder)) == 1


def test_reading_while_appending_misses_nothing(folder):
    spool = Spool(folder, 100 * MB, segment_bytes=500)
    ids = []
    for number in range(1, 301):
        spool.append([event(number)])
        if number % 7 == 0:
            ids += drain(spool, max_events=3)[0]
    ids += drain(spool)[0]
    spool.sync()
    left = len(segments(next(folder.iterdir())))
    spool.close()

    assert ids == list(range(1, 301))
    assert left <= 1
    assert list(folder.iterdir()) == []
