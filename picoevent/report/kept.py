"""An answer in the cache: under which name, of when it is, and until when it is fresh or stale."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import msgspec

from picoevent.report.frame import Answer
from picoevent.report.packing import pack_answer, unpack_answer

STALE_TIMES = 2
"""An answer is given, and refreshed meanwhile, until it is so many times as old as it may be fresh."""
MAX_AHEAD_SECONDS = 60
"""An answer from further in the future was made by a clock that is wrong, and is not believed."""


@dataclass(frozen=True, slots=True)
class CacheKey:
    """A question as the cache knows it: a name that is the same for the same question on the same data.

    `kind` is the type of its answers, as `packing.answer_type` gives it; `seal` the installation's key.
    """

    name: str
    kind: Any
    seal: bytes


@dataclass(frozen=True, slots=True)
class Kept:
    """What was kept: how old it is, and how many seconds it may be fresh.

    That is the shorter of two times: what was computed while its day ran lacks the end of that day when it is over.
    """

    age: float
    ttl: int
    answer: Answer[Any]

    @property
    def is_fresh(self) -> bool:
        """Whether it can be given as it is."""
        return self.age <= self.ttl

    @property
    def is_stale(self) -> bool:
        """Whether it can be given while it is refreshed."""
        return self.ttl < self.age <= self.ttl * STALE_TIMES

    def given(self) -> Answer[Any]:
        """Return the answer, saying that it was kept."""
        return replace(self.answer, cached_seconds=round(self.age, 3))


class _Entry(msgspec.Struct, array_like=True):
    made: float
    ttl: int
    answer: msgspec.Raw


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(_Entry)


def pack_kept(answer: Answer[Any], made: float, ttl_seconds: int) -> bytes:
    """Return an answer as it is kept, computed from this Unix second on; raise as `pack_answer` does."""
    return _encoder.encode(_Entry(made, ttl_seconds, msgspec.Raw(pack_answer(answer))))


def read_kept(body: bytes, kind: Any, now: float, ttl_seconds: int) -> Kept | None:  # noqa: ANN401  # a type
    """Return what was kept, to whoever would keep it for so many seconds now; None for what can't be read."""
    with suppress(msgspec.MsgspecError, ValueError, ArithmeticError, KeyError):
        entry = _decoder.decode(body)
        age = now - entry.made
        if age >= -MAX_AHEAD_SECONDS:
            return Kept(max(0.0, age), min(entry.ttl, ttl_seconds), unpack_answer(entry.answer, kind))
    return None
