"""Event ids: 63 bits that are identity, time and order at once; minting them and reading them, without a server.

Layout, from the top: 32 bits of seconds since 2000-01-01 UTC, 10 bits of tag, 10 bits of millisecond, 11 bits of
sequence. The tag stands above the millisecond so that the rows of one batch lie side by side in the table.
"""

from __future__ import annotations

import random
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from picoevent.errors import Rejected, RejectReason

EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
EPOCH_UNIX = 946_684_800
"""Seconds from 1970-01-01 to 2000-01-01 UTC."""

SECOND_SHIFT, TAG_SHIFT, MILLISECOND_SHIFT = 31, 21, 11
TAGS, SEQUENCES = 1 << 10, 1 << 11
LAST_SEQUENCE = SEQUENCES - 1
MAX_EVENT_ID = (1 << 63) - 1

MIN_UNIX_MS = EPOCH_UNIX * 1000
MAX_UNIX_MS = (EPOCH_UNIX + (1 << 32)) * 1000 - 1
TRACKED_MILLISECONDS = 4096
"""How many distinct past milliseconds a minter remembers, to number several events of one millisecond."""

PLACE_STRIDE = 303_819
"""From a taken place to the next one. None of the first 128 steps stays near the tag, nor meets one of the first
27,000 equals of an imported event (`picoevent.write.imported.STRIDE`)."""

_TAG_BITS = (TAGS - 1) << TAG_SHIFT


def make_id(unix_ms: int, tag: int, sequence: int) -> int:
    """Return the event id of a Unix time in milliseconds, a tag below 1,024 and a sequence below 2,048."""
    second, millisecond = divmod(unix_ms - EPOCH_UNIX * 1000, 1000)
    return second << SECOND_SHIFT | tag << TAG_SHIFT | millisecond << MILLISECOND_SHIFT | sequence


def id_unix_ms(event_id: int) -> int:
    """Return the Unix time in milliseconds that an event id holds."""
    millisecond = event_id >> MILLISECOND_SHIFT & 1023
    return ((event_id >> SECOND_SHIFT) + EPOCH_UNIX) * 1000 + millisecond


def id_time(event_id: int) -> datetime:
    """Return the time that an event id holds, aware, in UTC, to the millisecond."""
    millisecond = event_id >> MILLISECOND_SHIFT & 1023
    return EPOCH + timedelta(seconds=event_id >> SECOND_SHIFT, milliseconds=millisecond)


def unix_ms(moment: datetime) -> int:
    """Return an aware datetime as Unix milliseconds, rounded down."""
    return (moment - EPOCH) // timedelta(milliseconds=1) + EPOCH_UNIX * 1000


def first_id_of_second(unix_second: int) -> int:
    """Return the smallest id of a second; every event at or after it has an id at least as large.

    Behind the last second that ids have, it is the last id.
    """
    return min((unix_second - EPOCH_UNIX) << SECOND_SHIFT, MAX_EVENT_ID)


def next_place(event_id: int) -> int:
    """Return where the event of an id that is taken goes: same millisecond, another tag and sequence.

    Whoever looks for the event later looks in the same places, in the same order. The stride is odd, so it leads
    through all 2**21 places; and it leads far away from the ids that the same process mints meanwhile.
    """
    place = (event_id >> TAG_SHIFT & TAGS - 1) * SEQUENCES + (event_id & SEQUENCES - 1)
    tag, sequence = divmod((place + PLACE_STRIDE) % (TAGS * SEQUENCES), SEQUENCES)
    return event_id & ~_TAG_BITS & ~(SEQUENCES - 1) | tag << TAG_SHIFT | sequence


def wall_clock_ms() -> int:
    """Return this machine's clock as Unix milliseconds."""
    return time.time_ns() // 1_000_000


class IdMinter:
    """Mint ids of one process: rising for events without a time of their own, and seldom the same for the others.

    The tag and the first sequence of each millisecond are random, so that processes that know nothing of each
    other seldom collide; the store finds the rest. A clock that steps back does not make ids step back. Safe under
    threads; the child of a `fork()` makes its own.
    """

    def __init__(self, *, clock_ms: Callable[[], int] = wall_clock_ms, rng: random.Random | None = None) -> None:
        self._clock_ms = clock_ms
        # One of its own, seeded by the system: a host that seeds `random` must not give all its processes one tag.
        self._rng = rng or random.Random()
        # Reentrant: a signal handler may log within a call that holds it.
        self._lock = threading.RLock()
        self._last_ms = 0
        self._sequence = LAST_SEQUENCE
        self._first_of_ms = 0
        self._tag = self._rng.randrange(TAGS)
        self._past: OrderedDict[int, tuple[int, int]] = OrderedDict()

    @property
    def tag(self) -> int:
        """The tag of this process, below 1,024."""
        return self._tag

    def mint(self) -> int:
        """Return an id of now, larger than every earlier result; raise `Rejected` where the clock can't be right."""
        with self._lock:
            now = self._clock_ms()
            if now <= self._last_ms and self._sequence < LAST_SEQUENCE:
                # The next one of this millisecond, or of one that the clock has stepped back from.
                self._sequence += 1
                return self._first_of_ms + self._sequence
            if max(now, self._last_ms) < MIN_UNIX_MS or now > MAX_UNIX_MS:
                raise Rejected(RejectReason.TIME_INVALID, "this machine's clock is not between 2000 and 2136")
            if now > self._last_ms:
                self._last_ms = now
                # Half of the range is left behind the random start, so that it seldom runs over.
                self._sequence = self._rng.getrandbits(10)
            else:
                self._last_ms += 1
                self._sequence = 0
            self._first_of_ms = make_id(self._last_ms, self._tag, 0)
            return self._first_of_ms + self._sequence

    def mint_at(self, at_ms: int) -> int:
        """Return an id that carries this Unix time in milliseconds.

        More than 2,048 events of one millisecond spill into the next ones of that second.
        """
        with self._lock:
            start, count = self._past.pop(at_ms, (None, 0))
            if start is None:
                start = self._rng.randrange(SEQUENCES)
            self._past[at_ms] = start, count + 1
            if len(self._past) > TRACKED_MILLISECONDS:
                self._past.popitem(last=False)
            spilled, turn = divmod(count, SEQUENCES)
            second, millisecond = divmod(at_ms, 1000)
            moment = second * 1000 + (millisecond + spilled) % 1000
            return make_id(moment, self._tag, (start + turn) % SEQUENCES)

    def draw_tag(self) -> None:
        """Draw another tag, after a fork or a collision; results go on rising.

        The tag stands above the millisecond, so a smaller tag would make ids of this second step back: the next
        id of now belongs to the next second then.
        """
        with self._lock:
            before = self._tag
            self._tag = (before + 1 + self._rng.randrange(TAGS - 1)) % TAGS
            self._past.clear()
            if self._tag < before:
                self._last_ms = (self._last_ms // 1000 + 1) * 1000
                self._sequence = -1
            self._first_of_ms = make_id(self._last_ms, self._tag, 0)
