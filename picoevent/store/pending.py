"""How a batch lies in `pending`: the narrow columns of its events, packed; one pair that packs and unpacks.

Format 1, little-endian: format (1 byte), version of the declarations (4), number of events n (4), then four columns
of n values each: event ids (8), event type ids (2), source ids (2), user numbers (8, all bits set for no user).
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass

from picoevent.errors import StoreCorrupt
from picoevent.store.record import Record

FORMAT = 1
NO_USER = (1 << 64) - 1
_HEAD = struct.Struct("<BII")


@dataclass(frozen=True, slots=True)
class PendingBatch:
    """One committed batch, column by column, as the fold reads it."""

    declarations: int
    event_ids: tuple[int, ...]
    event_type_ids: tuple[int, ...]
    source_ids: tuple[int, ...]
    user_numbers: tuple[int | None, ...]


def pack_batch(records: Sequence[Record], *, declarations: int = 0) -> bytes:
    """Return the bytes of a batch."""
    return pack_columns(
        [record.event_id for record in records],
        [record.event_type_id for record in records],
        [record.source_id for record in records],
        [record.user_number for record in records],
        declarations=declarations,
    )


def pack_columns(
    event_ids: Sequence[int],
    event_type_ids: Sequence[int],
    source_ids: Sequence[int],
    user_numbers: Sequence[int | None],
    *,
    declarations: int = 0,
) -> bytes:
    """Return the bytes of a batch whose columns lie side by side already."""
    count = len(event_ids)
    return b"".join(
        (
            _HEAD.pack(FORMAT, declarations, count),
            struct.pack(f"<{count}Q", *event_ids),
            struct.pack(f"<{count}H", *event_type_ids),
            struct.pack(f"<{count}H", *source_ids),
            struct.pack(f"<{count}Q", *[NO_USER if user is None else user for user in user_numbers]),
        )
    )


def unpack_batch(packed: bytes) -> PendingBatch:
    """Return the batch that `pack_batch` made bytes of; raise `StoreCorrupt` for anything else."""
    try:
        version, declarations, count = _HEAD.unpack_from(packed)
        columns = struct.unpack(f"<{count}Q{count}H{count}H{count}Q", packed[_HEAD.size :])
    except struct.error as error:
        raise StoreCorrupt("A pending batch is not as long as it says.", hint="See docs/architecture.md.") from error
    if version != FORMAT:
        raise StoreCorrupt(f"A pending batch has format {version}.", hint="A newer PicoEvent wrote it: upgrade.")
    ids, types, sources, users = (columns[part * count : (part + 1) * count] for part in range(4))
    numbers = tuple(None if user == NO_USER else user for user in users)
    return PendingBatch(declarations, ids, types, sources, numbers)
