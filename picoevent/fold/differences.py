"""Where rollups and events say something else, bucket by bucket."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from pyroaring import BitMap

from picoevent.fold.declared_evidence import DeclaredEvidence
from picoevent.fold.evidence import Evidence
from picoevent.fold.piles import USERS
from picoevent.rollup.cells import Cell, Cells
from picoevent.rollup.samples import differ, subtract
from picoevent.rollup.sketch import MeasureCell
from picoevent.rollup.tiers import Tier
from picoevent.store.declarations import Declaration

_NOBODY = BitMap()


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
    nobody = BitMap()
    for key in sorted(expected.users.keys() | found.users.keys()):
        raw, rolled = expected.users.get(key, nobody), found.users.get(key, nobody)
        if differ(raw, rolled):
            missing, too_many = len(subtract(raw, rolled)), len(subtract(rolled, raw))
            what = f"users ({missing:,} missing, {too_many:,} too many)"
            yield Difference(*key, what, len(rolled), len(raw))


def compare_declared(
    declarations: Mapping[int, Declaration], expected: DeclaredEvidence, found: DeclaredEvidence
) -> Iterator[Difference]:
    """Do the same for what event types declare.

    Where values were put into `(other)`, the others must hold no more than they should, and all of them together be
    exact.
    """
    names = {one.dimension_id: one.name for declared in declarations.values() for one in declared.dimensions}
    paths = {one.measure_id: one.path for declared in declarations.values() for one in declared.measures}
    for key in sorted(expected.cells.keys() | found.cells.keys()):
        for what, rollup, raw in _compare_cells(expected.cells.get(key, Cells()), found.cells.get(key, Cells())):
            yield Difference(*key[:4], f"{what} {names.get(key[4], key[4])}", rollup, raw)
    for key in sorted(expected.distinct.keys() | found.distinct.keys()):
        rolled, is_so = found.distinct.get(key, _NOBODY), expected.distinct.get(key, _NOBODY)
        if differ(rolled, is_so):
            yield Difference(*key[:4], f"distinct {names.get(key[4], key[4])}", len(rolled), len(is_so))
    nothing = MeasureCell()
    for key in sorted(expected.measures.keys() | found.measures.keys()):
        summed, total = found.measures.get(key, nothing), expected.measures.get(key, nothing)
        if summed != total:
            what = f"{paths.get(key[4], key[4])} (sum {summed.total:f} instead of {total.total:f})"
            yield Difference(*key[:4], what, summed.count, total.count)


def _compare_cells(expected: Cells, found: Cells) -> Iterator[tuple[str, int, int]]:
    """Yield what differs, the figure of the rollups, and what it should be."""
    totals = [sum(cell.events for _, cell in cells.items()) for cells in (found, expected)]
    if totals[0] != totals[1]:
        yield "events by", totals[0], totals[1]
    hidden = expected.other.events if expected.other else 0
    for value in sorted(expected.values.keys() | found.values.keys()):
        rolled, raw = found.values.get(value), expected.values.get(value)
        if found.other is not None or expected.other is not None:
            if rolled is not None and rolled.events > (raw.events if raw else 0) + hidden:
                yield f"at most, value {value} of", rolled.events, raw.events if raw else 0
        elif rolled is None or raw is None or _figures(rolled) != _figures(raw):
            yield f"value {value} of", rolled.events if rolled else 0, raw.events if raw else 0
        elif differ(rolled.sets.get(USERS, _NOBODY), raw.sets.get(USERS, _NOBODY)):
            users = [len(cell.sets.get(USERS, _NOBODY)) for cell in (rolled, raw)]
            yield f"users of value {value} of", users[0], users[1]


def _figures(cell: Cell) -> tuple[int, int, int]:
    return cell.events, cell.first_ms, cell.last_ms
