"""Users as 8-byte numbers: integers are their own; a text is a keyed hash, so that no table has to be asked."""

from __future__ import annotations

import hashlib

TEXT_USER_BIT = 1 << 62
"""Set in the number of every user who is a text; integers keep it clear."""


def hash_user(user_key: str, hash_key: bytes) -> int:
    """Return the number of a text user: 62 bits of BLAKE2b under the installation's key, with bit 62 set."""
    digest = hashlib.blake2b(user_key.encode(), digest_size=8, key=hash_key).digest()
    return int.from_bytes(digest, "big") & (TEXT_USER_BIT - 1) | TEXT_USER_BIT
