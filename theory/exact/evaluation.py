"""This module evaluates exact means at any precision and depth without exact arithmetic in between.

Every entry of a layer map is a sum of non-negative terms, since (N)_r >= 0 at whole N, so the
recursion adds no numbers of opposite sign, and the relative error grows by at most a few units in
the last place for each product.  Runs of equal layers are powers of one matrix, or as many products
with a vector where the products are fewer: no list has an entry for each layer.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from math import isfinite
from typing import Any

from mpmath import fp

from theory.algebra.fields import Quotient
from theory.exact.recursion import LayerMaps, LayerRun, Recursion

__all__ = ["DecimalRecursion", "guard_digits", "quick_mean"]

_FAR = 1e90
_GUARD_DIGITS = 8


def guard_digits(depth: int) -> int:
    """Extra digits that cover the rounding errors of ``depth`` layers."""
    return _GUARD_DIGITS + len(str(depth))


class DecimalRecursion:
    """A recursion of a network of numbers in the arithmetic of an mpmath ``context``: all but a few
    digits of a mean and the digits of `guard_digits` are right."""

    def __init__(self, recursion: Recursion, context: Any) -> None:
        self.recursion, self.context = recursion, context
        self.tops = [self._matrix(Quotient.of(row)) for row in recursion.top()]

    def means(self, layer: int) -> list[Any]:
        """Each term's mean at ``layer``."""
        runs = self.recursion.runs
        below = self._matrix(self.recursion.start())
        for maps, count in _parts(runs, 1, layer - 1):
            below = self._carried(self._matrix(maps.kernel), count, below)
        ((own, _),) = _parts(runs, layer, layer)
        above = list(_parts(runs, layer + 1, self.recursion.cells))
        found = []
        for top, source in zip(self.tops, own.sources, strict=True):
            column = self._matrix(source) * below
            for maps, count in above:
                column = self._carried(self._matrix(maps.carried), count, column)
            found.append((top * column)[0, 0])
        return found

    def all_means(self) -> list[Any]:
        """The sum of the terms' means at every layer."""
        runs = ((self._matrices(run.maps), run.count) for run in self.recursion.runs)
        maps = [matrices for matrices, count in runs for _ in range(count)]
        below, means = self._matrix(self.recursion.start()), []
        states = []
        for kernel, _, sources in maps:
            states.append([source * below for source in sources])
            below = kernel * below
        rows = self.tops
        for state, (_, carried, _) in zip(reversed(states), reversed(maps), strict=True):
            pairs = zip(rows, state, strict=True)
            means.append(sum(((row * each)[0, 0] for row, each in pairs), self.context.zero))
            rows = [row * carried for row in rows]
        return means[::-1]

    def mean_over_layers(self) -> Any:
        """The mean over the layers of the mean over the width.

        The sums s and the kernel words b of the layers up to one obey s' = C s + S b/width,
        b' = B b: the blocks of one matrix of non-negative entries.
        """
        total, start = self.context.zero, self._matrix(self.recursion.start())
        for index, top in enumerate(self.tops):
            state = self.context.matrix(
                [[each] for each in (*self.context.zeros(top.cols, 1), *start)]
            )
            for run in self.recursion.runs:
                state = self._carried(self._joint(run, index), run.count, state)
            total += sum((top[0, i] * state[i, 0] for i in range(top.cols)), self.context.zero)
        return total / self.recursion.cells

    def _joint(self, run: LayerRun, index: int) -> Any:
        kernel, carried, sources = self._matrices(run.maps)
        nothing = self.context.zeros(kernel.rows, carried.cols)
        left = carried.tolist() + nothing.tolist()
        right = (sources[index] / int(run.width)).tolist() + kernel.tolist()
        return self.context.matrix([one + other for one, other in zip(left, right, strict=True)])

    def _matrices(self, maps: LayerMaps) -> tuple[Any, Any, list[Any]]:
        sources = [self._matrix(source) for source in maps.sources]
        return self._matrix(maps.kernel), self._matrix(maps.carried), sources

    def _matrix(self, quotient: Quotient) -> Any:
        rows, denominator = quotient.numerators.to_list(), int(quotient.denominator)
        entries = [[self._ratio(int(entry), denominator) for entry in row] for row in rows]
        return self._checked(self.context.matrix(entries), smallest=True)

    def _ratio(self, one: int, other: int) -> Any:
        return self.context.mpf(one) / other

    def _checked(self, matrix: Any, smallest: bool = False) -> Any:
        """``matrix``, whose entries this arithmetic holds."""
        return matrix

    def _carried(self, matrix: Any, count: int, column: Any) -> Any:
        """matrix^count column."""
        if count > 2 * matrix.rows * count.bit_length():
            return self._checked(self._power(matrix, count, column))
        for _ in range(count):
            column = matrix * column
        return self._checked(column)

    def _power(self, matrix: Any, count: int, column: Any) -> Any:
        """The same by squares of the matrix, whose zeros are left out."""
        rows = [
            {j: each for j in range(matrix.cols) if (each := matrix[i, j])}
            for i in range(matrix.rows)
        ]
        values, zero = list(column), self.context.zero
        while count:
            if count & 1:
                values = [sum((m * values[j] for j, m in row.items()), zero) for row in rows]
            count >>= 1
            rows = [_row_times(row, rows) for row in rows] if count else rows
        return self.context.matrix([[value] for value in values])


class _DoubleRecursion(DecimalRecursion):
    """The same in double precision, as long as no number comes near the ends of its range."""

    def __init__(self, recursion: Recursion) -> None:
        super().__init__(recursion, fp)

    def _ratio(self, one: int, other: int) -> float:
        return one / other

    def _checked(self, matrix: Any, smallest: bool = False) -> Any:
        """``matrix``, whose largest entry (with ``smallest``, its smallest too) is near 1; else
        raises `OverflowError`.  An entry lost to underflow is then too small to count: all are of
        one sign."""
        sizes = [abs(entry) for entry in matrix if entry]
        if sizes and not (max(sizes) < _FAR and (min if smallest else max)(sizes) > 1.0 / _FAR):
            raise OverflowError
        return matrix


def quick_mean(recursion: Recursion, layer: int) -> float:
    """The observable's mean in double precision, to 9 digits at depths up to a million; 0 where
    numbers on the way come near the ends of the range."""
    try:
        value = float(sum(_DoubleRecursion(recursion).means(layer)))
    except OverflowError:
        return 0.0
    return value if isfinite(value) else 0.0


def _row_times(row: dict[int, Any], rows: list[dict[int, Any]]) -> dict[int, Any]:
    """One row of a matrix times all of a matrix."""
    found: dict[int, Any] = {}
    for j, one in row.items():
        for k, other in rows[j].items():
            found[k] = found[k] + one * other if k in found else one * other
    return found


def _parts(runs: Iterable[LayerRun], first: int, last: int) -> Iterator[tuple[LayerMaps, int]]:
    """The maps of layers ``first`` to ``last``, and how many neighbours share each."""
    layer = 1
    for run in runs:
        count = min(layer + run.count - 1, last) - max(layer, first) + 1
        if count > 0:
            yield run.maps, count
        layer += run.count
