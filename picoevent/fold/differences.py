"""Where rollups and events say something else, bucket by bucket."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial

from pyroaring import BitMap
from sqlalchemy import Connection

from picoevent.fold.counts import ANY
from picoevent.fold.declared_evidence import DeclaredEvidence
from picoevent.fold.evidence import Evidence
from picoevent.fold.index_evidence import IndexTally, searchable
from picoevent.fold.piles import USERS
from picoevent.rollup.cells import Cell, Cells
from picoevent.rollup.samples import AnySet, differ, subtract, union_of
from picoevent.rollup.sketch import MeasureCell
from picoevent.rollup.tiers import Tier
from picoevent.store.declarations import Declaration, read_declarations

_NOBODY = BitMap()
_EMPTY = Cell(0, 0, 0)

Told = tuple[str, int, int]
"""What differs, the figure of the rollups, and what it should be."""
ValueText = Callable[[int, int], str]
"""Returns the text of a dimension's value by their numbers."""


@dataclass(frozen=True, slots=True)
class _Words:
    """How one dimension's values are called, and what is counted of each: sets by counted id."""

    sets: Mapping[int, str]
    value: Callable[[int], str]


@dataclass(frozen=True, slots=True)
class Difference:
    """A bucket (Unix second of its start) of which the rollups say something else than the events.

    Event type and source 0 stand for any. `what` says what is counted; 0 where one of them has nothing.
    """

    tier: Tier
    bucket: int
    event_type_id: int
    source_id: int
    what: str
    rollup: int
    raw: int


def compare(expected: Evidence, found: Evidence) -> Iterator[Difference]:
    """Yield where two say something else, bucket by bucket."""
    for key in sorted(expected.counts.keys() | found.counts.keys()):
        if expected.counts[key] != found.counts[key]:
            yield Difference(*key, "events", found.counts[key], expected.counts[key])
    for key in sorted(expected.users.keys() | found.users.keys()):
        raw, rolled = expected.users.get(key, _NOBODY), found.users.get(key, _NOBODY)
        if differ(raw, rolled):
            yield Difference(*key, f"users {_apart(rolled, raw)}", len(rolled), len(raw))


def compare_declared(
    declarations: Mapping[int, Declaration], expected: DeclaredEvidence, found: DeclaredEvidence, text: ValueText
) -> Iterator[Difference]:
    """Do the same for what event types declare.

    Where values were put into `(other)`, the others must hold no more than they should, and all of them together be
    exact, their sets as well. `text` says what a value is.
    """
    names = {one.dimension_id: one.name for declared in declarations.values() for one in declared.dimensions}
    paths = {one.measure_id: one.path for declared in declarations.values() for one in declared.measures}
    for key in sorted(expected.cells.keys() | found.cells.keys()):
        words = _Words(names | {USERS: "users"}, partial(text, key[4]))
        both = expected.cells.get(key, Cells()), found.cells.get(key, Cells())
        for what, rollup, raw in _compare_cells(*both, words):
            yield Difference(*key[:4], f"{what} {names.get(key[4], key[4])}", rollup, raw)
    for key in sorted(expected.distinct.keys() | found.distinct.keys()):
        rolled, is_so = found.distinct.get(key, _NOBODY), expected.distinct.get(key, _NOBODY)
        if differ(rolled, is_so):
            what = f"distinct {names.get(key[4], key[4])} {_apart(rolled, is_so)}"
            yield Difference(*key[:4], what, len(rolled), len(is_so))
    nothing = MeasureCell()
    for key in sorted(expected.measures.keys() | found.measures.keys()):
        summed, total = found.measures.get(key, nothing), expected.measures.get(key, nothing)
        if summed != total:
            what = f"{paths.get(key[4], key[4])} (sum {summed.total:f} instead of {total.total:f})"
            yield Difference(*key[:4], what, summed.count, total.count)


def compare_index(connection: Connection, index: IndexTally, day: tuple[int, int]) -> Iterator[Difference]:
    """Yield what is wrong in the index of a day's values, all of whose events were added."""
    for number, name in searchable(read_declarations(connection)).items():
        found, missing, too_many = index.found(connection, number, *day)
        if missing or too_many:
            what = f"rows of the index of {name} ({missing:,} missing, {too_many:,} too many)"
            yield Difference(Tier.DAY, day[0], ANY, ANY, what, found, index.rows[number])


def _compare_cells(expected: Cells, found: Cells, words: _Words) -> Iterator[Told]:
    """Yield what differs, the figure of the rollups, and what it should be; in these `words`."""
    totals = [sum(cell.events for _, cell in cells.items()) for cells in (found, expected)]
    if totals[0] != totals[1]:
        yield "events by", totals[0], totals[1]
    hidden = expected.other or _EMPTY
    is_capped = found.other is not None or expected.other is not None
    for value in sorted(expected.values.keys() | found.values.keys()):
        rolled, raw = found.values.get(value, _EMPTY), expected.values.get(value, _EMPTY)
        told = _compare_at_most(rolled, raw, hidden, words) if is_capped else _compare_whole(rolled, raw, words)
        for what, rolled_up, counted in told:
            # Asked for here, where it is needed.
            yield f"{what} value {words.value(value)} of", rolled_up, counted
    if is_capped:
        for what, rolled_up, counted in _compare_sets(_all_sets(found), _all_sets(expected), words):
            yield f"{what} all values of", rolled_up, counted


def _compare_whole(rolled: Cell, raw: Cell, words: _Words) -> Iterator[Told]:
    if rolled.events != raw.events:
        yield "events with", rolled.events, raw.events
    elif (rolled.first_ms, rolled.last_ms) != (raw.first_ms, raw.last_ms):
        yield "first and last moment of", rolled.last_ms - rolled.first_ms, raw.last_ms - raw.first_ms
    else:
        yield from _compare_sets(rolled.sets, raw.sets, words)


def _compare_at_most(rolled: Cell, raw: Cell, hidden: Cell, words: _Words) -> Iterator[Told]:
    """Do so for a value of which some events may be hidden among others."""
    if rolled.events > raw.events + hidden.events:
        yield "at most, events with", rolled.events, raw.events
    for counted_id, members in rolled.sets.items():
        most = union_of((raw.sets.get(counted_id, _NOBODY), hidden.sets.get(counted_id, _NOBODY)))
        if subtract(members, most):
            yield f"at most, {words.sets.get(counted_id, counted_id)} of", len(members), len(most)


def _compare_sets(rolled: Mapping[int, AnySet], raw: Mapping[int, AnySet], words: _Words) -> Iterator[Told]:
    for counted_id in sorted(rolled.keys() | raw.keys()):
        has, should = rolled.get(counted_id, _NOBODY), raw.get(counted_id, _NOBODY)
        if differ(has, should):
            yield f"{words.sets.get(counted_id, counted_id)} {_apart(has, should)} of", len(has), len(should)


def _all_sets(cells: Cells) -> Mapping[int, AnySet]:
    """Return the sets of all values together, `(other)` among them."""
    together = Cell(0, 0, 0)
    for cell in (*cells.values.values(), cells.other or _EMPTY):
        together.merge(cell)
    return together.sets


def _apart(rolled: AnySet, raw: AnySet) -> str:
    return f"({len(subtract(raw, rolled)):,} missing, {len(subtract(rolled, raw)):,} too many)"
