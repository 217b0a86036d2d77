"""What can be declared of an event type, checked: paths, pairs and measures, and the words about it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypedDict

from picoevent.accept import check_name
from picoevent.errors import InvalidQuery, Rejected, RejectReason

LONGEST_PATH, LONGEST_DESCRIPTION, LONGEST_OWNER = 255, 1000, 255

Paths = tuple[str, str]
"""The path of a dimension and "", or the two of a pair."""


class Counted(TypedDict, total=False):
    """What `EventLog.withdraw` takes beside the event type."""

    dimensions: Sequence[str]
    pairs: Sequence[tuple[str, str]]
    measures: Sequence[str]
    searchable: Sequence[str]
    distinct: Sequence[str]


class Wishes(Counted, total=False):
    """What `EventLog.declare` takes beside the event type."""

    description: str
    owner: str


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be declared, or withdrawn, checked."""

    event_type: str
    dimensions: tuple[Paths, ...]
    """Those that were given as such, pairs among them."""
    measures: tuple[str, ...]
    searchable: tuple[Paths, ...]
    distinct: tuple[Paths, ...]
    words: Mapping[str, str]
    """Description and owner, where they were given."""

    def all_dimensions(self) -> tuple[Paths, ...]:
        """Return each dimension that is named in any way, once."""
        return tuple(dict.fromkeys((*self.dimensions, *self.searchable, *self.distinct)))


def check_wishes(event_type_name: str, wishes: Wishes) -> Wanted:
    """Return what is wanted; raise `InvalidQuery` saying which part of it can't be declared."""
    return _check(event_type_name, wishes, "declare", Wishes.__annotations__)


def check_withdrawal(event_type_name: str, counted: Counted) -> Wanted:
    """Return what is to be withdrawn; raise `InvalidQuery` as above, and where it is nothing."""
    wanted = _check(event_type_name, counted, "withdraw", Counted.__annotations__)
    if not wanted.all_dimensions() and not wanted.measures:
        raise InvalidQuery("Nothing is named to withdraw.", hint=f"Name {', '.join(Counted.__annotations__)}.")
    return wanted


def _check(event_type_name: str, wishes: Mapping[str, object], verb: str, possible: Iterable[str]) -> Wanted:
    unknown = sorted(set(wishes).difference(possible))
    if unknown:
        raise InvalidQuery(f"There is no {unknown[0]!r} to {verb}.", hint=f"There are {', '.join(possible)}.")
    try:
        name = check_name(event_type_name, RejectReason.EVENT_TYPE_INVALID, "the event type")
    except Rejected as error:
        raise InvalidQuery(f"This can't be an event type: {error.detail}.") from None
    single = [(_check_path(path), "") for path in _listed(wishes.get("dimensions"), "dimensions")]
    pairs = [_check_pair(pair) for pair in _listed(wishes.get("pairs"), "pairs")]
    return Wanted(
        event_type=name,
        dimensions=tuple(dict.fromkeys((*single, *pairs))),
        measures=tuple(dict.fromkeys(_check_path(path) for path in _listed(wishes.get("measures"), "measures"))),
        searchable=tuple(_read_dimension(text) for text in _listed(wishes.get("searchable"), "searchable")),
        distinct=tuple(_read_dimension(text) for text in _listed(wishes.get("distinct"), "distinct")),
        words=_check_words(wishes),
    )


def _listed(given: object, what: str) -> Iterable[object]:
    if given is None:
        return ()
    if isinstance(given, (list, tuple, set, frozenset)):
        return given
    raise InvalidQuery(f"The {what} are of type {type(given).__name__}.", hint="Give a list of paths.")


def _check_path(path: object) -> str:
    if not isinstance(path, str):
        raise InvalidQuery(f"A path is of type {type(path).__name__}, not a text.", hint="For example: context.ip")
    if not 1 <= len(path) <= LONGEST_PATH or "" in path.split("."):
        message = f"The path {path[:40]!r} is not one of 1 to {LONGEST_PATH} characters, with keys between its dots."
        raise InvalidQuery(message, hint="For example: context.ip")
    if "," in path or any("\ud800" <= character <= "\udfff" for character in path):
        raise InvalidQuery(f"The path {path[:40]!r} holds a comma, or a lone surrogate.", hint="A pair is two paths.")
    return path


def _check_pair(pair: object) -> Paths:
    if not isinstance(pair, (list, tuple)) or len(pair) != 2:  # noqa: PLR2004  # a pair
        raise InvalidQuery("A pair is two paths.", hint='For example: ("collection", "action")')
    first, second = (_check_path(path) for path in pair)
    if first == second:
        raise InvalidQuery(f"The pair of {first[:40]!r} with itself says no more than it alone.")
    return first, second


def _read_dimension(text: object) -> Paths:
    """Return the paths of a dimension as it is named: "path", or "path,path"."""
    if isinstance(text, str) and "," in text:
        return _check_pair(text.split(","))
    return _check_path(text), ""


def _check_words(wishes: Mapping[str, object]) -> dict[str, str]:
    words = {}
    for what, longest in (("description", LONGEST_DESCRIPTION), ("owner", LONGEST_OWNER)):
        text = wishes.get(what)
        if text is None:
            continue
        if not isinstance(text, str) or len(text) > longest or any("\ud800" <= c <= "\udfff" for c in text):
            raise InvalidQuery(f"The {what} is not a text of up to {longest} characters.")
        words[what] = text
    return words
