"""The steps of a funnel as people write them: event types, one of several, and values of payload keys."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from picoevent.errors import InvalidQuery
from picoevent.rollup.shown_values import given_value

MIN_STEPS, MAX_STEPS = 2, 10
HINT = 'For example: "page.view > cart.add or wish.add > order.paid[plan=team]".'
_OR = re.compile(r"\s+or\s+|\|")
_STEP = re.compile(r"([^\[\]>]+?)\s*(?:\[([^\]]*)\])?", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Step:
    """One step: any of these event types, with one of some values at each of these paths."""

    event_types: tuple[str, ...]
    filters: Mapping[str, tuple[str, ...]]

    @property
    def name(self) -> str:
        """The step as it is written."""
        conditions = ", ".join(f"{path}={'|'.join(values)}" for path, values in self.filters.items())
        return f"{' or '.join(self.event_types)}{f'[{conditions}]' if conditions else ''}"


def read_steps(given: object) -> tuple[Step, ...]:
    """Return the steps of a text with > between them, or of a list.

    Each one of a list is a text such as `order.paid[plan=team]`, or a mapping with `types` and `filters`.
    """
    parts = given.split(">") if isinstance(given, str) else given
    if not isinstance(parts, (list, tuple)):
        raise InvalidQuery("A funnel needs steps.", hint=HINT)
    if not MIN_STEPS <= len(parts) <= MAX_STEPS:
        raise InvalidQuery(f"A funnel has {MIN_STEPS} to {MAX_STEPS} steps, not {len(parts)}.", hint=HINT)
    return tuple(_read_mapping(part) if isinstance(part, Mapping) else _read_text(part) for part in parts)


def _read_text(part: object) -> Step:
    found = _STEP.fullmatch(part.strip()) if isinstance(part, str) else None
    if found is None:
        raise InvalidQuery(f"The step {part!r} can't be read.", hint=HINT)
    types = tuple(name.strip() for name in _OR.split(found[1]) if name.strip())
    if not types:
        raise InvalidQuery(f"The step {part!r} names no event type.", hint=HINT)
    return Step(types, read_filters(found[2] or ""))


def read_filters(text: str) -> dict[str, tuple[str, ...]]:
    """Return the filters of a text such as `plan=team|solo, country=DE`."""
    filters: dict[str, tuple[str, ...]] = {}
    for condition in filter(None, (condition.strip() for condition in text.split(","))):
        path, equals, values = condition.partition("=")
        if not equals or not path.strip():
            raise InvalidQuery(f"The condition {condition!r} can't be read.", hint="Write path=value.")
        filters[path.strip()] = tuple(value.strip() for value in values.split("|"))
    return filters


def _read_mapping(part: Mapping[object, object]) -> Step:
    types, filters = part.get("types"), part.get("filters") or {}
    types = [types] if isinstance(types, str) else types
    if not isinstance(types, (list, tuple)) or not types or not isinstance(filters, Mapping):
        raise InvalidQuery("A step is a text, or a mapping with types and filters.", hint=HINT)
    values = {str(path): _texts(wanted) for path, wanted in filters.items()}
    return Step(tuple(str(name) for name in types), values)


def _texts(wanted: object) -> tuple[str, ...]:
    return tuple(map(given_value, wanted)) if isinstance(wanted, (list, tuple)) else (given_value(wanted),)
