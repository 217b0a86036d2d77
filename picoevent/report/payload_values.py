"""Values of payload keys, as dimensions hold them, and filters on them; read from payloads, not from an index."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from picoevent.rollup.values import shortened

NONE = "(none)"
"""What a missing key, or null, is shown as."""


def value_at(payload: Mapping[str, Any], path: str) -> str | None:
    """Return the value at a dotted path as a dimension would hold it; None where there is none."""
    found: Any = payload
    for key in path.split("."):
        if not isinstance(found, Mapping):
            return None
        found = found.get(key)
    if found is None:
        return None
    return shortened(found if isinstance(found, str) else msgspec.json.encode(found).decode())


def shown_value(payload: Mapping[str, Any], path: str) -> str:
    """Return the value at a dotted path as reports show it."""
    value = value_at(payload, path)
    return NONE if value is None else value


@dataclass(frozen=True, slots=True)
class PayloadFilter:
    """Lets events through whose payload has one of some values at each of some paths."""

    wanted: Mapping[str, frozenset[str]]

    @classmethod
    def of(cls, filters: Mapping[str, tuple[str, ...]]) -> PayloadFilter:
        """Return the filter of the arguments of a report, or of a goal or a step."""
        return cls({path: frozenset(values) for path, values in filters.items()})

    def __bool__(self) -> bool:
        return bool(self.wanted)

    def passes(self, payload: Mapping[str, Any]) -> bool:
        """Say whether an event with this payload is let through."""
        return all(shown_value(payload, path) in values for path, values in self.wanted.items())
