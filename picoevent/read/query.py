"""What can be asked of the event log: a frozen, checked value that pages, streams and counts are made from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypedDict

from picoevent.errors import InvalidQuery
from picoevent.ids import EPOCH, MAX_EVENT_ID, MAX_UNIX_MS, unix_ms

MAX_LIMIT = 10_000
MAX_EVENT_TYPES = 50
FIRST_STREAMED_ROWS = 20
"""How many events a stream begins with, before it knows how large they are."""
ORDERS = ("newest", "oldest")


@dataclass(frozen=True, slots=True)
class Query:
    """Filters, order and place of a page; made by `make_query`, which checks them.

    `since_ms` is the first Unix millisecond that counts, `until_ms` the first that does not; `after` is the id
    behind which the page begins, in the query's order.
    """

    event_types: tuple[str, ...] | None = None
    source: str | None = None
    user_id: int | str | None = None
    since_ms: int | None = None
    until_ms: int | None = None
    newest_first: bool = True
    limit: int = 50
    after: int | None = None

    def following(self, after: int) -> Query:
        """Return the same query, beginning behind this id."""
        return replace(self, after=after)


class Filters(TypedDict, total=False):
    """The filters as people give them: names, a user, and aware times (`since` counts, `until` does not)."""

    event_type: str | Sequence[str] | None
    user_id: int | str | None
    source: str | None
    since: datetime | None
    until: datetime | None


def make_query(filters: Filters, *, order: str = "newest", limit: int = 50, cursor: str | None = None) -> Query:
    """Return the query of these filters; raise `InvalidQuery` saying which part is wrong."""
    unknown = sorted(set(filters) - set(Filters.__annotations__))
    if unknown:
        raise InvalidQuery(
            f"There is no filter {unknown[0]!r}.", hint=f"There are {', '.join(Filters.__annotations__)}."
        )
    if order not in ORDERS:
        raise InvalidQuery(f"There is no order {order!r}.", hint="Use newest or oldest.")
    if type(limit) is not int or not 1 <= limit <= MAX_LIMIT:
        raise InvalidQuery(
            f"The limit {limit!r} is wrong.", hint=f"Use 1 to {MAX_LIMIT:,}; iter_events() has no limit."
        )
    return Query(
        event_types=_event_types(filters.get("event_type")),
        source=_text(filters.get("source"), "source"),
        user_id=_user(filters.get("user_id")),
        since_ms=_moment(filters.get("since"), "since"),
        until_ms=_moment(filters.get("until"), "until"),
        newest_first=order == "newest",
        limit=limit,
        after=None if cursor is None else read_cursor(cursor, order),
    )


def make_cursor(after: int, *, newest_first: bool) -> str:
    """Return where the next page begins, as a text that survives URLs."""
    return f"{'n' if newest_first else 'o'}{after}"


def read_cursor(cursor: object, order: str) -> int:
    """Return the id of a cursor; raise `InvalidQuery` for one of another order, or none at all."""
    if not isinstance(cursor, str):
        raise InvalidQuery("A cursor is a text.", hint="Use the next_cursor of a page.")
    letter, digits = cursor[:1], cursor[1:]
    if letter not in ("n", "o") or not (digits.isascii() and digits.isdigit()) or len(digits) > 19:  # noqa: PLR2004
        raise InvalidQuery("This cursor was not made here.", hint="Begin with the first page.")
    if letter != order[0]:
        raise InvalidQuery("This cursor belongs to the other order.", hint="Begin with the first page.")
    return min(int(digits), MAX_EVENT_ID)


def _event_types(given: object) -> tuple[str, ...] | None:
    """Return the names without repetition; none at all match nothing, None is no filter."""
    if given is None:
        return None
    if not isinstance(given, (str, list, tuple, set, frozenset)):
        raise InvalidQuery(f"The event type is of type {type(given).__name__}, neither a text nor a list of them.")
    names = [_text(name, "event type") for name in ([given] if isinstance(given, str) else given)]
    event_types = tuple(dict.fromkeys(name for name in names if name is not None))
    if len(event_types) > MAX_EVENT_TYPES:
        raise InvalidQuery(f"{len(event_types)} event types are too many.", hint=f"Ask for {MAX_EVENT_TYPES} at most.")
    return event_types


def _text(value: object, what: str) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str):
        raise InvalidQuery(f"The {what} is of type {type(value).__name__}, not a text.")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise InvalidQuery(f"The {what} holds a lone surrogate, which nothing that is stored does.") from None
    return value


def _user(user_id: object) -> int | str | None:
    if user_id is None or isinstance(user_id, str):
        return _text(user_id, "user")
    if isinstance(user_id, int) and not isinstance(user_id, bool) and 0 <= user_id < 1 << 62:
        return int(user_id)
    raise InvalidQuery("The user is neither a text nor a number from 0 to 2**62 - 1.")


def _moment(moment: object, what: str) -> int | None:
    if moment is None:
        return None
    if not isinstance(moment, datetime) or moment.utcoffset() is None:
        raise InvalidQuery(f"The time of {what} has no time zone.", hint="For example: datetime.now(UTC).")
    return min(_rounded_up_ms(max(moment, EPOCH)), MAX_UNIX_MS)


def _rounded_up_ms(moment: datetime) -> int:
    # Times are stored in whole milliseconds: one that begins before `since` lies outside.
    return unix_ms(moment) + (1 if moment.microsecond % 1000 else 0)
