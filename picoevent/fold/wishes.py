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


class Wishes(TypedDict, total=False):
    """What `EventLog.declare` takes beside the event type."""

    dimensions: Sequence[str]
    pairs: Sequence[tuple[str, str]]
    measures: Sequence[str]
    searchable: Sequence[str]
    distinct: Sequence[str]
    description: str
    owner: str


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be declared, checked."""

    event_type: str
    dimensions: tuple[Paths, ...]
    measures: tuple[str, ...]
    searchable: frozenset[Paths]
    distinct: frozenset[Paths]
    words: Mapping[str, str]
    """Description and owner, where they were given."""


def check_wishes(event_type_name: str, wishes: Wishes) -> Wanted:
    """Return what is wanted; raise `InvalidQuery` saying which part of it can't be declared."""
    unknown = sorted(set(wishes) - set(Wishes.__annotations__))
    if unknown:
        raise InvalidQuery(
            f"There is no {unknown[0]!r} to declare.", hint=f"There are {', '.join(Wishes.__annotations__)}."
        )
    try:
        name = check_name(event_type_name, RejectReason.EVENT_TYPE_INVALID, "the event type")
    except Rejected as error:
        raise InvalidQuery(f"This can't be an event type: {error.detail}.") from None
    single = [(_check_path(path), "") for path in _listed(wishes.get("dimensions"), "dimensions")]
    pairs = [_check_pair(pair) for pair in _listed(wishes.get("pairs"), "pairs")]
    searchable = [_read_dimension(text) for text in _listed(wishes.get("searchable"), "searchable")]
    distinct = [_read_dimension(text) for text in _listed(wishes.get("distinct"), "distinct")]
    return Wanted(
        event_type=name,
        dimensions=tuple(dict.fromkeys((*single, *pairs, *searchable, *distinct))),
        measures=tuple(dict.fromkeys(_check_path(path) for path in _listed(wishes.get("measures"), "measures"))),
        searchable=frozenset(searchable),
        distinct=frozenset(distinct),
        words=_check_words(wishes),
    )


def _listed(given: object, what: str) -> Iterable[object]:
    if given is None:
        return ()
    if isinstance(given, (list, tuple, set, frozenset)):
        return given
    raise InvalidQuery(f"The {what} to declare are of type {type(given).__name__}.", hint="Give a list of paths.")


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


def _check_words(wishes: Wishes) -> dict[str, str]:
    words = {}
    for what, longest in (("description", LONGEST_DESCRIPTION), ("owner", LONGEST_OWNER)):
        text = wishes.get(what)
        if text is None:
            continue
        if not isinstance(text, str) or len(text) > longest or any("\ud800" <= c <= "\udfff" for c in text):
            raise InvalidQuery(f"The {what} is not a text of up to {longest} characters.")
        words[what] = text
    return words
