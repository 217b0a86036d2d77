"""Declared dimensions of a question: which types declare one, from when on it holds, and the numbers of its values."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from itertools import product

from sqlalchemy import Connection, and_, or_, select

from picoevent.errors import InvalidQuery
from picoevent.report.arguments import near
from picoevent.report.asking import Asked
from picoevent.report.counting import ANY, NOTHING, Selection
from picoevent.rollup.cells import NONE, OTHER
from picoevent.rollup.shown_values import NO_VALUE, OTHER_VALUES, show_value, stored_values
from picoevent.rollup.values import pair_text
from picoevent.store.declarations import Declaration, Dimension
from picoevent.store.rollup_tables import dimension_value

SHOWN_AS = {NONE: NO_VALUE, OTHER: OTHER_VALUES}
USERS = 0
"""The counted id of users; others are numbers of dimensions that are counted distinct."""

ValueKey = tuple[int, int]
"""A dimension, and the number of one of its values."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """A dimension, and the rows of the rollups that hold it: by type, never for any of them.

    `not_yet_counted` are values of raw rows that have no number yet, by the one that they have for this question.
    """

    dimension: Dimension
    selection: Selection
    whole: bool = True
    not_yet_counted: dict[int, str] = field(default_factory=dict)

    def names(self, connection: Connection, value_ids: Iterable[int]) -> dict[int, str]:
        """Return values as they are shown."""
        new = {number: show_value(text) for number, text in self.not_yet_counted.items()}
        return new | value_names(connection, self.dimension.dimension_id, set(value_ids) - new.keys())


def declarations_of(asked: Asked) -> Mapping[int, Declaration]:
    """Return what event types declare, by their numbers."""
    desk = asked.desk
    return desk.names.declarations.of(desk.connection, desk.state.declarations)


def choose_dimension(asked: Asked, name: str) -> Chosen:
    """Return the dimension of this name; raise `InvalidQuery` where a type that is asked for does not declare it."""
    declared = declarations_of(asked)
    found = {number: one for number, all_ in declared.items() if (one := all_.dimension(name)) is not None}
    type_ids = _declaring(asked, found, name, {one.name for all_ in declared.values() for one in all_.dimensions})
    dimension = found[type_ids[0]]
    latest = max(found[number].filled_from for number in type_ids)
    return Chosen(dimension, declared_rows(asked, type_ids), _is_whole(asked, name, latest))


def choose_distinct(asked: Asked, name: str) -> Chosen:
    """Return a dimension that is counted distinct, by the types that do so; raise `InvalidQuery` where it is not."""
    chosen = choose_dimension(asked, name)
    declared = declarations_of(asked)
    found = {number: declared[number].dimension(name) for number in chosen.selection.type_ids}
    counting = {number: one for number, one in found.items() if one is not None and one.counted_distinct}
    if not counting or (asked.arguments.event_types is not None and len(counting) < len(found)):
        hint = f'Declare it: events.declare(TYPE, distinct=["{name}"]).'
        raise InvalidQuery(f"{name!r} is not counted distinct.", hint=hint)
    whole = chosen.whole
    if len(counting) < len(found):
        asked.note(f"Some event types do not count {name} distinct: theirs is not in this answer.")
        whole = False
    latest = max(max(one.filled_from, one.distinct_from) for one in counting.values())
    if latest * 1000 > asked.arguments.since_ms:
        asked.note(f"{name} is counted distinct from {asked.local(latest)} on.")
        whole = False
    dimension = next(iter(counting.values()))
    return replace(chosen, dimension=dimension, selection=declared_rows(asked, tuple(counting)), whole=whole)


def find_pair(asked: Asked, first: str, second: str) -> tuple[Chosen, bool]:
    """Return the pair of two paths, and whether it is declared the other way round; raise `InvalidQuery`."""
    names = {one.name for found in declarations_of(asked).values() for one in found.dimensions}
    if f"{second},{first}" in names and f"{first},{second}" not in names:
        return choose_dimension(asked, f"{second},{first}"), True
    return choose_dimension(asked, f"{first},{second}"), False


def _declaring(asked: Asked, found: Mapping[int, object], name: str, known: Collection[str]) -> tuple[int, ...]:
    """Return the types that are asked for, each of which has it; all that have it, where none are named."""
    wanted = asked.arguments.event_types
    what = f"the pair {name}" if "," in name else f"{name!r}"
    if not found:
        hint = near(name, sorted(known)) if known else ""
        raise InvalidQuery(f"No event type declares {what}.", hint=f"{hint} {_how_to_declare(name)}".strip())
    if wanted is None:
        return tuple(sorted(found))
    dictionary = asked.desk.names.event_types
    numbers = {one: dictionary.number_of(asked.desk.connection, one) for one in wanted}
    lacking = [one for one, number in numbers.items() if number is not None and number not in found]
    if lacking:
        raise InvalidQuery(f"The event type {lacking[0]!r} does not declare {what}.", hint=_how_to_declare(name))
    type_ids = tuple(number for number in numbers.values() if number is not None)
    if not type_ids:
        raise InvalidQuery(
            f"Nothing has the event type {wanted[0]!r}.",
            hint=near(wanted[0], dictionary.all(asked.desk.connection).values()),
        )
    return type_ids


def _how_to_declare(name: str) -> str:
    return f"Declare it: picoevent declare TYPE --{'pair' if ',' in name else 'dimension'} {name}."


def declared_rows(asked: Asked, type_ids: tuple[int, ...]) -> Selection:
    """Return the rows of these types in the tables of what is declared, for the sources that are asked for."""
    desk, source_ids = asked.desk, asked.selection.source_ids
    if source_ids != (ANY,):
        return Selection(type_ids, source_ids)
    each = tuple(desk.names.sources.all(desk.connection, desk.newest.source)) or (NOTHING,)
    return Selection(type_ids, source_ids, minute_source_ids=each)


def _is_whole(asked: Asked, name: str, filled_from: int) -> bool:
    """Say whether a dimension holds from the beginning of the range on; note it where it does not."""
    if filled_from * 1000 <= asked.arguments.since_ms:
        return True
    asked.note(f"{name} is counted from {asked.local(filled_from)} on; what was before is not in this answer.")
    return False


def choose_measure(asked: Asked, path: str) -> tuple[int, Selection, bool]:
    """Return the number of a measure, the rows that hold it, and whether they hold the range; raise `InvalidQuery`."""
    declared = declarations_of(asked)
    found = {number: one for number, all_ in declared.items() if (one := all_.measure(path)) is not None}
    known = sorted({one.path for all_ in declared.values() for one in all_.measures})
    if not found:
        hint = f"{near(path, known) if known else ''} Declare it: picoevent declare TYPE --measure {path}."
        raise InvalidQuery(f"No event type declares the measure {path!r}.", hint=hint.strip())
    type_ids = _declaring(asked, found, path, known)
    latest = max(found[number].filled_from for number in type_ids)
    return found[type_ids[0]].measure_id, declared_rows(asked, type_ids), _is_whole(asked, path, latest)


def value_names(connection: Connection, dimension_id: int, value_ids: Iterable[int]) -> dict[int, str]:
    """Return values as they are shown; "(none)" and "(other)" for what is none."""
    found = names_of_values(connection, [(dimension_id, value_id) for value_id in value_ids])
    return {value_id: name for (_, value_id), name in found.items()}


def names_of_values(connection: Connection, keys: Iterable[ValueKey]) -> dict[ValueKey, str]:
    """Return values of several dimensions as they are shown; "(none)" and "(other)" for what is none."""
    found = {key: SHOWN_AS.get(key[1], f"#{key[1]}") for key in keys}
    by_dimension: defaultdict[int, list[int]] = defaultdict(list)
    for dimension_id, value_id in sorted(found):
        if value_id not in SHOWN_AS:
            by_dimension[dimension_id].append(value_id)
    if by_dimension:
        c = dimension_value.c
        mine = [and_(c.dimension_id == number, c.value_id.in_(value_ids)) for number, value_ids in by_dimension.items()]
        rows = connection.execute(select(c.dimension_id, c.value_id, c.value).where(or_(*mine)))
        found.update(((dimension_id, value_id), show_value(value)) for dimension_id, value_id, value in rows)
    return found


def value_numbers(connection: Connection, dimension_id: int, texts: Iterable[str | None]) -> dict[str, int]:
    """Return the numbers of those of these texts, as they are stored, that have one."""
    wanted = {text for text in texts if text is not None}
    c = dimension_value.c
    rows = select(c.value, c.value_id).where(c.dimension_id == dimension_id, c.value.in_(sorted(wanted)))
    return {row.value: row.value_id for row in connection.execute(rows)}


@dataclass(frozen=True, slots=True)
class Filtered:
    """A dimension and those of its values that filters let through."""

    chosen: Chosen
    value_ids: frozenset[int]


def apply_filters(asked: Asked) -> Filtered | None:
    """Return what the filters of the arguments let through, None without filters; raise `InvalidQuery`.

    One path is a dimension, two are a pair; for more the rollups hold nothing.
    """
    filters = asked.arguments.filters
    if not filters:
        return None
    wanted = [stored_values(values) for values in filters.values()]
    texts: list[str | None]
    if len(filters) == 1:
        chosen, texts = choose_dimension(asked, *filters), list(wanted[0])
    elif len(filters) == 2:  # noqa: PLR2004  # a pair
        chosen, turned = find_pair(asked, *filters)
        texts = [pair_text(*halves) for halves in product(*(reversed(wanted) if turned else wanted))]
    else:
        raise InvalidQuery(
            "More than two filters at once are not counted.", hint="Filter by one, or by a declared pair."
        )
    numbers = value_numbers(asked.desk.connection, chosen.dimension.dimension_id, texts)
    nothing = {NONE} if all(None in values for values in wanted) else set()
    return Filtered(chosen, frozenset(numbers.values()) | nothing)
