"""Values that no well-meaning program hands to `log()`, and some do all the same."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timezone, tzinfo
from typing import NoReturn

from hypothesis import strategies as st


class Hostile:
    """Raises whatever is done with it."""

    def __getattribute__(self, name: str) -> NoReturn:
        raise ZeroDivisionError(name)

    def _raise(self, *_: object) -> NoReturn:
        raise ZeroDivisionError

    __str__ = __repr__ = __eq__ = __len__ = __iter__ = __bool__ = __hash__ = __int__ = __format__ = _raise  # type: ignore[assignment]


class HostileText(str):
    """A text whose every method raises."""

    __slots__ = ()
    __str__ = __repr__ = __hash__ = __eq__ = __len__ = encode = Hostile._raise  # type: ignore[assignment]  # noqa: SLF001


class HostileMapping(dict[str, object]):
    """A mapping that can't be read."""

    def items(self) -> NoReturn:  # type: ignore[override]
        """Raise."""
        raise ZeroDivisionError

    def __iter__(self) -> NoReturn:
        raise ZeroDivisionError

    def __len__(self) -> NoReturn:
        raise ZeroDivisionError


class EndlessMapping(dict[str, object]):
    """A mapping that has no end."""

    def items(self) -> Iterator[tuple[str, int]]:  # type: ignore[override]
        """Yield for ever."""
        number = 0
        while True:
            yield f"key-{number}", number
            number += 1


class HostileZone(tzinfo):
    """A time zone that raises, or lies about its offset."""

    def utcoffset(self, _when: datetime | None) -> NoReturn:
        """Raise."""
        raise ZeroDivisionError


def recursive() -> dict[str, object]:
    """Return a mapping that holds itself, several times over."""
    data: dict[str, object] = {}
    data.update(one=data, two=[data, data], three=(data,))
    return data


def deep() -> dict[str, object]:
    """Return a mapping nested far deeper than Python recurses."""
    data: dict[str, object] = {}
    for _ in range(100_000):
        data = {"in": data}
    return data


def raising_generator() -> Iterator[int]:
    """Yield once, and raise."""
    yield 1
    raise ZeroDivisionError


LARGE: tuple[Callable[[], object], ...] = (
    EndlessMapping, recursive, deep, lambda: dict.fromkeys(map(str, range(300_000))), lambda: {"x": "x" * 20_000_000},
    lambda: {"x": [0] * 2_000_000}, lambda: [[]] * 1_000_000, lambda: {"x": 1 << 5_000_000}, lambda: "x" * 2_000_000,
)  # fmt: skip
"""What takes long to make or to refuse: once each is enough."""

special = st.one_of(
    st.builds(make)
    for make in (
        Hostile, HostileMapping, HostileText, raising_generator, lambda: {"a": HostileText("x")}, lambda: {Hostile: 1},
        lambda: [Hostile()], lambda: b"\xff" * 100, lambda: float("nan"), lambda: 1 << 5000, lambda: type,
        lambda: NotImplemented, lambda: ..., lambda: datetime(2024, 1, 1, tzinfo=HostileZone()),
        lambda: datetime.max.replace(tzinfo=UTC), lambda: datetime.min.replace(tzinfo=timezone.max),
    )
)  # fmt: skip

anything = st.recursive(
    special | st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary() | st.datetimes(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.integers() | st.none(), inner) | st.tuples(inner),
    max_leaves=5,
)
