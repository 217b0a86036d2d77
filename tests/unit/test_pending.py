"""A packed batch of `pending`: bit-equal there and back, and never guessed at."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from picoevent.errors import StoreCorrupt
from picoevent.store.pending import pack_batch, unpack_batch
from picoevent.store.record import Record

two_bytes = st.integers(0, 65_535)
records = st.builds(
    Record,
    event_id=st.integers(0, 2**63 - 1),
    event_type_id=two_bytes,
    source_id=two_bytes,
    user_number=st.none() | st.integers(0, 2**63 - 1),
    user_key=st.none(),
    payload=st.none(),
)


@given(st.lists(records, max_size=50), st.integers(0, 2**32 - 1))
def test_a_batch_is_unpacked_as_it_was_packed(batch, declarations):
    unpacked = unpack_batch(pack_batch(batch, declarations=declarations))

    assert unpacked.declarations == declarations
    assert unpacked.event_ids == tuple(record.event_id for record in batch)
    assert unpacked.event_type_ids == tuple(record.event_type_id for record in batch)
    assert unpacked.source_ids == tuple(record.source_id for record in batch)
    assert unpacked.user_numbers == tuple(record.user_number for record in batch)


def test_an_event_takes_twenty_bytes():
    batch = [Record(1, 2, 3, 4, None, None)] * 1000

    assert len(pack_batch(batch)) == 20 * 1000 + 9


@pytest.mark.parametrize("packed", [b"", b"\x01", pack_batch([Record(1, 2, 3, 4, None, None)])[:-1]])
def test_a_torn_batch_is_an_error(packed):
    with pytest.raises(StoreCorrupt, match="not as long"):
        unpack_batch(packed)


def test_a_batch_of_a_newer_format_is_an_error():
    with pytest.raises(StoreCorrupt, match="format 2"):
        unpack_batch(b"\x02" + pack_batch([])[1:])
