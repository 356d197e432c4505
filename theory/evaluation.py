"""Exact values as numbers of any precision, at any depth, without exact arithmetic in between.

Every entry of a layer map is a sum of non-negative terms, since (N)_r >= 0 at whole N, so the
recursion adds no numbers of opposite sign, and the relative error grows by at most a few units in
the last place for each product.  Runs of equal layers are powers of one matrix, or as many products
with a vector where those are fewer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from math import isfinite
from operator import truediv
from typing import Any

from mpmath import fp, mp, mpf, workdps

from theory.recursion import LayerMaps, Quotient, Recursion

__all__ = ["DOUBLE_DIGITS", "evaluate"]

_GUARD_DIGITS = 15
DOUBLE_DIGITS = 9
"""Digits that double precision gives at depths up to a million."""
_FAR = 1e90


def evaluate(recursion: Recursion, layer: int, digits: int) -> mpf:
    """The observable's mean at ``layer`` in a network of numbers, to ``digits`` digits.

    Up to 9 digits come from double precision where its range holds them.  The guard digits cover
    depths up to 10^9 for observables with non-negative coefficients.
    """
    if digits <= DOUBLE_DIGITS and (value := _in_double_precision(recursion, layer)):
        return mpf(value)
    with workdps(digits + _GUARD_DIGITS):
        value = _evaluate(recursion, layer, mp, lambda one, other: mpf(one) / other, _any_size)
    with workdps(digits):
        return mpf(+value)


def _in_double_precision(recursion: Recursion, layer: int) -> float:
    """The same as a float; 0 where numbers on the way come near the ends of the range."""
    try:
        value = float(_evaluate(recursion, layer, fp, truediv, _within_doubles))
    except OverflowError:
        return 0.0
    return value if isfinite(value) else 0.0


def _within_doubles(matrix: Any, smallest: bool = False) -> Any:
    """``matrix``, whose largest entry is near 1, and whose ``smallest`` too if asked; else raises
    `OverflowError`.  An entry lost to underflow is then too small to count: all are of one sign."""
    sizes = [abs(entry) for entry in matrix if entry]
    if sizes and not (max(sizes) < _FAR and (min if smallest else max)(sizes) > 1.0 / _FAR):
        raise OverflowError
    return matrix


def _any_size(matrix: Any, smallest: bool = False) -> Any:
    return matrix


def _evaluate(
    recursion: Recursion,
    layer: int,
    context: Any,
    ratio: Callable[[int, int], Any],
    checked: Callable[..., Any],
) -> Any:
    """The same in the arithmetic of an mpmath ``context``, with its ``ratio`` of two ints; every
    matrix passes ``checked``."""

    def matrix(quotient: Quotient) -> Any:
        rows, denominator = quotient.numerators.to_list(), int(quotient.denominator)
        entries = [[ratio(int(entry), denominator) for entry in row] for row in rows]
        return checked(context.matrix(entries), smallest=True)

    below, total = matrix(recursion.start()), context.zero
    for maps, count in _runs(recursion.layers[: layer - 1]):
        below = checked(_carried(matrix(maps.kernel), count, below))
    above = list(_runs(recursion.layers[layer:]))
    for top, source in zip(recursion.top(), recursion.layers[layer - 1].sources, strict=True):
        column = matrix(Quotient.of(top)).T
        for maps, count in reversed(above):
            column = checked(_carried(matrix(maps.carried).T, count, column))
        total += (column.T * matrix(source) * below)[0, 0]
    return total


def _carried(matrix: Any, count: int, column: Any) -> Any:
    """matrix^count column."""
    if count > 2 * matrix.rows * count.bit_length():
        return matrix**count * column
    for _ in range(count):
        column = matrix * column
    return column


def _runs(layers: Sequence[LayerMaps]) -> Iterator[tuple[LayerMaps, int]]:
    """Equal neighbours and their number, from the first layer up."""
    for _, run in groupby(layers, key=id):
        same = list(run)
        yield same[0], len(same)
