"""What a bucket holds of a measure: count, exact sum, least, greatest, and a sketch that quantiles are read from.

The sketch is DDSketch (Masson, Rim, Lee: "DDSketch: a fast and fully-mergeable quantile sketch with relative-error
guarantees", VLDB 2019), without its limit on the number of bins: a value is counted in the bin of its logarithm.
"""

from __future__ import annotations

import math
import struct
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from decimal import Context, Decimal, Inexact, Overflow

from picoevent.errors import StoreCorrupt
from picoevent.rollup.columns import ColumnReader, pack_column

FORMAT = 1
RELATIVE_ERROR = 0.01
GAMMA = (1 + RELATIVE_ERROR) / (1 - RELATIVE_ERROR)
_LOG_GAMMA = math.log(GAMMA)
MIDDLE = 2 / (1 + GAMMA)
"""The number between the ends of a bin, as a part of its upper end, that is off by `RELATIVE_ERROR` at most."""
SMALLEST = 1e-300
"""What is nearer to 0 is counted as 0."""
MOST_DIGITS = 4000
"""Sums are exact: more digits than floats and decimals of a hundred digits can ever add up to."""
EXACT = Context(prec=MOST_DIGITS, Emax=999_999, Emin=-999_999, traps=[Inexact, Overflow])
_HEAD = struct.Struct("<BQQHHHIIq")


@dataclass(slots=True)
class Sketch:
    """How many values lie in each bin: above 0, below 0 (by their absolute value), and at 0."""

    positive: Counter[int] = field(default_factory=Counter)
    negative: Counter[int] = field(default_factory=Counter)
    zeros: int = 0

    def add(self, value: float, times: int = 1) -> None:
        """Count a finite value."""
        size = abs(value)
        if size < SMALLEST:
            self.zeros += times
        elif value > 0:
            self.positive[_bin_of(size)] += times
        else:
            self.negative[_bin_of(size)] += times

    def merge(self, other: Sketch) -> None:
        """Take in the counts of another sketch."""
        self.positive.update(other.positive)
        self.negative.update(other.negative)
        self.zeros += other.zeros

    def take_away(self, other: Sketch) -> None:
        """Take out values that were counted once."""
        self.positive -= other.positive
        self.negative -= other.negative
        self.zeros -= other.zeros

    def value_at(self, rank: int) -> float:
        """Return about the value that stands at this rank, from 0, among all values in order."""
        for value, count in self._rising():
            rank -= count
            if rank < 0:
                return value
        return 0.0

    def _rising(self) -> Iterator[tuple[float, int]]:
        for number, count in sorted(self.negative.items(), reverse=True):
            yield -_value_of(number), count
        yield 0.0, self.zeros
        for number, count in sorted(self.positive.items()):
            yield _value_of(number), count


@dataclass(slots=True)
class MeasureCell:
    """The values of a measure in a bucket; `least` and `greatest` are None where there are none."""

    count: int = 0
    total: Decimal = Decimal(0)
    least: Decimal | None = None
    greatest: Decimal | None = None
    sketch: Sketch = field(default_factory=Sketch)

    @classmethod
    def of(cls, values: Iterable[Decimal]) -> MeasureCell:
        """Return the cell of these values, each finite also as a float."""
        cell = cls()
        for value, times in Counter(values).items():
            cell.add(value, times)
        return cell

    def add(self, value: Decimal, times: int = 1) -> None:
        """Count a value that is finite also as a float, once or several times."""
        self.count += times
        self.total = EXACT.add(self.total, EXACT.multiply(value, Decimal(times)))
        self._widen(value, value)
        self.sketch.add(float(value), times)

    def merge(self, other: MeasureCell) -> None:
        """Take in another bucket, or part of one."""
        self.count += other.count
        self.total = EXACT.add(self.total, other.total)
        if other.least is not None and other.greatest is not None:
            self._widen(other.least, other.greatest)
        self.sketch.merge(other.sketch)

    def take_away(self, other: MeasureCell) -> None:
        """Take out values that were merged once; the least and the greatest stay, unless none is left."""
        self.count -= other.count
        self.total = EXACT.subtract(self.total, other.total)
        self.sketch.take_away(other.sketch)
        if not self.count:
            self.least = self.greatest = None

    def quantile(self, q: float) -> Decimal | None:
        """Return the value below which the share `q` (0 to 1) of the values lies; None where there are none.

        It is that of rank floor(q * (count - 1)), off by 1 % of itself at most; exact at 0 and 1.
        """
        if self.least is None or self.greatest is None:
            return None
        rank = math.floor(q * (self.count - 1))
        if rank >= self.count - 1:
            return self.greatest
        about = Decimal(repr(self.sketch.value_at(rank))) if rank > 0 else self.least
        return min(max(about, self.least), self.greatest)

    def _widen(self, least: Decimal, greatest: Decimal) -> None:
        self.least = least if self.least is None else min(self.least, least)
        self.greatest = greatest if self.greatest is None else max(self.greatest, greatest)


def pack_measure(cell: MeasureCell) -> bytes:
    """Return the bytes of a cell: a head, three decimals as text, then columns of bins and their counts."""
    total, least, greatest = (
        "" if number is None else str(number) for number in (cell.total, cell.least, cell.greatest)
    )
    positive, negative = sorted(cell.sketch.positive.items()), sorted(cell.sketch.negative.items())
    bins = [number for number, _ in (*positive, *negative)]
    base = min(bins, default=0)
    sizes = (len(total), len(least), len(greatest), len(positive), len(negative))
    return b"".join(
        (
            _HEAD.pack(FORMAT, cell.count, cell.sketch.zeros, *sizes, base),
            f"{total}{least}{greatest}".encode("ascii"),
            pack_column([number - base for number in bins]),
            pack_column([count for _, count in (*positive, *negative)]),
        )
    )


def unpack_measure(packed: bytes) -> MeasureCell:
    """Return the cell that `pack_measure` made bytes of; raise `StoreCorrupt` for anything else."""
    reader = ColumnReader(packed)
    version, count, zeros, *lengths, positive, negative, base = reader.take_struct(_HEAD)
    if version != FORMAT:
        raise StoreCorrupt(f"A measure in the rollups has format {version}.", hint="A newer PicoEvent wrote it.")
    total, least, greatest = (_decimal(reader.take_bytes(length)) for length in lengths)
    bins = [number + base for number in reader.take(positive + negative)]
    counted = list(zip(bins, reader.take(positive + negative), strict=True))
    sketch = Sketch(Counter(dict(counted[:positive])), Counter(dict(counted[positive:])), zeros)
    return MeasureCell(count, total or Decimal(0), least, greatest, sketch)


def _decimal(text: bytes) -> Decimal | None:
    return Decimal(text.decode("ascii")) if text else None


def _bin_of(size: float) -> int:
    return math.ceil(math.log(size) / _LOG_GAMMA)


def _value_of(number: int) -> float:
    # The last bin's upper end may be larger than any float.
    return math.exp(min(number * _LOG_GAMMA, 709.78)) * MIDDLE
