"""Records of the spool as bytes: there and back, cut anywhere, flipped anywhere, rubbish in between."""

from __future__ import annotations

import os
from tempfile import TemporaryFile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from picoevent.spool import SpooledEvent
from picoevent.spool.frames import CHUNK, DAMAGED, HEAD_BYTES, MARKER, TORN, decode_event, encode, frame, scan

texts = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)
spooled = st.builds(
    SpooledEvent,
    st.integers(0, 2**63 - 1),
    texts,
    texts,
    st.none() | st.integers(0, 2**62 - 1) | texts,
    # A payload is UTF-8, in which the marker can't stand.
    st.none() | st.text(max_size=50).map(str.encode),
    st.booleans(),
)


def found_in(data):
    with TemporaryFile() as file:
        file.write(data)
        file.flush()
        return list(scan(file.fileno(), 0, len(data)))


def sound(data):
    return [(number, body) for _, _, number, body in found_in(data) if number > 0]


@given(st.lists(spooled))
def test_what_is_written_is_read(events):
    data = b"".join(frame(number, encode(event)) for number, event in enumerate(events, 1))

    assert [decode_event(body) for _, body in sound(data)] == events


@given(st.lists(spooled.map(encode), min_size=1, max_size=3))
def test_a_torn_tail_hides_nothing_before_it_and_is_told_from_damage(bodies):
    frames = [frame(number, body) for number, body in enumerate(bodies, 1)]
    data = b"".join(frames)
    last = len(data) - len(frames[-1])

    for size in range(last + 1, len(data)):
        for padding in (b"", bytes(64)):
            found = found_in(data[:size] + padding)
            assert [body for _, _, number, body in found if number > 0] == bodies[:-1]
            assert [number for _, _, number, _ in found if number <= 0] in ([], [TORN])


def test_a_flip_of_any_bit_costs_its_own_record_at_most():
    data = b"".join(frame(number, b"body %d" % number) for number in range(1, 5))
    lengths = []

    for bit in range(len(data) * 8):
        damaged = bytearray(data)
        damaged[bit // 8] ^= 1 << bit % 8
        lengths.append(len(sound(bytes(damaged))))

    assert set(lengths) == {3, 4}
    # Marker and length can be told from the rest.
    assert lengths.count(4) == 4 * 8 * 8


@given(st.binary(max_size=60), st.binary(max_size=60))
def test_rubbish_between_records_is_skipped(before, between):
    data = before + frame(7, b"seven") + between + MARKER + frame(9, b"nine")

    assert sound(data)[-2:] == [(7, b"seven"), (9, b"nine")]


@pytest.mark.parametrize("size", [CHUNK - HEAD_BYTES, CHUNK - 3, CHUNK + 1, 3 * CHUNK])
def test_records_around_the_size_of_a_load_are_read(size):
    bodies = [b"a" * size, b"b", b"c" * size, b"d"]
    data = b"".join(frame(number, body) for number, body in enumerate(bodies, 1))

    assert [body for _, body in sound(data)] == bodies


def test_a_length_of_gigabytes_is_not_loaded():
    damaged = bytearray(frame(1, b"one") + frame(2, b"two"))
    damaged[7] = 0xF0

    assert sound(bytes(damaged)) == [(1, b"one"), (2, b"two")]


def test_a_file_of_markers_comes_to_an_end():
    head = MARKER + (4 * CHUNK).to_bytes(4, "little")

    found = found_in(head * (CHUNK // 4))

    assert {number for _, _, number, _ in found} <= {DAMAGED, TORN}


def test_a_file_that_is_shorter_than_said_is_read_to_its_end():
    with TemporaryFile() as file:
        file.write(frame(1, b"one"))
        file.flush()

        assert len(list(scan(file.fileno(), 0, 1000))) == 1
        assert os.fstat(file.fileno()).st_size < 1000
