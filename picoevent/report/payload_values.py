"""Values of payload keys out of raw rows, as dimensions hold them, and filters on them; nothing of it is an index."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

import msgspec

from picoevent.errors import InvalidQuery
from picoevent.rollup.shown_values import stored_values
from picoevent.rollup.values import shortened

Getter = Callable[[Any], Any]
"""Takes a value out of a payload, as it is; None where there is none."""


class PayloadKeys:
    """What is looked at in payloads, by dotted paths: all else is not even decoded.

    `kind` is the type that payloads are read as. The collector of garbage leaves it alone: with dictionaries it took
    half of the time.
    """

    def __init__(self, paths: Iterable[str]) -> None:
        roots = dict.fromkeys(path.partition(".")[0] for path in paths)
        for root in roots:
            if not root.isprintable() or '"' in root or "\\" in root:
                raise InvalidQuery(f"The key {root!r} can't be looked at.", hint="Use one of printable characters.")
        self._fields = {root: f"key{number}" for number, root in enumerate(roots)}
        named = [(field, Any, msgspec.field(default=None, name=root)) for root, field in self._fields.items()]
        self.kind: type[Any] = msgspec.defstruct("Payload", named, gc=False)

    def getter(self, path: str) -> Getter:
        """Return what takes the value at one of the paths."""
        root, *keys = path.split(".")
        get = attrgetter(self._fields[root])
        if not keys:
            return get

        def descend(payload: Any) -> Any:  # noqa: ANN401  # of the kind above
            found = get(payload)
            for key in keys:
                if not isinstance(found, Mapping):
                    return None
                found = found.get(key)
            return found

        return descend


def as_text(value: Any) -> str | None:  # noqa: ANN401  # what JSON holds
    """Return a value as a dimension would hold it; None for none."""
    if value is None:
        return None
    return shortened(value if isinstance(value, str) else msgspec.json.encode(value).decode())


@dataclass(frozen=True, slots=True)
class PayloadFilter:
    """Lets events through whose payload has one of some values at each of some paths."""

    wanted: Sequence[tuple[Getter, frozenset[str | None]]]

    @classmethod
    def of(cls, filters: Mapping[str, tuple[str, ...]], keys: PayloadKeys) -> PayloadFilter:
        """Return the filter of the arguments of a report, or of a goal or a step; `keys` have all of its paths."""
        return cls([(keys.getter(path), stored_values(values)) for path, values in filters.items()])

    def __bool__(self) -> bool:
        return bool(self.wanted)

    def passes(self, payload: Any) -> bool:  # noqa: ANN401  # of the kind of the keys
        """Say whether an event with this payload is let through."""
        return all(as_text(get(payload)) in values for get, values in self.wanted)
